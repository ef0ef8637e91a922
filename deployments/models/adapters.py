"""What may be run or called for a deployment. An allow-list: nothing else ever is."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace, slug_form
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from deployments import querysets


class Adapter(models.Model):
    """A signed call to a pipeline, or one command with its arguments. Switched off until somebody
    who may switches it on; changing what it does switches it off again."""

    class Kind(models.TextChoices):
        HOOK = "hook", "Signed webhook"
        COMMAND = "command", "Command"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    slug = models.CharField(max_length=50, validators=[slug_form])
    title = models.CharField(max_length=120)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    argv = models.JSONField(default=list, blank=True)  # no shell ever sees it
    url = models.CharField(max_length=500, blank=True)
    secret = models.TextField(blank=True, editable=False)  # sealed
    timeout_s = models.PositiveIntegerField(default=900)
    environments = models.ManyToManyField(Environment, related_name="+")
    # The step it is offered for, by the slug of the step's template; empty: for none by itself.
    for_step = models.CharField(max_length=50, blank=True)
    enabled = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        verbose_name = "deployment adapter"
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="adapter_slug_once"),
            models.CheckConstraint(
                condition=Q(kind="hook", argv=[]) & ~Q(url="") | Q(kind="command", url=""),
                name="adapter_is_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(timeout_s__gte=1, timeout_s__lte=7200), name="adapter_ends"
            ),
        ]

    def __str__(self) -> str:
        return self.title

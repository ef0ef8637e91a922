"""Secrets that lie in a vault elsewhere: what each opens, where it lies, how old it is."""

from __future__ import annotations

from datetime import date

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from controlplane.access.models import Workspace
from controlplane.catalog import querysets
from controlplane.lib import clock, defaults
from controlplane.lib.ids import uuid7

EVERY = defaults.define(
    "catalog.secret_days", 90, unit="days", why="the playbook's quarter, unless a secret says less"
)
SOON = defaults.define(
    "catalog.secret_soon_days", 14, unit="days", why="time to plan a change that others must follow"
)
LONGEST = 400  # days; a certificate of a year


def usual_days() -> int:
    return EVERY.value


class VaultSecret(models.Model):
    """Never its value: nobody can read here what the vault is for."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    purpose = models.CharField(max_length=200)
    kept_in = models.CharField(max_length=200)  # the vault and the path there
    owner_role = models.CharField(max_length=40)
    rotate_days = models.PositiveSmallIntegerField(
        default=usual_days, validators=[MinValueValidator(1), MaxValueValidator(LONGEST)]
    )
    rotated_on = models.DateField(null=True, blank=True)  # nothing: nobody knows
    due_on = models.DateField(editable=False)  # of what nobody dated: the day it was noted
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.SecretQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "name", "id"]
        verbose_name = "secret"
        constraints = [
            models.UniqueConstraint("workspace", Lower("name"), name="vault_secret_name_unique"),
            models.CheckConstraint(
                condition=Q(rotate_days__gte=1, rotate_days__lte=LONGEST),
                name="vault_secret_days_bounded",
            ),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(kept_in="") & ~Q(owner_role=""),
                name="vault_secret_is_somewhere_and_somebodys",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def state(self, today: date) -> str:
        if not self.is_active:
            return "retired"
        if self.due_on <= today:
            return "due"
        return "due soon" if (self.due_on - today).days <= SOON.value else "in time"

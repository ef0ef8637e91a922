"""Legal holds: what must not go, by whose order, since when.

A mission's evidence is held on the mission's own page (`missions.EvidenceHold`); these are about
everything else. What one keeps is told by `base.holds`, in the clean-up and wherever somebody
deletes by hand.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.privacy.querysets import LegalHoldQuerySet

_SCOPE = ("workspace", "kind", "slug", "ref", "person")


class LegalHold(models.Model):
    """While it stands, the clean-up leaves what it is on, and nobody erases it."""

    class Kind(models.TextChoices):
        EVERYTHING = "everything", "Everything of the workspace"
        CLASS = "class", "One kind of data"
        RECORD = "record", "An incident, a ticket or a thread"
        PERSON = "person", "A person"
        INSTALLATION = "installation", "The whole installation"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    # None: data of the whole installation, or of a kind that belongs to no workspace.
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    slug = models.CharField(max_length=80, blank=True)  # of a retention class
    ref = models.CharField(max_length=16, blank=True)  # INC-12
    about = models.CharField(max_length=120, blank=True, editable=False)  # its audit ref
    person = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=500)
    placed_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    placed_at = models.DateTimeField(default=clock.now, editable=False)
    lifted_at = models.DateTimeField(null=True, editable=False)
    lifted_by = models.CharField(max_length=80, blank=True, editable=False)
    lift_reason = models.CharField(max_length=500, blank=True, editable=False)
    objects = LegalHoldQuerySet.as_manager()

    class Meta:
        verbose_name = "legal hold"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=_SCOPE, condition=Q(lifted_at=None), nulls_distinct=False,
                name="legal_hold_stands_once",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="legal_hold_says_why"),
            models.CheckConstraint(
                condition=Q(kind__in=("everything", "installation"), slug="", ref="", person=None)
                | Q(kind="class", ref="", person=None) & ~Q(slug="")
                | Q(kind="record", slug="", person=None) & ~Q(ref="") & ~Q(about="")
                | Q(kind="person", slug="", ref="", person__isnull=False),
                name="legal_hold_is_on_something",
            ),
            models.CheckConstraint(
                condition=Q(workspace=None, kind__in=("class", "installation"))
                | Q(workspace__isnull=False) & ~Q(kind="installation"),
                name="legal_hold_is_somewhere",
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by="", lift_reason="")
                | Q(lifted_at__isnull=False) & ~Q(lifted_by="") & ~Q(lift_reason=""),
                name="legal_hold_lifted_by_somebody",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        # Without a name: what the log says of it outlives the account.
        named = self.ref or self.slug or self.get_kind_display().lower()
        return f"legal hold on {named}"

    @property
    def stands(self) -> bool:
        return self.lifted_at is None

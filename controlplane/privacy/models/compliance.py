"""What people add to the evidence of a control, where a control does not apply, and the reports.

What proves a control by itself is in no table of ours: it is read from the rows that show it, each
time somebody looks (`privacy.compliance`). All three tables are only ever added to, and the
database refuses anything else: what an auditor was shown stays as it was shown.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.access.querysets import Scoped
from controlplane.lib import clock
from controlplane.lib.ids import uuid7


class ControlEvidenceQuerySet(Scoped["ControlEvidence"]):
    def in_force(self) -> ControlEvidenceQuerySet:
        """Without what a later file took the place of."""
        return self.filter(replaced_by=None)


class ControlEvidence(models.Model):
    """A file that shows how a control was kept in a period: who added it, and its hash."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    control = models.CharField(max_length=60)  # a slug of compliance.controls
    period = models.CharField(max_length=7)  # "2026-Q4", or "2026" of what is owed yearly
    title = models.CharField(max_length=200)
    note = models.CharField(max_length=1000, blank=True)
    file = models.FileField(upload_to="compliance/", max_length=200)
    name = models.CharField(max_length=200)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=100)
    # A better version of what was added before, or the right file for a wrong one.
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )
    added_at = models.DateTimeField(default=clock.now, editable=False)
    added_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    objects = ControlEvidenceQuerySet.as_manager()

    class Meta:
        verbose_name = "evidence of a control"
        verbose_name_plural = "evidence of controls"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["workspace", "control", "period"], name="control_evidence_of")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(size__gt=0) & ~Q(sha256="") & ~Q(file=""),
                name="control_evidence_is_a_file",
            ),
            models.CheckConstraint(
                condition=Q(replaces=None) | ~Q(replaces=F("id")),
                name="control_evidence_not_itself",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ControlScope(models.Model):
    """Somebody said that a control does not apply in a period, and why; or that it does after all.
    The newest word counts."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    control = models.CharField(max_length=60)
    period = models.CharField(max_length=7)
    applies = models.BooleanField()
    reason = models.CharField(max_length=400)
    said_at = models.DateTimeField(default=clock.now, editable=False)
    said_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    objects = Scoped["ControlScope"].as_manager()

    class Meta:
        verbose_name = "scope of a control"
        verbose_name_plural = "scopes of controls"
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "period"], name="control_scope_of")]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="control_scope_says_why")
        ]

    def __str__(self) -> str:
        return f"{self.control} {'applies' if self.applies else 'does not apply'}, {self.period}"


class ComplianceReport(models.Model):
    """How every control stood in a period, as it was on the day it was made: two files and their
    hashes."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ref = models.CharField(max_length=16, editable=False)  # CRP-3
    period = models.CharField(max_length=7)
    made_at = models.DateTimeField(default=clock.now, editable=False)
    made_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    # Of what it says, however it is written: {"met": 12, …} and the hash of all its parts.
    figures: Any = models.JSONField(default=dict, editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    html = models.FileField(upload_to="compliance/", max_length=200, editable=False)
    html_sha256 = models.CharField(max_length=64, editable=False)
    pdf = models.FileField(upload_to="compliance/", max_length=200, editable=False)
    pdf_sha256 = models.CharField(max_length=64, editable=False)
    objects = Scoped["ComplianceReport"].as_manager()

    class Meta:
        verbose_name = "compliance report"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "ref"], name="compliance_report_once"),
            models.CheckConstraint(
                condition=~Q(sha256="") & ~Q(html_sha256="") & ~Q(pdf_sha256=""),
                name="compliance_report_has_hashes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} on {self.period}"

"""Safeguards: a workspace's policy templates, what a mission took over of them, and who said that
they know them."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions import querysets_guarding as querysets
from missions.models.missions import Mission


class Severity(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


class Mode(models.TextChoices):
    HINT = "hint", "Hint: agents are told"
    ENFORCED = "enforced", "Enforced: a violation stops the mission"


class PolicyTemplate(models.Model):
    """What a workspace asks of its missions. Each change makes another version; a mission keeps
    the one it took over."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    slug = models.SlugField(max_length=60)
    title = models.CharField(max_length=160)
    category = models.SlugField(max_length=40)
    description = models.TextField(blank=True)
    severity = models.CharField(max_length=8, choices=Severity.choices, default=Severity.MEDIUM)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.HINT)
    auto_fix = models.BooleanField(default=False)  # agents may mend a violation themselves
    params: Any = models.JSONField(default=dict, blank=True)
    # Suggested to every new mission.
    is_default = models.BooleanField(default=False)
    number = models.PositiveIntegerField(default=1, editable=False)  # of its newest version
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    changed_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.TemplateQuerySet.as_manager()

    class Meta:
        verbose_name = "policy template"
        ordering = ["category", "slug"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="policy_template_once"),
            models.CheckConstraint(
                condition=Q(severity__in=Severity.values), name="policy_template_severity"
            ),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="policy_template_mode"),
            models.CheckConstraint(
                condition=~Q(title__regex=r"^\s*$"), name="policy_template_has_title"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_retired(self) -> bool:
        return self.retired_at is not None


class TemplateVersion(models.Model):
    """What a template said at a time. Never written again."""

    template = models.ForeignKey(PolicyTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    said: Any = models.JSONField()
    reason = models.CharField(max_length=500, blank=True)
    by = models.CharField(max_length=80)  # an opaque ref
    at = models.DateTimeField(default=clock.now)
    objects = querysets.TemplateVersionQuerySet.as_manager()

    class Meta:
        verbose_name = "template version"
        ordering = ["template", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="template_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.template.title}, version {self.number}"

    @property
    def workspace_id(self) -> int:
        return self.template.workspace_id


class Safeguard(models.Model):
    """One rule of a mission: suggested, then accepted as it is, edited or rejected. It cites the
    template it comes from or says why it is there. Settled in Define: to change it later the
    mission goes back."""

    class Status(models.TextChoices):
        SUGGESTED = "suggested", "Suggested"
        ACCEPTED = "accepted", "Accepted"
        EDITED = "edited", "Accepted with changes"
        REJECTED = "rejected", "Rejected"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="safeguards")
    template = models.ForeignKey(
        PolicyTemplate, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    template_number = models.PositiveIntegerField(null=True, blank=True)
    title = models.CharField(max_length=160)
    category = models.SlugField(max_length=40)
    description = models.TextField(blank=True)
    severity = models.CharField(max_length=8, choices=Severity.choices, default=Severity.MEDIUM)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.HINT)
    auto_fix = models.BooleanField(default=False)
    params: Any = models.JSONField(default=dict, blank=True)
    justification = models.TextField(blank=True)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.SUGGESTED, editable=False
    )
    reason = models.CharField(max_length=500, blank=True, editable=False)  # of the decision
    suggested_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    suggested_at = models.DateTimeField(default=clock.now, editable=False)
    decided_by = models.CharField(max_length=80, blank=True, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Who wrote its words, beside the template's: they won't sign them as validators.
    authors = ArrayField(models.CharField(max_length=80), default=list, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.SafeguardQuerySet.as_manager()

    class Meta:
        ordering = ["mission", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mission", "template"],
                condition=Q(template__isnull=False),
                name="safeguard_of_template_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["suggested", "accepted", "edited", "rejected"]),
                name="safeguard_status_known",
            ),
            models.CheckConstraint(
                condition=Q(template=None, template_number=None)
                | Q(template__isnull=False, template_number__gte=1),
                name="safeguard_of_a_version",
            ),
            models.CheckConstraint(
                condition=Q(status="suggested", decided_at=None, decided_by="")
                | ~Q(status="suggested") & Q(decided_at__isnull=False) & ~Q(decided_by=""),
                name="safeguard_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["edited", "rejected"]) | Q(reason__gt=""),
                name="safeguard_says_why",
            ),
            models.CheckConstraint(
                condition=Q(severity__in=Severity.values), name="safeguard_severity"
            ),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="safeguard_mode"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

    @property
    def holds(self) -> bool:
        return self.status in querysets.SAFEGUARD_HOLDS


class SafeguardAck(models.Model):
    """Somebody knows these safeguards, as they stood, for this revision of the brief. When either
    changes it counts for nothing; it stays to be read."""

    class Slot(models.TextChoices):
        OWNER = "mo", "Mission Owner"
        VALIDATOR = "gv", "Governance Validator"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="safeguard_acks")
    slot = models.CharField(max_length=2, choices=Slot.choices)
    revision = models.PositiveIntegerField()  # of the brief
    digest = models.CharField(max_length=64)  # of the safeguards
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    objects = querysets.AckQuerySet.as_manager()

    class Meta:
        verbose_name = "acknowledgement of safeguards"
        verbose_name_plural = "acknowledgements of safeguards"
        ordering = ["mission", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mission", "revision", "digest", "slot"], name="safeguards_known_once"
            ),
            # One person is not two.
            models.UniqueConstraint(
                fields=["mission", "revision", "digest", "person"],
                name="safeguards_known_by_two_people",
            ),
            models.CheckConstraint(condition=Q(slot__in=["mo", "gv"]), name="safeguard_ack_slot"),
            models.CheckConstraint(
                condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="safeguard_ack_digest"
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_slot_display())

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

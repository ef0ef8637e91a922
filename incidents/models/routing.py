"""What becomes of an alert, and how grave things are answered.

A row without a workspace is shipped: it holds for every workspace. A workspace's own row of the
same slug (or code) takes its place there.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace, slug_form
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from incidents import querysets
from incidents.models.sources import Severity

DAY = 86_400


class SeverityLevel(models.Model):
    """One rung of a ladder: how soon somebody answers, who is called, how often one hears of it.
    Two ladders stand side by side; `maps_to` leads from one to the other."""

    class Ladder(models.TextChoices):
        INCIDENT = "incident", "Incidents"
        SUPPORT = "support", "Support"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    ladder = models.CharField(max_length=8, choices=Ladder.choices)
    code = models.CharField(max_length=8, validators=[slug_form])  # sev1, p0
    rank = models.PositiveSmallIntegerField()  # 1 is the gravest
    title = models.CharField(max_length=80)
    definition = models.CharField(max_length=400)
    maps_to = models.CharField(max_length=8, blank=True)  # a code of the other ladder
    pages = models.BooleanField(default=True)
    policy = models.CharField(max_length=50, blank=True)  # slug of an escalation policy
    at_once = ArrayField(models.CharField(max_length=40), default=list, blank=True)  # roles
    informed = ArrayField(models.CharField(max_length=40), default=list, blank=True)  # roles
    ack_s = models.PositiveIntegerField(null=True, blank=True)
    triage_s = models.PositiveIntegerField(null=True, blank=True)
    respond_s = models.PositiveIntegerField(null=True, blank=True)
    mitigation_starts_s = models.PositiveIntegerField(null=True, blank=True)
    mitigate_s = models.PositiveIntegerField(null=True, blank=True)
    restore_s = models.PositiveIntegerField(null=True, blank=True)
    resolve_s = models.PositiveIntegerField(null=True, blank=True)
    update_s = models.PositiveIntegerField(null=True, blank=True)
    escalate_s = models.PositiveIntegerField(null=True, blank=True)  # open for this long
    unack_s = models.PositiveIntegerField(null=True, blank=True)  # acknowledged, and then silence
    monitor_s = models.PositiveIntegerField(null=True, blank=True)
    review_s = models.PositiveIntegerField(null=True, blank=True)
    item_priority = models.PositiveSmallIntegerField(default=2, validators=[MaxValueValidator(4)])
    customers_told = models.BooleanField(default=False)
    status_page = models.BooleanField(default=False)
    note = models.CharField(max_length=400, blank=True)
    shipped_mark = models.CharField(max_length=64, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ShippedQuerySet.as_manager()

    class Meta:
        ordering = ["ladder", "rank", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "ladder", "code"],
                nulls_distinct=False,
                name="severitylevel_once",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class RoutingRule(models.Model):
    """The first rule whose matchers all hold says what becomes of an alert."""

    class Opens(models.TextChoices):
        INCIDENT = "incident", "Opens an incident"
        ITEM = "item", "Opens a work item"
        NOTE = "note", "A note on the open release"
        NOTHING = "nothing", "Is kept, and no more"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    slug = models.CharField(max_length=60, validators=[slug_form])
    title = models.CharField(max_length=120)
    about = models.CharField(max_length=400, blank=True)
    position = models.PositiveSmallIntegerField(default=100)  # lower is asked first
    matchers = models.JSONField(default=list, blank=True)  # as of silences; none: everything
    is_active = models.BooleanField(default=True)
    severity = models.CharField(max_length=8, choices=Severity.choices, blank=True)  # "": as sent
    opens = models.CharField(max_length=8, choices=Opens.choices)
    level = models.CharField(max_length=8, blank=True)  # of the incident
    category = models.CharField(max_length=12, blank=True)  # of the incident
    policy = models.CharField(max_length=50, blank=True)  # "": the level's
    notify_roles = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    group_by = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    item_priority = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(4)]
    )
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    governance = models.BooleanField(default=False)  # is told to the governance validators
    escalate_s = models.PositiveIntegerField(null=True, blank=True)  # still firing after
    escalate_to = models.CharField(max_length=40, blank=True)  # a role
    investigate_s = models.PositiveIntegerField(null=True, blank=True)  # a warning is looked at
    resolve_after_s = models.PositiveIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(31 * DAY)]
    )
    flaps = models.PositiveSmallIntegerField(default=4)  # this many times
    flap_window_s = models.PositiveIntegerField(default=3600)  # within this time
    runbook = models.CharField(max_length=60, blank=True)
    advice = models.CharField(max_length=300, blank=True)
    shipped_mark = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ShippedQuerySet.as_manager()

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"], nulls_distinct=False, name="routingrule_once"
            ),
            models.CheckConstraint(
                condition=~Q(opens="incident") | ~Q(level=""), name="routingrule_incident_has_level"
            ),
            models.CheckConstraint(
                condition=Q(escalate_s=None) | ~Q(escalate_to=""),
                name="routingrule_escalates_to_somebody",
            ),
            models.CheckConstraint(condition=Q(flaps__gte=2), name="routingrule_flaps_twice"),
        ]

    def __str__(self) -> str:
        return self.title

"""What is sent and what is answered."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.access.models import User
from controlplane.base.api.serializers import StrictSerializer
from controlplane.lib.errors import Invalid
from missions import stages
from missions.gates.kinds import STATES
from missions.models import Mission

TAGS = ["missions"]
_STAGE_HELP = "any of the three vocabularies: define, Plan & Approve, governed_execution …"


def text(**given: Any) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, **given)


def figure() -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=18, decimal_places=4, required=False, allow_null=True
    )


class Link(StrictSerializer):
    label = text(max_length=200)  # type: ignore[assignment]
    link = serializers.CharField(max_length=500)


class EvidenceLink(Link):
    sha256 = text(max_length=64)


class BriefFields(StrictSerializer):
    """What is left out stays as it is."""

    objective = text(max_length=16_000)
    audience = text(max_length=16_000)
    business_objective = text(max_length=16_000)
    kpi_name = text(max_length=120)
    kpi_unit = text(max_length=40)
    kpi_baseline = figure()
    kpi_target = figure()
    kpi_direction = serializers.ChoiceField(choices=["up", "down"], required=False)
    kpi_deadline = serializers.DateField(required=False, allow_null=True)
    timeline = text(max_length=16_000)
    confidence = serializers.DecimalField(
        max_digits=4, decimal_places=3, required=False, allow_null=True,
        help_text="0 to 1, of an agent's draft",
    )  # fmt: skip


class BriefPut(BriefFields):
    version = serializers.IntegerField(required=False, help_text="of the brief, as it was read")


class BriefRow(StrictSerializer):
    objective = serializers.CharField()
    audience = serializers.CharField()
    business_objective = serializers.CharField()
    kpi_name = serializers.CharField()
    kpi_unit = serializers.CharField()
    kpi_baseline = serializers.CharField(allow_null=True)
    kpi_target = serializers.CharField(allow_null=True)
    kpi_direction = serializers.CharField()
    kpi_deadline = serializers.DateField(allow_null=True)
    timeline = serializers.CharField()
    confidence = serializers.CharField(allow_null=True)
    revision = serializers.IntegerField()
    locked_at = serializers.DateTimeField(allow_null=True)
    locked_by = serializers.CharField()
    version = serializers.IntegerField()


class MissionFields(StrictSerializer):
    title = serializers.CharField(max_length=200, required=False)
    intent = text(max_length=16_000)
    mission_type = text(max_length=40, help_text="asked as the flag mission_type_<it>")
    persona = text(max_length=100)
    priority = serializers.IntegerField(min_value=0, max_value=4, required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=20
    )
    due_on = serializers.DateField(required=False, allow_null=True)
    owner = serializers.UUIDField(required=False, help_text="a person's uid")


class MissionNew(MissionFields):
    title = serializers.CharField(max_length=200)
    external_ref = text(max_length=200, help_text="asked again with it, the same one is answered")
    brief = BriefFields(required=False)


class MissionChange(MissionFields):
    reason = text(max_length=500)


class HeldTooRow(StrictSerializer):
    cause = serializers.CharField()
    reason = serializers.CharField()
    at = serializers.DateTimeField()


class MissionRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField()
    title = serializers.CharField()
    mission_type = serializers.CharField()
    persona = serializers.CharField()
    priority = serializers.IntegerField()
    tags = serializers.ListField(child=serializers.CharField())
    due_on = serializers.DateField(allow_null=True)
    owner = serializers.UUIDField(source="owner.uid")
    stage = serializers.ChoiceField(choices=stages.CHOICES)
    status = serializers.ChoiceField(choices=Mission.Status.choices)
    pause_reason = serializers.CharField()
    paused_cause = serializers.CharField()
    held_too = HeldTooRow(many=True)
    started_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    item = serializers.CharField(source="item.key", allow_null=True)
    external_ref = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()
    stage_v3 = serializers.SerializerMethodField()
    stage_legacy = serializers.SerializerMethodField()
    overdue = serializers.SerializerMethodField()

    def get_stage_v3(self, row: Any) -> str:
        return str(stages.get(row["stage"]).label)

    def get_stage_legacy(self, row: Any) -> list[str]:
        return list(row)

    def get_overdue(self, row: Any) -> bool:
        return bool(row)


class GateRow(StrictSerializer):
    gate = serializers.CharField()
    title = serializers.CharField()
    stage = serializers.CharField()
    phase = serializers.ChoiceField(choices=["entry", "exit"])
    state = serializers.ChoiceField(choices=list(STATES))
    detail = serializers.CharField()
    evidence = Link(many=True)
    mend = serializers.CharField(help_text="who can bring it about, and where")
    roles = serializers.ListField(child=serializers.CharField())


class LineRow(StrictSerializer):
    line = serializers.CharField()
    title = serializers.CharField()
    done = serializers.BooleanField()
    gate = serializers.CharField(help_text="the gate that answers it; empty: people tick it")
    roles = serializers.ListField(child=serializers.CharField())
    by = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField()
    evidence = Link(many=True)


class VisitRow(StrictSerializer):
    uid = serializers.UUIDField()
    stage = serializers.CharField()
    attempt = serializers.IntegerField()
    entered_at = serializers.DateTimeField()
    left_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(help_text="completed, sent_back, abandoned; empty: not left")
    reason = serializers.CharField()
    dwell_s = serializers.FloatField()
    approval = serializers.CharField(help_text="ref of its question", allow_null=True)
    evidence = EvidenceLink(many=True)


class MissionWhole(MissionRow):
    intent = serializers.CharField()
    close_reason = serializers.CharField()
    blocked = serializers.BooleanField()
    ready = serializers.BooleanField()
    next = serializers.CharField(help_text="the next step, in a sentence")
    brief = BriefRow()
    gates = GateRow(many=True)
    checklist = LineRow(many=True)
    visits = VisitRow(many=True)


class Gates(StrictSerializer):
    stage = serializers.CharField()
    ready = serializers.BooleanField()
    blocked = serializers.BooleanField()
    next = serializers.CharField()
    gates = GateRow(many=True)


class Move(StrictSerializer):
    to = serializers.CharField(max_length=60, required=False, help_text=_STAGE_HELP)


class Back(StrictSerializer):
    to = serializers.CharField(max_length=60, help_text=_STAGE_HELP)
    reason = serializers.CharField(max_length=500)


class Reason(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class Pause(Reason):
    cause = serializers.ChoiceField(
        choices=["operator", "safeguard", "kill_switch", "authorization"], required=False
    )


class Archive(StrictSerializer):
    on = serializers.BooleanField(default=True)


class Tick(StrictSerializer):
    note = text(max_length=500)
    evidence = Link(many=True, required=False)


class Unlink(StrictSerializer):
    link = serializers.CharField(max_length=500)
    reason = text(max_length=500)


class Checkpoint(StrictSerializer):
    ref = serializers.CharField()
    uid = serializers.UUIDField()
    status = serializers.CharField()
    revision = serializers.IntegerField()
    sha256 = serializers.CharField()
    due_at = serializers.DateTimeField()
    slots = serializers.ListField(child=serializers.DictField())


class Entry(StrictSerializer):
    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    who = serializers.CharField()
    kind = serializers.CharField()
    action = serializers.CharField()
    words = serializers.CharField()
    about = serializers.CharField()
    reason = serializers.CharField()
    stage = serializers.CharField()


class Timeline(StrictSerializer):
    items = Entry(many=True)


class VisitPast(StrictSerializer):
    stage = serializers.CharField(max_length=60, help_text=_STAGE_HELP)
    entered_at = serializers.DateTimeField()
    left_at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(
        choices=["completed", "sent_back", "abandoned"], required=False
    )


class MissionPast(MissionFields):
    external_ref = serializers.CharField(max_length=200)
    title = serializers.CharField(max_length=200)
    stage = serializers.CharField(max_length=60, required=False, help_text=_STAGE_HELP)
    status = serializers.CharField(max_length=60, required=False)
    reason = text(max_length=500)
    brief = BriefFields(required=False)
    visits = VisitPast(many=True, required=False)
    started_at = serializers.DateTimeField(required=False, allow_null=True)
    closed_at = serializers.DateTimeField(required=False, allow_null=True)


class Import(StrictSerializer):
    missions = MissionPast(many=True)


class Imported(StrictSerializer):
    external_ref = serializers.CharField()
    ref = serializers.CharField()
    created = serializers.BooleanField()


class ImportedAll(StrictSerializer):
    missions = Imported(many=True)


# --- Names of the outside, as rows --------------------------------------------------------------


def resolved(request: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The owner by uid, if they are of this workspace."""
    if values.get("owner") is not None:
        members = User.objects.filter(
            memberships__workspace=request.workspace, memberships__left_at=None
        )
        values["owner"] = members.filter(uid=values["owner"]).first()
        if values["owner"] is None:
            sentence = "Nobody of this workspace."
            raise Invalid(f"owner: {sentence}", details={"owner": sentence})
    return values

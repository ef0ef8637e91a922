"""Forms of runs: what was done of a plan, step by step, and what was taken back."""

from __future__ import annotations

from rest_framework import serializers

from controlplane.base.api.serializers import StrictSerializer
from missions import numbers_plans as numbers
from missions.api.forms import text
from missions.api.plans.forms import UndoStepRow, number
from missions.models import Run, RunStep, UndoAttempt, UndoRun
from missions.services.reading_steps import SYNONYMS

_STATES = [*RunStep.Status.values, *SYNONYMS]


class MissionRunNew(StrictSerializer):
    external_id = serializers.CharField(max_length=100)
    estimated_seconds = number(0, 31_536_000, required=False)


class MissionRunFinish(StrictSerializer):
    outcome = text(max_length=500)


class MissionRunRow(StrictSerializer):
    uid = serializers.UUIDField()
    external_id = serializers.CharField()
    status = serializers.ChoiceField(choices=Run.Status.choices)
    play = serializers.CharField(help_text="key of the play")
    agent = serializers.CharField()
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField()
    steps = serializers.DictField(help_text="number of steps by state")
    version = serializers.IntegerField()


class MissionRunList(StrictSerializer):
    items = MissionRunRow(many=True)


class StepReport(StrictSerializer):
    """What is left out stays as it was told before."""

    external_id = serializers.CharField(max_length=100)
    status = serializers.ChoiceField(choices=_STATES)
    sequence = number(
        0, 2_000_000_000, required=False,
        help_text="the reporter's own number: of two that are as far the higher counts",
    )  # fmt: skip
    agent = text(max_length=80)
    toolkit = text(max_length=50)
    action = text(max_length=120)
    arguments = serializers.DictField(required=False, help_text="secrets are taken out")
    mutating = serializers.BooleanField(required=False)
    play_step = number(1, numbers.MOST_STEPS, required=False, allow_null=True)
    undo_step = number(1, numbers.MOST_UNDO_STEPS, required=False, allow_null=True)
    started_at = serializers.DateTimeField(required=False, allow_null=True)
    ended_at = serializers.DateTimeField(required=False, allow_null=True)
    latency_ms = number(0, 2_000_000_000, required=False, allow_null=True)
    error_code = text(max_length=60)


class StepReports(StrictSerializer):
    steps = StepReport(many=True)


class ReportVerdict(StrictSerializer):
    index = serializers.IntegerField()
    external_id = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["accepted", "known", "rejected"])
    reason = serializers.CharField()


class StepReceipt(StrictSerializer):
    accepted = serializers.IntegerField()
    known = serializers.IntegerField()
    rejected = serializers.IntegerField()
    violations = serializers.IntegerField(
        help_text="they did what they were not let go for, or would not have been let go for"
    )
    uncovered = serializers.IntegerField(
        help_text="of those accepted: they change something that nothing takes back"
    )
    verdicts = ReportVerdict(many=True)


class DispatchAsk(StrictSerializer):
    external_id = serializers.CharField(max_length=100)
    play_step = number(1, numbers.MOST_STEPS, required=False)
    toolkit = text(max_length=50)
    action = text(max_length=120)
    arguments = serializers.DictField(required=False)
    mutating = serializers.BooleanField(required=False)
    agent = text(max_length=80)


class DispatchRow(StrictSerializer):
    external_id = serializers.CharField()
    dispatched_at = serializers.DateTimeField()
    undo_step = serializers.IntegerField(allow_null=True)
    undo_plan = serializers.UUIDField(allow_null=True)
    window_minutes = serializers.IntegerField(help_text="in which it can be taken back")
    breaker_trial = serializers.CharField(
        help_text="of a half open breaker: report the outcome of this call with it"
    )


class RunStepRow(StrictSerializer):
    uid = serializers.UUIDField()
    external_id = serializers.CharField()
    status = serializers.ChoiceField(choices=RunStep.Status.choices)
    sequence = serializers.IntegerField()
    agent = serializers.CharField()
    toolkit = serializers.CharField()
    action = serializers.CharField()
    arguments = serializers.JSONField()
    mutating = serializers.BooleanField()
    play_step = serializers.IntegerField(source="play_step.position", allow_null=True)
    undo_step = serializers.IntegerField(source="undo_step.position", allow_null=True)
    dispatched_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True)
    error_code = serializers.CharField()
    reported_at = serializers.DateTimeField()


class UndoAsk(StrictSerializer):
    reason = serializers.CharField(max_length=500)
    drill = serializers.BooleanField(default=False)
    late = serializers.BooleanField(
        default=False, help_text="the time is over, and it is done all the same"
    )


class UndoTry(StrictSerializer):
    step = number(1, numbers.MOST_UNDO_STEPS, help_text="position in the undo plan")
    result = serializers.ChoiceField(choices=UndoAttempt.Result.choices)
    note = text(max_length=1_000)
    external_id = text(max_length=100)


class UndoTries(StrictSerializer):
    attempts = UndoTry(many=True)


class UndoTryRow(StrictSerializer):
    step = serializers.IntegerField()
    number = serializers.IntegerField()
    result = serializers.CharField()
    note = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()


class UndoRunRow(StrictSerializer):
    uid = serializers.UUIDField()
    status = serializers.ChoiceField(choices=UndoRun.Status.choices)
    drill = serializers.BooleanField()
    alternate = serializers.BooleanField()
    late = serializers.BooleanField()
    reason = serializers.CharField()
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    reversed = serializers.IntegerField()
    outcome = serializers.CharField()
    followed_by = serializers.UUIDField(allow_null=True, help_text="the run by the other way")
    item = serializers.CharField(help_text="the incident's work item")
    steps = UndoStepRow(many=True)
    attempts = UndoTryRow(many=True)


class UndoRunList(StrictSerializer):
    items = UndoRunRow(many=True)

"""Canary rollouts: planned, started, watched, taken back."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.access.services.saving import invalid
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import RequiredReason, StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalRequest, RowView, row_of
from controlplane.catalog.models import Environment
from controlplane.lib.errors import NotFound
from deployments.canary import services
from deployments.canary.limits import JUDGES
from deployments.flags.models import Flag
from deployments.models import Deployment, Rollout, RolloutEvent, RolloutSample, RolloutStep

TAGS = ["rollouts"]
VIEW, PLAN, PROMOTE = "rollout.view", "rollout.plan", "rollout.promote"


# --- Forms --------------------------------------------------------------------------------------


class RolloutLimitsForm(StrictSerializer):
    """What the judge holds the cohort to. What is left out is the installation's default."""

    judge = serializers.ChoiceField(choices=list(JUDGES), required=False)
    max_error_rate = serializers.FloatField(required=False, help_text="a share: 0.02")
    max_latency_ratio = serializers.FloatField(required=False, help_text="times the baseline's p95")
    max_slow_share = serializers.FloatField(required=False)
    max_violations = serializers.IntegerField(required=False)
    alpha = serializers.FloatField(required=False)
    min_samples = serializers.IntegerField(required=False)
    literal_samples = serializers.IntegerField(required=False)
    confirm_ticks = serializers.IntegerField(required=False)
    min_errors = serializers.IntegerField(required=False)
    stale_after = serializers.FloatField(required=False, help_text="seconds without figures")
    max_holds = serializers.FloatField(required=False)


class RolloutStepForm(StrictSerializer):
    percent = serializers.IntegerField(min_value=1, max_value=100)
    hold_minutes = serializers.IntegerField(min_value=1, max_value=14 * 1440)


class RolloutNew(StrictSerializer):
    flag = serializers.CharField(max_length=200)
    environment = serializers.SlugField(max_length=50)
    deployment = serializers.CharField(
        max_length=16, required=False, allow_null=True, help_text="DEP-7: what brought the code"
    )
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)
    preset = serializers.ChoiceField(choices=Rollout.Preset.choices, required=False)
    steps = RolloutStepForm(many=True, required=False, help_text="of the preset custom")
    limits = RolloutLimitsForm(required=False)
    source = serializers.ChoiceField(choices=Rollout.Source.choices, required=False)  # type: ignore[assignment]
    asking = serializers.DictField(required=False, help_text="what the source needs")
    automatic = serializers.BooleanField(required=False)


class RolloutChange(StrictSerializer):
    title = serializers.CharField(max_length=200, required=False)
    limits = RolloutLimitsForm(required=False)
    source = serializers.ChoiceField(choices=Rollout.Source.choices, required=False)  # type: ignore[assignment]
    asking = serializers.DictField(required=False)
    automatic = serializers.BooleanField(required=False)
    version = serializers.IntegerField(required=False, help_text="refused when another stands")


class RolloutBaselineForm(StrictSerializer):
    """Figures of being without the flag, for a rollout whose figures are posted. Elsewhere they
    are read from the source."""

    requests = serializers.IntegerField(min_value=0, required=False)
    error_rate = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True)
    p95_ms = serializers.FloatField(min_value=0, required=False, allow_null=True)
    violations = serializers.IntegerField(min_value=0, required=False)


class RolloutOverrideForm(StrictSerializer):
    override = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="why it is passed over"
    )


class RolloutPromoteForm(RolloutOverrideForm):
    step = serializers.IntegerField(
        min_value=1, required=False, help_text="the position you look at: a repeat goes on once"
    )


class RolloutFiguresForm(StrictSerializer):
    """Counts since the last post, of the cohort and of everybody else; or rates, where only those
    are known."""

    at = serializers.DateTimeField(required=False)
    n = serializers.IntegerField(min_value=0, required=False)
    errors = serializers.IntegerField(min_value=0, required=False)  # type: ignore[assignment]
    slow = serializers.IntegerField(min_value=0, required=False)
    violations = serializers.IntegerField(min_value=0, required=False)
    others = serializers.IntegerField(min_value=0, required=False)
    others_errors = serializers.IntegerField(min_value=0, required=False)
    others_slow = serializers.IntegerField(min_value=0, required=False)
    on = serializers.IntegerField(min_value=0, required=False)
    off = serializers.IntegerField(min_value=0, required=False)
    error_rate = serializers.FloatField(min_value=0, max_value=1, required=False)
    latency_ratio = serializers.FloatField(min_value=0, required=False)
    p95_ms = serializers.FloatField(min_value=0, required=False, help_text="of the cohort")
    others_p95_ms = serializers.FloatField(min_value=0, required=False)


class RolloutNothingForm(StrictSerializer):
    """Nothing is to be said."""


class RolloutCompleteForm(StrictSerializer):
    metrics_note = serializers.CharField(max_length=20_000)
    remove_by = serializers.DateField(required=False)


# --- Rows ---------------------------------------------------------------------------------------


class RolloutRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField()
    title = serializers.CharField()
    flag = serializers.CharField(source="flag.flag_name")
    environment = serializers.CharField(source="environment.slug")
    deployment = serializers.CharField(source="deployment.ref", allow_null=True)
    status = serializers.ChoiceField(choices=Rollout.Status.choices)
    preset = serializers.ChoiceField(choices=Rollout.Preset.choices)
    automatic = serializers.BooleanField()
    limits = serializers.DictField()
    source = serializers.ChoiceField(choices=Rollout.Source.choices)  # type: ignore[assignment]
    asking = serializers.DictField(help_text="without secrets")
    slow_ms = serializers.FloatField(allow_null=True)
    outcome = serializers.CharField(allow_blank=True)
    metrics_note = serializers.CharField(allow_blank=True)
    item = serializers.CharField(source="item.key", allow_null=True)
    blocker = serializers.CharField(source="blocker.key", allow_null=True)
    approval = serializers.UUIDField(source="approval.uid", allow_null=True)
    baseline = serializers.DictField(source="baseline.figures", allow_null=True)
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class RolloutStepRow(StrictSerializer):
    position = serializers.IntegerField()
    percent = serializers.IntegerField()
    hold_minutes = serializers.IntegerField()
    state = serializers.ChoiceField(choices=RolloutStep.State.choices)
    started_at = serializers.DateTimeField(allow_null=True)
    earliest_next_at = serializers.DateTimeField(allow_null=True)
    held_since = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    promoted_by = serializers.CharField(allow_blank=True)
    override_reason = serializers.CharField(allow_blank=True)
    verdict = serializers.CharField(allow_blank=True)
    rule = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    numbers = serializers.DictField()
    item = serializers.CharField(source="item.key", allow_null=True)
    snapshot = serializers.DictField(source="snapshot.figures", allow_null=True)


class RolloutWhole(RolloutRow):
    steps = RolloutStepRow(many=True, source="*")


class RolloutEventRow(StrictSerializer):
    uid = serializers.UUIDField()
    step = serializers.IntegerField(source="step.position", allow_null=True)
    what = serializers.CharField()
    rule = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    numbers = serializers.DictField()
    by = serializers.CharField()
    at = serializers.DateTimeField()


class RolloutSampleRow(StrictSerializer):
    step = serializers.IntegerField(source="step.position")
    at = serializers.DateTimeField()
    n = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]
    slow = serializers.IntegerField()
    p95_ms = serializers.FloatField(allow_null=True)
    violations = serializers.IntegerField()
    others = serializers.IntegerField()
    others_errors = serializers.IntegerField()
    others_slow = serializers.IntegerField()
    others_p95_ms = serializers.FloatField(allow_null=True)
    error_rate = serializers.FloatField(allow_null=True)
    latency_ratio = serializers.FloatField(allow_null=True)


# --- Views --------------------------------------------------------------------------------------
_STEP = row_of(RolloutStepRow)


class RolloutFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Rollout.Status.choices)
    flag = django_filters.CharFilter(field_name="flag__flag_name", max_length=200)
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    deployment = django_filters.CharFilter(field_name="deployment__ref", max_length=16)


class _Rollouts(RowView):
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Rollout.objects.visible_to(request.actor).of(request.workspace)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        row["asking"] = {key: value for key, value in row["asking"].items() if key != "token"}
        return row


class RolloutsView(_Rollouts, ListView):
    """Rollouts of the workspace, the newest first."""

    actions = {"GET": VIEW, "POST": PLAN}
    output = RolloutRow
    inputs = {"POST": RolloutNew}
    outputs = {"POST": RolloutRow}
    filterset = RolloutFilter
    sorts = {"newest": ("-id",)}
    errors = (409,)

    def post(self, request: Any) -> HttpResponse:
        values = self.read(request)
        here = request.workspace
        flag = _one(Flag.objects.of(here), "flag", flag_name=values.pop("flag"))
        environment = _one(
            Environment.objects.filter(workspace=here),
            "environment",
            slug=values.pop("environment"),
        )
        if values.get("deployment"):
            values["deployment"] = _one(
                Deployment.objects.of(here), "deployment", ref=values["deployment"]
            )
        rollout = services.plan(flag, environment, actor=request.actor, **values)
        return created(self.show(rollout), f"{request.path}/{rollout.ref}")


def _one(rows: QuerySet[Any], field: str, **named: Any) -> Any:
    found = rows.filter(**named).first()
    if found is None:
        raise invalid(field, "There is none of this name here.")
    return found


class _One(_Rollouts, DetailView):
    output = RolloutWhole
    lookup = "ref"
    extra_columns = ("id",)
    statuses = {"POST": 200}
    errors = (409, 422)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        row = super().shape(row)
        steps = RolloutStep.objects.filter(rollout_id=row.pop("id"))
        steps = steps.select_related("item", "snapshot").order_by("position")
        row["steps"] = [_STEP.from_object(each) for each in steps]
        return row

    def held(self, request: Any, ref: str) -> Rollout:
        found: Rollout = self.object(request, {"ref": ref})
        return found

    def whole(self, rollout: Rollout) -> HttpResponse:
        return JsonAnswer(self.show(Rollout.objects.get(pk=rollout.pk)))


class RolloutView(_One):
    """One rollout with its steps and what the judge last said of each."""

    actions = {"GET": VIEW, "PATCH": PLAN}
    inputs = {"PATCH": RolloutChange}
    outputs = {"PATCH": RolloutWhole}

    def patch(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        changes = self.read(request)
        return self.whole(services.change_rollout(rollout, actor=request.actor, **changes))


class RolloutBaselineView(_One):
    """Take the baseline: how it is while the flag is off."""

    actions = {"POST": PLAN}
    inputs = {"POST": RolloutBaselineForm}
    outputs = {"POST": RolloutWhole}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        given = self.read(request) or None
        return self.whole(services.take_baseline(rollout, actor=request.actor, given=given))


class RolloutConsentView(_One):
    """Ask for consent to the whole plan, where the environment wants it."""

    actions = {"POST": PLAN}
    inputs = {"POST": RolloutNothingForm}
    outputs = {"POST": RolloutWhole}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        self.read(request)
        services.ask_consent(rollout, actor=request.actor)
        return self.whole(rollout)


class RolloutStartView(_One):
    """Bring the first cohort. Refused unless the flag is off, its deployment has landed and the
    baseline is there; 422 names what is missing."""

    actions = {"POST": PROMOTE}
    inputs = {"POST": RolloutOverrideForm}
    outputs = {"POST": RolloutWhole}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        return self.whole(services.start(rollout, actor=request.actor, **self.read(request)))


class RolloutPromoteView(_One):
    """On to the next step. Before its time only with `override`, by those who may."""

    actions = {"POST": PROMOTE}
    inputs = {"POST": RolloutPromoteForm}
    outputs = {"POST": RolloutWhole}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        return self.whole(services.promote(rollout, actor=request.actor, **self.read(request)))


class RolloutPauseView(_One):
    """Stay at this step. The judge goes on looking."""

    actions = {"POST": "rollout.pause"}
    inputs = {"POST": RequiredReason}
    outputs = {"POST": RolloutWhole}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        return self.whole(services.pause(rollout, actor=request.actor, **self.read(request)))


class RolloutResumeView(_One):
    """Go on after a pause."""

    actions = {"POST": PROMOTE}
    inputs = {"POST": RolloutNothingForm}
    outputs = {"POST": RolloutWhole}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        self.read(request)
        return self.whole(services.resume(rollout, actor=request.actor))


class RolloutRollbackView(_One):
    """Off for everybody, now."""

    actions = {"POST": "rollout.rollback"}
    emergency = True
    inputs = {"POST": RequiredReason}
    outputs = {"POST": RolloutWhole}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        return self.whole(services.roll_back(rollout, actor=request.actor, **self.read(request)))


class RolloutCancelView(_One):
    """Give up a plan that never began."""

    actions = {"POST": PLAN}
    inputs = {"POST": RequiredReason}
    outputs = {"POST": RolloutWhole}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        return self.whole(services.cancel(rollout, actor=request.actor, **self.read(request)))


class RolloutCompleteView(_One):
    """Document how it went; the flag gets a day by which it is removed."""

    actions = {"POST": PROMOTE}
    inputs = {"POST": RolloutCompleteForm}
    outputs = {"POST": RolloutWhole}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        return self.whole(services.complete(rollout, actor=request.actor, **self.read(request)))


class RolloutFiguresView(_One):
    """Post figures. They are judged before the answer: look at its status."""

    actions = {"POST": "rollout.report"}
    inputs = {"POST": RolloutFiguresForm}
    outputs = {"POST": RolloutWhole}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        given = self.read(request)
        at = given.pop("at", None)
        return self.whole(services.post_figures(rollout, given, actor=request.actor, at=at))


class _Parts(RowView):
    tags = TAGS
    actions = {"GET": VIEW}

    def rollout(self, request: PortalRequest) -> Rollout:
        rows = Rollout.objects.visible_to(request.actor).of(request.workspace)
        found: Rollout | None = rows.filter(ref=self.kwargs["ref"]).first()
        if found is None:
            raise NotFound("Nothing is here, or it is not yours to see.")
        return found


class RolloutEventsView(_Parts, ListView):
    """Every decision about a rollout, with the numbers it rested on."""

    output = RolloutEventRow
    sorts = {"newest": ("-id",)}

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = RolloutEvent.objects.visible_to(request.actor).select_related("step")
        return rows.filter(rollout=self.rollout(request))


class RolloutSamplesView(_Parts, ListView):
    """What each look counted: the curves of both sides."""

    output = RolloutSampleRow
    sorts = {"newest": ("-id",)}

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = RolloutSample.objects.visible_to(request.actor).select_related("step")
        return rows.filter(step__rollout=self.rollout(request))


ONE = "v1/rollouts/<str:ref>"
urlpatterns = [
    path("v1/rollouts", RolloutsView.as_view()),
    path(ONE, RolloutView.as_view()),
    path(f"{ONE}/baseline", RolloutBaselineView.as_view()),
    path(f"{ONE}/consent", RolloutConsentView.as_view()),
    path(f"{ONE}/start", RolloutStartView.as_view()),
    path(f"{ONE}/promote", RolloutPromoteView.as_view()),
    path(f"{ONE}/pause", RolloutPauseView.as_view()),
    path(f"{ONE}/resume", RolloutResumeView.as_view()),
    path(f"{ONE}/rollback", RolloutRollbackView.as_view()),
    path(f"{ONE}/cancel", RolloutCancelView.as_view()),
    path(f"{ONE}/complete", RolloutCompleteView.as_view()),
    path(f"{ONE}/figures", RolloutFiguresView.as_view()),
    path(f"{ONE}/events", RolloutEventsView.as_view()),
    path(f"{ONE}/samples", RolloutSamplesView.as_view()),
]

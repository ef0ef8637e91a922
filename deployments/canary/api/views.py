"""Canary rollouts: planned, started, watched, taken back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.access.services.saving import invalid
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.rows import row_of
from controlplane.base.api.serializers import RequiredReason
from controlplane.base.api.views import DetailView, ListView, PortalRequest, RowView
from controlplane.catalog.models import Environment
from controlplane.lib.errors import NotFound
from deployments.canary import services
from deployments.canary.api.forms import (
    RolloutBaselineForm,
    RolloutChange,
    RolloutCompleteForm,
    RolloutFiguresForm,
    RolloutNew,
    RolloutNothingForm,
    RolloutOverrideForm,
    RolloutPromoteForm,
)
from deployments.canary.api.rows import (
    RolloutEventRow,
    RolloutRow,
    RolloutSampleRow,
    RolloutStepRow,
    RolloutTriedRow,
    RolloutWhole,
)
from deployments.canary.seen import Figures
from deployments.canary.services.trying import try_source
from deployments.flags.models import Flag
from deployments.models import Deployment, Rollout, RolloutEvent, RolloutSample, RolloutStep

TAGS = ["rollouts"]
VIEW, PLAN, PROMOTE = "rollout.view", "rollout.plan", "rollout.promote"
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
        _name_deployment(values, here)
        rollout = services.plan(flag, environment, actor=request.actor, **values)
        return created(self.show(rollout), f"{request.path}/{rollout.ref}")


def _one(rows: QuerySet[Any], field: str, **named: Any) -> Any:
    found = rows.filter(**named).first()
    if found is None:
        raise invalid(field, "There is none of this name here.")
    return found


def _name_deployment(values: dict[str, Any], workspace: Any) -> None:
    if values.get("deployment"):
        rows = Deployment.objects.of(workspace).select_related("environment", "item__project")
        values["deployment"] = _one(rows, "deployment", ref=values["deployment"])


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
        _name_deployment(changes, request.workspace)
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


class RolloutTryView(_One):
    """What its source answers right now. Nothing is kept."""

    actions = {"POST": PLAN}
    inputs = {"POST": RolloutNothingForm}
    outputs = {"POST": RolloutTriedRow}

    def post(self, request: Any, ref: str) -> HttpResponse:
        rollout = self.held(request, ref)
        self.read(request)
        tried = try_source(rollout, actor=request.actor)
        figures = _figures(tried.reading.figures) if tried.reading else None
        times = ("p95_ms", "others_p95_ms")
        return JsonAnswer(
            {
                "start": tried.start,
                "end": tried.end,
                "figures": figures,
                **{name: getattr(tried.reading, name, None) for name in times},
                "trouble": tried.trouble,
                "baseline": tried.baseline.told() if tried.baseline else None,
                "baseline_trouble": tried.baseline_trouble,
            }
        )


def _figures(read: Figures) -> dict[str, Any]:
    """As they are posted: people by their number, and by no other."""
    told = asdict(read)
    if (people := told.pop("people")) is not None:
        told |= {"on": sum(people.values()), "off": len(people) - sum(people.values())}
    return told


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

"""Runs of a mission: begun, asked for step by step, reported in batches, ended."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.views import ListView, PortalRequest
from missions.api import forms as mission_forms
from missions.api.missions import VIEW, mission_of
from missions.api.plans import examples, run_forms, shapes
from missions.api.plans.plans import Part, one
from missions.models import Run, RunStep
from missions.services import dispatching, executing, reporting

EXECUTE = "mission.execute"


class RunsView(Part):
    """Runs of a mission's play."""

    operation_ids: ClassVar[dict[str, str]] = {"GET": "missions_runs_list"}
    actions = {"GET": VIEW, "POST": EXECUTE}
    inputs = {"POST": run_forms.MissionRunNew}
    outputs = {"GET": run_forms.MissionRunList, "POST": run_forms.MissionRunRow}
    statuses = {"POST": 200}
    examples = {"POST": examples.RUN}
    errors = (409, 422)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Runs, the newest first"""
        rows = self.mission().runs.select_related("play").order_by("-pk")[:50]
        return JsonAnswer({"items": [shapes.run(row) for row in rows]})

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Begin the selected play; under the same `external_id` it is the same run

        422 says what is in the way: the flag of the mission's type, or that nobody watches.
        """
        run = executing.start_run(self.mission(), actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.run(run))


class _Run(Part):
    outputs = {"POST": run_forms.MissionRunRow}
    statuses = {"POST": 200}
    errors: ClassVar[Collection[int]] = (409,)

    def run(self) -> Run:
        mission = self.mission()
        rows = Run.objects.filter(mission=mission).select_related("play")
        found: Run = self.one(rows, external_id=self.kwargs["run"])
        found.mission = mission
        return found


class RunView(_Run):
    """One run."""

    actions = {"GET": VIEW}
    outputs = {"GET": run_forms.MissionRunRow}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """A run with its number of steps by state"""
        return JsonAnswer(shapes.run(self.run()))


class DispatchView(_Run):
    """May this step be taken now?"""

    actions = {"POST": EXECUTE}
    inputs = {"POST": run_forms.DispatchAsk}
    outputs = {"POST": run_forms.DispatchRow}
    examples = {"POST": examples.DISPATCH}
    errors = (409, 422, 429, 503)

    def post(self, request: Any, ref: str, run: str) -> HttpResponse:
        """Ask before each action; 200 lets it go

        409: the mission is paused, ended or elsewhere. 422: its type is switched off, nobody
        watches, a safeguard says no, or nothing takes this change back. 429: the mission calls this
        toolkit too often. 503: the toolkit's breaker is open. The last two say in `Retry-After`
        when to ask again. Asked again for a step that was let go, it answers the same; asked for
        something else under its id, 409.
        """
        let = dispatching.dispatch(self.run(), actor=request.actor, **self.read(request))
        undo = let.step.undo_step
        return JsonAnswer(
            {
                "external_id": let.step.external_id,
                "dispatched_at": let.step.dispatched_at,
                "undo_step": undo.position if undo is not None else None,
                "undo_plan": let.undo_plan.uid if let.undo_plan is not None else None,
                "window_minutes": let.window_minutes,
                "breaker_trial": let.trial,
            }
        )


class FinishView(_Run):
    """A run of which everything was asked for."""

    actions = {"POST": EXECUTE}
    inputs = {"POST": run_forms.MissionRunFinish}
    examples = {"POST": examples.FINISH}

    def post(self, request: Any, ref: str, run: str) -> HttpResponse:
        """Finish a run; reports of its steps may still come"""
        done = executing.finish_run(self.run(), actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.run(done))


class AbortView(_Run):
    """A run that is given up."""

    actions = {"POST": EXECUTE}
    inputs = {"POST": mission_forms.Reason}

    def post(self, request: Any, ref: str, run: str) -> HttpResponse:
        """Abort a run; steps under way count as failed until they report otherwise"""
        done = executing.abort_run(self.run(), actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.run(done))


class StepFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=RunStep.Status.choices)
    toolkit = django_filters.CharFilter(max_length=50)
    mutating = BooleanFilter(field_name="mutating")
    external_id = django_filters.CharFilter(max_length=100)


class StepsView(ListView):
    """Steps of a run, as they were reported."""

    actions = {"GET": VIEW, "POST": EXECUTE}
    output = run_forms.RunStepRow
    inputs = {"POST": run_forms.StepReports}
    outputs = {"POST": run_forms.StepReceipt}
    statuses = {"POST": 200}
    filterset = StepFilter
    sorts = {"newest": ("-id",), "oldest": ("id",)}
    examples = {"POST": examples.STEPS}
    tags = mission_forms.TAGS
    errors = (409,)
    max_body = 6 * 1024 * 1024

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        mission = mission_of(request, self.kwargs["ref"])
        return RunStep.objects.filter(mission=mission, run__external_id=self.kwargs["run"])

    def post(self, request: Any, ref: str, run: str) -> HttpResponse:
        """Report steps: at most 500 at once, in any order, as often as need be

        Each report says how far its step is; what it leaves out stays. A later state never goes
        back, and the same reports end in the same state whatever their order. One that cannot be
        placed is refused by itself, with its reason. What happened while the mission was paused is
        taken all the same. A step that does something else than it was let go for, or that nobody
        let go and nobody would have, is taken too, and is a finding that stops the mission.
        """
        given = self.read(request)["steps"]
        mission = mission_of(request, ref)
        rows = Run.objects.filter(mission=mission).select_related("play")
        found = one(rows, external_id=run)
        found.mission = mission
        receipt = reporting.report_steps(found, given, actor=request.actor)
        return JsonAnswer(
            {
                "accepted": receipt.accepted,
                "known": receipt.known,
                "rejected": receipt.rejected,
                "violations": receipt.violations,
                "uncovered": receipt.uncovered,
                "verdicts": receipt.verdicts,
            }
        )

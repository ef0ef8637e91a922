"""Undo plans of plays, and their runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import NoInput, OptionalReason
from missions.api import forms as mission_forms
from missions.api.missions import VIEW
from missions.api.plans import examples, forms, run_forms, shapes
from missions.api.plans.plans import PLAN, Part
from missions.models import Play, UndoPlan, UndoRun
from missions.services import undo_plans, undoing

UNDO, EXECUTE = "mission.undo", "mission.execute"


class _Undo(Part):
    def play(self) -> Play:
        mission = self.mission()
        found: Play = self.one(Play.objects.filter(mission=mission), uid=self.kwargs["uid"])
        found.mission = mission
        return found

    def plan(self) -> UndoPlan:
        play = self.play()
        found: UndoPlan = self.one(UndoPlan.objects.all(), play=play)
        found.play = play
        return found


class UndoPlanView(_Undo):
    """How one play is taken back."""

    actions = {"GET": VIEW, "PUT": PLAN}
    inputs = {"PUT": forms.UndoNew}
    outputs = {"GET": forms.UndoRow, "PUT": forms.UndoRow}
    examples = {"PUT": examples.UNDO}
    errors = (409,)
    max_body = 1024 * 1024

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """The undo plan of a play, and how much of the play it covers"""
        return JsonAnswer(shapes.one_undo_plan(self.plan()))

    def put(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Write it: all of it, and the same again changes nothing

        One that is ready is opened first. Each step says what it takes back, how, and how one sees
        that it worked.
        """
        given = self.read(request)
        plan = undo_plans.put_undo_plan(self.play(), actor=request.actor, **given)
        return JsonAnswer(shapes.one_undo_plan(plan))


class _PlanVerb(_Undo):
    service: ClassVar[Callable[..., Any]]
    outputs = {"POST": forms.UndoRow}
    statuses = {"POST": 200}
    errors = (409, 422)

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        done = type(self).service(self.plan(), actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.one_undo_plan(done))


class ReadyView(_PlanVerb):
    """An undo plan that can be relied on: each change of the play can be taken back."""

    actions = {"POST": PLAN}
    inputs = {"POST": NoInput}
    service = undo_plans.make_undo_ready


class OpenView(_PlanVerb):
    """An undo plan that is written in again."""

    actions = {"POST": PLAN}
    inputs = {"POST": OptionalReason}
    service = undo_plans.open_undo_plan


class CloseView(_PlanVerb):
    """The end of the time to undo, before its time."""

    actions = {"POST": UNDO}
    inputs = {"POST": mission_forms.Reason}
    service = undo_plans.close_undo


class UndoRunsView(_Undo):
    """Each time an undo plan was carried out, or practised."""

    actions = {"GET": VIEW, "POST": UNDO}
    inputs = {"POST": run_forms.UndoAsk}
    outputs = {"GET": run_forms.UndoRunList, "POST": run_forms.UndoRunRow}
    statuses = {"POST": 200}
    examples = {"POST": examples.UNDO_RUN}
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Runs of an undo plan, the newest first"""
        rows = self.plan().runs.select_related("followed_by").order_by("-pk")[:50]
        return JsonAnswer({"items": [shapes.undo_run(row) for row in rows]})

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Take back what the mission did, or practise it

        It takes what may have changed and was not taken back since: a step that was let go and of
        which nothing was heard is among it. Asked twice, it is one. After its time it is refused,
        unless it is asked for as `late`.
        """
        given = self.read(request)
        run = undoing.request_undo(self.plan(), actor=request.actor, **given)
        return JsonAnswer(shapes.undo_run(run))


class _Run(Part):
    outputs = {"POST": run_forms.UndoRunRow}
    statuses = {"POST": 200}
    errors = (409,)

    def undo_run(self) -> UndoRun:
        mission = self.mission()
        rows = UndoRun.objects.filter(plan__play__mission=mission)
        found: UndoRun = self.one(
            rows.select_related("plan__play", "followed_by"), uid=self.kwargs["uid"]
        )
        found.plan.play.mission = mission
        return found


class UndoRunView(_Run):
    """One undo run."""

    actions = {"GET": VIEW}
    outputs = {"GET": run_forms.UndoRunRow}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """What it takes back in which order, and what was tried"""
        return JsonAnswer(shapes.undo_run(self.undo_run()))


class AttemptsView(_Run):
    """What was tried to take a mission back."""

    actions = {"POST": EXECUTE}
    inputs = {"POST": run_forms.UndoTries}
    examples = {"POST": examples.ATTEMPTS}

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Report tries of steps; told twice under one `external_id` they count once

        With the last step done the run is complete. A step that failed three times ends it: another
        run follows, with its alternates and with what was not tried yet. Where there is no other
        way an incident is opened.
        """
        given = self.read(request)["attempts"]
        return JsonAnswer(
            shapes.undo_run(undoing.report_undo(self.undo_run(), given, actor=request.actor))
        )


class FailView(_Run):
    """An undo that does not work."""

    actions = {"POST": EXECUTE}
    inputs = {"POST": mission_forms.Reason}

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Give it up: the alternates follow, or an incident"""
        done = undoing.fail_undo(self.undo_run(), actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.undo_run(done))


class WithdrawView(_Run):
    """An undo that is not wanted any more."""

    actions = {"POST": UNDO}
    inputs = {"POST": mission_forms.Reason}

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Withdraw it before anything of it was done"""
        done = undoing.withdraw_undo(self.undo_run(), actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.undo_run(done))

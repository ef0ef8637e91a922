"""Plays, notes, risks, hooks and duty windows of one mission."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse

from controlplane.access.models import User
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.serializers import OptionalReason
from controlplane.base.api.views import PortalAPIView
from controlplane.lib.errors import Invalid, NotFound
from missions.api.forms import TAGS
from missions.api.missions import VIEW, mission_of
from missions.api.plans import examples, forms, shapes
from missions.execution.watching import on_watch
from missions.models import DutyWindow, Mission, PlanNote, Play, RiskEntry
from missions.services import plan_notes, plays

PLAN = "mission.plan"


def one(rows: Any, **named: Any) -> Any:
    found = rows.filter(**named).first()
    if found is None:
        raise NotFound("Nothing is here, or it is not yours to see.")
    return found


class Part(PortalAPIView):
    """Of a mission that the caller may see; of any other it is as if there were none."""

    tags: ClassVar[list[str]] = TAGS

    def mission(self) -> Mission:
        return mission_of(self.request, self.kwargs["ref"])

    def one(self, rows: Any, **named: Any) -> Any:
        return one(rows, **named)


class PlaysView(Part):
    """The plays of a mission: ways to do it, ranked."""

    actions = {"GET": VIEW, "POST": PLAN}
    inputs = {"POST": forms.Plays}
    outputs = {"GET": forms.PlayList, "POST": forms.PlayList}
    statuses = {"POST": 200}
    examples = {"POST": examples.PLAYS}
    errors = (409,)
    max_body = 2 * 1024 * 1024

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Plays with their steps and undo plans, the best first"""
        return JsonAnswer({"items": shapes.plays(self.mission())})

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Propose the ranking: at most three plays, each with its steps and its undo plan

        It takes the place of the ranking before. A play that is in both, word for word, stays with
        its choice and its undo plan; what was signed falls where something changed. Sent again it
        changes nothing.
        """
        given = self.read(request)
        mission = self.mission()
        plays.propose_plays(mission, given.pop("plays"), actor=request.actor, **given)
        return JsonAnswer({"items": shapes.plays(mission)})


class SelectView(Part):
    """The choice among the plays. It is people's."""

    actions = {"POST": "mission.select"}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": forms.PlayList}
    statuses = {"POST": 200}
    examples = {"POST": examples.SELECT}
    errors = (409,)

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Choose this play and no other"""
        mission = self.mission()
        play = self.one(Play.objects.filter(mission=mission), uid=uid)
        play.mission = mission
        plays.select_play(play, actor=request.actor, **self.read(request))
        return JsonAnswer({"items": shapes.plays(mission)})


class NotesView(Part):
    """What the plan says of risks and of promises to others."""

    actions = {"GET": VIEW, "PUT": PLAN}
    inputs = {"PUT": forms.PlanNotesPut}
    outputs = {"GET": forms.PlanNotesRow, "PUT": forms.PlanNotesRow}
    examples = {"PUT": examples.NOTES}
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Risk notes and SLA impact of a plan"""
        return JsonAnswer(shapes.notes(PlanNote.objects.filter(mission=self.mission()).first()))

    def put(self, request: Any, ref: str) -> HttpResponse:
        """Write them; what is left out stays"""
        given = self.read(request)
        note = plan_notes.put_plan_note(self.mission(), actor=request.actor, **given)
        return JsonAnswer(shapes.notes(note))


class RisksView(Part):
    """The risk matrix of a mission."""

    operation_ids: ClassVar[dict[str, str]] = {"GET": "missions_risks_list"}
    actions = {"GET": VIEW, "POST": PLAN}
    inputs = {"POST": forms.RiskNew}
    outputs = {"GET": forms.RiskList, "POST": forms.RiskRow}
    examples = {"POST": examples.RISK}
    statuses = {"POST": 201}
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Risks that stand, in the order they were written"""
        rows = self.mission().risks.standing().select_related("owner").order_by("pk")
        return JsonAnswer({"items": [shapes.risk(row) for row in rows]})

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Write down a risk: likelihood and impact from 1 to 5"""
        given = _with_owner(request, self.read(request))
        risk = plan_notes.add_risk(self.mission(), actor=request.actor, **given)
        return created(shapes.risk(risk), f"{request.path}/{risk.uid}")


class RiskView(Part):
    """One risk."""

    actions = {"GET": VIEW, "PATCH": PLAN}
    inputs = {"PATCH": forms.RiskChange}
    outputs = {"GET": forms.RiskRow, "PATCH": forms.RiskRow}
    examples = {"PATCH": examples.RISK_CHANGE}
    errors = (409,)

    def _risk(self, uid: Any) -> RiskEntry:
        rows = RiskEntry.objects.filter(mission=self.mission()).select_related("owner", "mission")
        found: RiskEntry = self.one(rows, uid=uid)
        return found

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """One risk, also one that was removed"""
        return JsonAnswer(shapes.risk(self._risk(kwargs["uid"])))

    def patch(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Change a risk"""
        given = _with_owner(request, self.read(request))
        done = plan_notes.change_risk(self._risk(uid), actor=request.actor, **given)
        return JsonAnswer(shapes.risk(done))


class RiskRemoveView(Part):
    """A risk that is none any more."""

    actions = {"POST": PLAN}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": forms.RiskRow}
    statuses = {"POST": 200}
    errors = (409,)

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Remove a risk; it stays to be read"""
        rows = RiskEntry.objects.filter(mission=self.mission()).select_related("owner", "mission")
        done = plan_notes.remove_risk(
            self.one(rows, uid=uid), actor=request.actor, **self.read(request)
        )
        return JsonAnswer(shapes.risk(done))


def _with_owner(request: Any, given: dict[str, Any]) -> dict[str, Any]:
    if given.get("owner") is not None:
        given["owner"] = person(request, "owner", given["owner"])
    return given


def person(request: Any, field: str, uid: Any) -> User:
    """Somebody of this workspace, by uid."""
    members = User.objects.filter(
        memberships__workspace=request.workspace, memberships__left_at=None
    )
    found = members.filter(uid=uid).first()
    if found is None:
        sentence = "Nobody of this workspace."
        raise Invalid(f"{field}: {sentence}", details={field: sentence})
    return found


class HooksView(Part):
    """Whether what is about to run will be seen. The telemetry analyst says so, of one plan."""

    actions = {"GET": VIEW, "POST": "mission.hooks"}
    inputs = {"POST": forms.HookPut}
    outputs = {"GET": forms.HookRow, "POST": forms.HookRow}
    statuses = {"POST": 200}
    examples = {"POST": examples.HOOKS}
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """The last check of the hooks, and whether it is of the plan as it stands"""
        return JsonAnswer(shapes.hooks(self.mission()))

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Say whether the telemetry hooks of this plan are there

        With the `sha256` that was read, it is refused if the plan changed since.
        """
        mission = self.mission()
        plan_notes.check_hooks(mission, actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.hooks(mission))


class DutyView(Part):
    """Who of Operations Command watches over a mission."""

    actions = {"GET": VIEW, "POST": "mission.staff"}
    inputs = {"POST": forms.MissionDutyNew}
    outputs = {"GET": forms.MissionDutyList, "POST": forms.MissionDutyRow}
    examples = {"POST": examples.DUTY}
    statuses = {"POST": 201}
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Duty windows that stand, and whether somebody watches now"""
        mission = self.mission()
        rows = mission.duty_windows.standing().select_related("person").order_by("starts_at")
        watch = on_watch(mission)
        items = [shapes.duty(row) for row in rows[:100]]
        return JsonAnswer({"watched": bool(watch), "words": watch.words, "items": items})

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Say who watches from when till when"""
        given = self.read(request)
        given["note_"] = given.pop("note", "")
        given["person"] = person(request, "person", given["person"])
        made = plan_notes.add_duty(self.mission(), actor=request.actor, **given)
        return created(shapes.duty(made), f"{request.path}/{made.uid}")


class DutyCancelView(Part):
    """A duty window that does not stand any more."""

    actions = {"POST": "mission.staff"}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": forms.MissionDutyRow}
    statuses = {"POST": 200}

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Cancel a duty window"""
        rows = DutyWindow.objects.filter(mission=self.mission()).select_related("person", "mission")
        done = plan_notes.cancel_duty(
            self.one(rows, uid=uid), actor=request.actor, **self.read(request)
        )
        return JsonAnswer(shapes.duty(done))

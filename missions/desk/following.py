"""How the missions one asked for are getting on, and the steps their owner takes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.access import policy
from controlplane.access.outside import inside_of
from controlplane.approvals.desk.frame import page, show
from controlplane.approvals.links import DESK
from controlplane.approvals.shown import words
from controlplane.base.posting import posted
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from missions import reads, services, stages
from missions.desk.asking import mission_of
from missions.desk.reading import reads_packets
from missions.gates.looking import Look
from missions.models import Mission, Safeguard, StageVisit
from missions.services.feedback import may_answer
from missions.shown.guard_safeguards import in_define
from missions.shown.timeline import latest
from missions.standing import Standing, standing

ROWS = 30
_LATEST = 12
Step = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Line:
    mission: Mission
    visit: StageVisit | None

    @property
    def url(self) -> str:
        return reverse("mission_desk:mission", args=(self.mission.uid,))

    @property
    def where(self) -> str:
        """In words: the stage, and whom it waits for."""
        if self.mission.status == Mission.Status.DRAFT:
            return "Not started"
        if self.visit is None:
            return ""
        stage = self.visit.definition
        said = f"Stage {stage.position} of {len(stages.SLUGS)}: {stage.label}"
        asked = self.visit.approval
        if asked is not None and asked.status == "open":
            said += f". Waits for {words.missing_words(asked)}"
        return said


@require_safe
@page
def missions(request: HttpRequest) -> HttpResponse:
    actor, place = actor_of(request), workspace_of(request)
    policy.require(actor, "mission.view")
    # Of another house nothing but what is shared is there to choose from.
    guest = bool(actor.workspace_ids) and not inside_of(actor)
    everything = request.GET.get("whose", "all" if guest else "") == "all"
    others = "Shared with me" if guest else "Everybody's"
    rows = Mission.objects.visible_to(actor).kept_in_sight()
    rows = rows.of(place) if place is not None else rows
    rows = rows if everything else rows.of_person(actor.user_id)
    found = list(rows.order_by("-id")[: ROWS + 1])
    visits = StageVisit.objects.open().filter(mission__in=found[:ROWS]).select_related("approval")
    here = {visit.mission_id: visit for visit in visits.prefetch_related("approval__slots")}
    may = policy.can(actor, "mission.create", place)
    context = {
        "title": "Missions",
        "lines": [Line(row, here.get(row.pk)) for row in found[:ROWS]],
        "more": len(found) > ROWS,
        "everything": everything,
        "may_ask": bool(may),
        "whose": [
            (
                "Mine",
                f"{reverse('mission_desk:missions')}{'?whose=me' if guest else ''}",
                not everything,
            ),
            (others, f"{reverse('mission_desk:missions')}?whose=all", everything),
        ],
    }
    return show(request, "missions/missions.html", context)


@require_safe
@page
def mission(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    row = mission_of(actor, uid)
    policy.require(actor, "mission.view", row)
    look = Look(row)
    stands = standing(row, look)
    asked = look.approval
    may_read = reads_packets(actor, row, look)
    may_say = (
        row.is_open
        and not look.brief.is_locked
        and bool(policy.can(actor, "mission.brief", row))
        and bool(policy.can(actor, "mission.change", row))
    )
    context = {
        "title": row.title,
        "mission": row,
        "stands": stands,
        "track": _track(look),
        "brief": look.brief,
        "asked": asked,
        "asked_url": DESK.url("packet", asked) if asked is not None and may_read else "",
        "reads_packets": may_read,
        "missing": words.missing_words(asked) if asked is not None else "",
        "share": words.fresh_share(asked) if asked is not None else 0,
        "step": _step(look, stands, actor),
        "say_url": reverse("mission_desk:say", args=(row.uid,)) if may_say else "",
        "feedback_url": _feedback_url(row, actor),
        "retrospective_url": _retrospective_url(row, look),
        "signed": [visit for visit in look.visits if visit.approval is not None],
        "latest": latest(row, most=_LATEST),
        **_safeguards(row, actor, may_read),
    }
    return show(request, "missions/mission.html", context)


def _feedback_url(row: Mission, actor: Actor) -> str:
    may = not may_answer(row) and policy.can(actor, "mission.feedback", row)
    return reverse("mission_desk:feedback", args=(row.uid,)) if may else ""


def _safeguards(row: Mission, actor: Actor, may_read: bool) -> dict[str, Any]:
    """Those that hold and those to be decided, and the page where both is done."""
    found = reads.SAFEGUARDS.of(row) if may_read else []
    may = bool(policy.can(actor, "mission.safeguards", row)) and in_define(row)
    shown = [each for each in found if each.status != Safeguard.Status.REJECTED]
    return {
        "safeguards": shown,
        "safeguards_url": reverse("mission_desk:safeguards", args=(row.uid,)) if found else "",
        "unsettled": may and any(each.status == Safeguard.Status.SUGGESTED for each in found),
    }


def _retrospective_url(row: Mission, look: Look) -> str:
    there = look.last_visit(stages.LAST) is not None
    return reverse("mission_desk:retrospective", args=(row.uid,)) if there else ""


def _track(look: Look) -> list[dict[str, Any]]:
    found = []
    for slug, stage in stages.STAGES.items():
        visit = look.last_visit(slug)
        is_here = look.visit is not None and look.visit.stage == slug
        done = visit is not None and visit.outcome == StageVisit.Outcome.COMPLETED and not is_here
        state = "here" if is_here else "done" if done else "later"
        found.append({"stage": stage, "visit": visit, "state": state})
    return found


# --- The owner's next step ----------------------------------------------------------------------

# verb -> (what the button says, action, what is said afterwards, service)
STEPS: dict[str, tuple[str, str, str, Step]] = {
    "start": ("Start it", "mission.start", "It is started.", services.start_mission),
    "lock": (
        "This is what I want: close the brief",
        "mission.lock",
        "The brief is closed. What it says is what is signed.",
        services.lock_brief,
    ),
    "ask": (
        "Ask for the signatures",
        "mission.ask",
        "They are asked, and told.",
        services.ask_checkpoint,
    ),
}


def _step(look: Look, stands: Standing, actor: Actor) -> dict[str, Any] | None:
    """The one thing to press now, where the reader may."""
    row = look.mission
    verb = ""
    if row.status == Mission.Status.DRAFT:
        verb = "start"
    elif row.status == Mission.Status.ACTIVE:
        if row.stage == stages.FIRST and not look.brief.is_locked:
            verb = "lock"
        elif stands.ready and (look.approval is None or look.approval.status not in _ASKED):
            verb = "ask"
    if not verb or not policy.can(actor, STEPS[verb][1], row):
        return None
    return {"verb": verb, "label": STEPS[verb][0]}


_ASKED = frozenset({"open", "approved"})


@require_POST
@page
def step(request: HttpRequest, uid: uuid.UUID, verb: str) -> HttpResponse:
    if verb not in STEPS:
        raise NotFound("There is no such step.")
    actor = actor_of(request)
    row = mission_of(actor, uid)
    _, _, said, service = STEPS[verb]
    # What is closed is what stood on the page, not what somebody wrote in it since.
    seen = posted(request, "version", 9)
    given = {"version": int(seen)} if verb == "lock" and seen.isascii() and seen.isdigit() else {}
    try:
        service(row, actor=actor, **given)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, said)
    return HttpResponseRedirect(reverse("mission_desk:mission", args=(row.uid,)))

"""What stands on a mission's page: where it is, what comes next, what is missing and who mends it,
its checklist, its brief, its checkpoint, its parts, its way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from controlplane.access.policy import can
from controlplane.approvals import links as approval_links
from controlplane.approvals.shown import words
from missions import stages
from missions.models import Brief, StageVisit
from missions.shown import moves, sections
from missions.shown.cockpit import Cockpit
from missions.shown.following import Next, following
from missions.shown.gate_rows import doors, lines
from missions.shown.track import VISITS, track, visit_rows

_SAID = (
    ("objective", "objective"),
    ("audience", "audience"),
    ("business_objective", "business objective"),
    ("kpi_name", "KPI"),
    ("timeline", "timeline"),
)


def panel(
    cockpit: Cockpit, request: HttpRequest | None = None, next_: Next | None = None
) -> dict[str, Any]:
    """All that the page says but facts and history."""
    mission, actor, look = cockpit.mission, cockpit.actor, cockpit.look
    cards = sections.cards(mission, actor, request)
    tickable = can(actor, "mission.tick", mission)
    return {
        "row": mission,
        "stands": cockpit.stands,
        "stage": look.stage,
        "under_way": mission.is_under_way,
        "track": track(mission, look.visits),
        "following": next_ or following(cockpit),
        "sent_back": _sent_back(look.visit, look.visits),
        "doors": doors(cockpit),
        "lines": lines(cockpit),
        "may_tick": bool(tickable),
        "visit": look.visit,
        "evidence": look.visit.evidence if look.visit is not None else [],
        "evidence_url": _evidence_url(cockpit),
        **_brief(cockpit),
        "point": _point(cockpit),
        "cards": [each for each in cards if each.is_open or each.broken],
        "folded": [each for each in cards if not (each.is_open or each.broken)],
        "others": _others(cockpit),
        "visit_columns": VISITS,
        "visit_rows": visit_rows(look.visits),
    }


def _sent_back(here: StageVisit | None, visits: Iterable[StageVisit]) -> StageVisit | None:
    """What it came back from, and with that why, while it is where it was sent to."""
    left = [each for each in visits if each.left_at is not None]
    last = max(left, key=lambda each: (each.left_at, each.pk), default=None)
    back = last is not None and last.outcome == StageVisit.Outcome.SENT_BACK
    return last if back and here is not None else None


def _others(cockpit: Cockpit) -> list[tuple[str, str]]:
    """What can be done with it now, but not by this person: the act, and who may."""
    known = moves.offered(cockpit.mission, cockpit.actor, cockpit.now)
    return [(move.label, refusal.rpartition(": ")[2]) for move, refusal in known if refusal]


def _evidence_url(cockpit: Cockpit) -> str:
    mission = cockpit.mission
    if not mission.is_under_way or not can(cockpit.actor, "mission.evidence", mission):
        return ""
    return reverse("missions:evidence", args=(mission.uid,))


def _brief(cockpit: Cockpit) -> dict[str, Any]:
    brief, mission = cockpit.look.brief, cockpit.mission
    may = mission.is_open and not brief.is_locked and can(cockpit.actor, "mission.brief", mission)
    return {
        "brief": brief,
        "brief_url": reverse("missions:brief", args=(mission.uid,)),
        "may_write": bool(may),
        # Where it is written it is what one works on; later on its parts are.
        "brief_first": mission.stage == stages.FIRST,
        "unsaid": [words for name, words in _SAID if mission.is_open and not getattr(brief, name)],
        "kpi": kpi_of(brief),
    }


def kpi_of(brief: Brief) -> dict[str, str] | None:
    """From where to where, in figures as people write them."""
    if not brief.kpi_name:
        return None

    def figure(value: Any) -> str:
        return f"{value.normalize():,f}" if value is not None else "–"

    return {
        "name": brief.kpi_name,
        "unit": brief.kpi_unit,
        "baseline": figure(brief.kpi_baseline),
        "target": figure(brief.kpi_target),
        "direction": "Higher is better" if brief.kpi_direction == "up" else "Lower is better",
    }


def _point(cockpit: Cockpit) -> dict[str, Any] | None:
    """The checkpoint of its stage: who is asked or will be, who signed, for how long it waits."""
    mission, request = cockpit.mission, cockpit.request
    if not mission.is_under_way:
        return None
    found: dict[str, Any] = {"checkpoint": cockpit.look.stage.checkpoint, "request": request}
    if request is None:
        return found
    return {
        **found,
        "url": approval_links.page_of(request),
        "steps": cockpit.signing,
        "share": words.fresh_share(request),
        "mine": any(step.view.may for step in cockpit.signing),
        "decide_url": reverse("approvals:decide", args=(request.uid,)),
    }

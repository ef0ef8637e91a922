"""What waits for this person, what they signed lately, what became of what they asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.approvals import owners, signing
from controlplane.approvals.desk.frame import page, show
from controlplane.approvals.desk.tabs import to_dos
from controlplane.approvals.links import DESK
from controlplane.approvals.models import Decision, Request, RequestSlot
from controlplane.approvals.shown import words
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor

MOST = defaults.define(
    "approvals.desk_rows", 50, unit="rows", why="more than this nobody signs at one sitting"
)
LATELY = timedelta(days=7)
_FEW = 5
MOST_COUNTED = 99


@dataclass(frozen=True, slots=True)
class Line:
    """One question as the desk lists it."""

    request: Request
    share: float

    @property
    def url(self) -> str:
        return DESK.url("packet", self.request)

    @property
    def about(self) -> str:
        return owners.get(self.request.owner).label

    @property
    def pace(self) -> str:
        return self.request.pace()

    @property
    def tone(self) -> str:
        return str(words.PACE_TONES[self.pace])

    @property
    def slots(self) -> str:
        return words.missing_words(self.request)


def here(actor: Actor, workspace_id: int | None) -> Any:
    rows: QuerySet[Request] = Request.objects.visible_to(actor).defer("packet_text")
    rows = rows if workspace_id is None else rows.filter(workspace=workspace_id)
    slots = RequestSlot.objects.order_by("position")
    return rows.select_related("requested_by").prefetch_related(Prefetch("slots", slots))


def waiting(actor: Actor, workspace_id: int | None) -> list[Line]:
    """What is late first, then what is due first."""
    rows = here(actor, workspace_id).waiting_for(actor).order_by("due_at", "requested_at", "id")
    return [Line(row, words.fresh_share(row)) for row in rows[: MOST.value]]


def count_waiting(actor: Actor, workspace_id: int | None) -> int:
    rows = Request.objects.visible_to(actor).waiting_for(actor).order_by()
    rows = rows if workspace_id is None else rows.filter(workspace=workspace_id)
    return int(rows[:MOST_COUNTED].count())


@require_safe
@page
def inbox(request: HttpRequest) -> HttpResponse:
    actor, workspace = actor_of(request), workspace_of(request)
    place = workspace.pk if workspace is not None else None
    lines = waiting(actor, place)
    context = {
        "title": "To sign",
        "lines": lines,
        "late": sum(line.pace == "late" for line in lines),
        "signed": _signed(actor, place),
        "fallen": _fallen(actor, place),
        "came_back": _came_back(actor, place),
        "to_dos": _to_dos(actor, place),
        "last": _last(actor, place) if not lines else None,
        "many": len({line.request.workspace_id for line in lines}) > 1,
        "lent": [way for way in signing.ways_of(actor) if way.delegation is not None],
    }
    return show(request, "inbox.html", context)


def _decisions(actor: Actor, workspace_id: int | None) -> Any:
    rows = Decision.objects.visible_to(actor).by(actor.user_id)
    rows = rows if workspace_id is None else rows.filter(workspace=workspace_id)
    return rows.select_related("request", "slot", "delegated_from").defer("request__packet_text")


def _signed(actor: Actor, workspace_id: int | None) -> list[Decision]:
    """Lately, and still counting: of what fell it is said beside it."""
    rows = _decisions(actor, workspace_id).filter(decided_at__gte=clock.now() - LATELY)
    return list(rows.exclude(request__status__in=["void", "superseded"]).order_by("-id")[:_FEW])


def _fallen(actor: Actor, workspace_id: int | None) -> list[Decision]:
    """Signed, and no longer what counts."""
    rows = _decisions(actor, workspace_id).filter(
        request__status__in=["void", "superseded"], request__closed_at__gte=clock.now() - LATELY
    )
    return list(rows.order_by("-id")[:_FEW])


def _came_back(actor: Actor, workspace_id: int | None) -> list[Line]:
    rows = here(actor, workspace_id).filter(
        requested_by_ref=actor.ref,
        status__in=["changes_requested", "rejected", "expired"],
        closed_at__gte=clock.now() - LATELY,
        successor=None,
    )
    return [Line(row, 0) for row in rows.order_by("-closed_at")[:_FEW]]


def _to_dos(actor: Actor, workspace_id: int | None) -> list[dict[str, Any]]:
    found = []
    for to_do in to_dos:
        rows = to_do.rows(actor, workspace_id) if policy.can(actor, to_do.action) else []
        if rows:
            found.append({"title": to_do.title, "rows": rows})
    return found


def _last(actor: Actor, workspace_id: int | None) -> Any:
    return _decisions(actor, workspace_id).order_by("-id").first()

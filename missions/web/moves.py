"""One move of a mission: the question, with a reason where one is asked; then the service.
Whatever refuses it, what was typed is still there."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import posted, version_of
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from missions import links, stages
from missions.models import Mission, StageVisit
from missions.services.holding import brief_of
from missions.shown import moves
from missions.shown.moves import Move
from missions.web.common import mission_of, page, show


@require_http_methods(["GET", "HEAD", "POST"])
@page
def move(request: HttpRequest, uid: uuid.UUID, slug: str) -> HttpResponse:
    row = mission_of(request, uid)
    known = moves.MOVES.get(slug)
    if known is None:
        raise NotFound("There is no such button.")
    policy.require(actor_of(request), known.action, row)
    if request.method != "POST":
        return _ask(request, row, known, idle=moves.idle(known, row))
    try:
        done = known.run(row, actor=actor_of(request), **_given(request, known))
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _ask(request, mission_of(request, uid), known, error)
    messages.success(request, known.done(done))
    return HttpResponseRedirect(links.page_of(row))


def _given(request: HttpRequest, known: Move) -> dict[str, Any]:
    given: dict[str, Any] = {"version": version_of(request)}
    if known.reason:
        given["reason"] = posted(request, "reason")
    if known.slug == "back":
        given["to"] = posted(request, "to", 40)
    return given


def _ask(
    request: HttpRequest,
    row: Mission,
    known: Move,
    error: ControlPlaneError | None = None,
    *,
    idle: str = "",
) -> HttpResponse:
    said = error.details.get("reason") if error is not None else None
    context = {
        "title": _title(known, row),
        "move": known,
        "question": known.question(row),
        "idle": idle,
        "reason": posted(request, "reason"),
        "reason_wrong": str(said) if said is not None else "",
        "places": _places(row, posted(request, "to", 40)) if known.slug == "back" else [],
        # A brief is locked as it was read: its own version, not the mission's.
        "version": brief_of(row).version if known.slug == "lock" else row.version,
    }
    return show(request, "move.html", context, row=row, error=error)


def _title(known: Move, row: Mission) -> str:
    if known.slug == "ask":
        return f"Ask for {stages.get(row.stage).checkpoint.label}"
    return known.label


def _places(row: Mission, chosen: str) -> list[dict[str, Any]]:
    """The stages before this one, the nearest first, each with the signatures that fall."""
    place = stages.SLUGS.index(row.stage)
    visits = StageVisit.objects.filter(
        mission=row, approval__status__in=["open", "approved", "changes_requested"]
    ).select_related("approval")
    falls = {slug: [each.approval.ref for each in visits if _from(slug, each)]
             for slug in stages.SLUGS[:place]}  # fmt: skip
    wanted = chosen if chosen in falls else stages.SLUGS[max(place - 1, 0)]
    return [
        {"slug": slug, "label": stages.get(slug).label, "falls": falls[slug],
         "chosen": slug == wanted}
        for slug in reversed(stages.SLUGS[:place])
    ]  # fmt: skip


def _from(slug: str, visit: Any) -> bool:
    return stages.SLUGS.index(visit.stage) >= stages.SLUGS.index(slug)

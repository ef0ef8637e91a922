"""One move of a deployment: the question, with a reason where one is asked; then the service.
Whatever refuses it, what was typed is still there."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import conditions, posted, version_of
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from deployments import links
from deployments.models import Deployment
from deployments.shown import deck_moves
from deployments.shown.deck_moves import Move
from deployments.web.deck_common import deployment_of, page, show


@require_http_methods(["GET", "HEAD", "POST"])
@page
def move(request: HttpRequest, uid: uuid.UUID, slug: str) -> HttpResponse:
    row = deployment_of(request, uid)
    known = deck_moves.MOVES.get(slug)
    if known is None:
        raise NotFound("There is no such button.")
    policy.require(actor_of(request), known.action, row)
    if request.method != "POST":
        return _ask(request, row, known, idle=deck_moves.idle(known, row))
    try:
        done = known.run(row, actor=actor_of(request), **_given(request, row, known))
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _ask(request, deployment_of(request, uid), known, error)
    messages.success(request, known.done(done if isinstance(done, Deployment) else row))
    return HttpResponseRedirect(links.page_of(done if slug == "rollback" else row))


def _given(request: HttpRequest, row: Deployment, known: Move) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if known.versioned:
        given["version"] = version_of(request)
    if known.reason:
        given["reason"] = posted(request, "reason")
    if known.slug == "close":
        given["early"] = bool(request.POST.get("early"))
    return given


def _ask(
    request: HttpRequest,
    row: Deployment,
    known: Move,
    error: ControlPlaneError | None = None,
    *,
    idle: str = "",
) -> HttpResponse:
    until = row.monitor_until
    context = {
        "title": known.label,
        "row": row,
        "move": known,
        "question": known.question(row),
        "idle": idle,
        "error": _sentence(error) if error is not None else "",
        "conditions": conditions(error) if error is not None else [],
        "reason": posted(request, "reason"),
        "early": bool(request.POST.get("early")),
        "may_be_early": known.slug == "close" and until is not None and clock.now() < until,
        "version": row.version,
    }
    return show(request, "move.html", context, status=error.status if error is not None else 200)


def _sentence(error: ControlPlaneError) -> str:
    """Beside the reason where it is about the reason."""
    said = error.details.get("reason")
    if said is None:
        return error.message
    return " ".join(said) if isinstance(said, list) else str(said)

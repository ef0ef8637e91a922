"""One check: ticked with what shows it, told to fail, waived with a reason, asked anew."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import posted, version_of
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from deployments import links, services
from deployments.models import Deployment, Gate
from deployments.services.checking import OPEN
from deployments.shown import deck_gates
from deployments.web.deck_common import deployment_of, page, show

MOST_EVIDENCE = 3
_SAID = {
    "holds": "Ticked: {}.",
    "fails": "It does not hold: {}.",
    "waive": "Waived: {}.",
    "again": "Asked anew: {}.",
}


@require_http_methods(["GET", "HEAD", "POST"])
@page
def check(request: HttpRequest, uid: uuid.UUID, slug: str) -> HttpResponse:
    row = deployment_of(request, uid)
    gate = _gate(row, slug)
    if request.method != "POST":
        return _form(request, row, gate)
    verb = request.POST.get("do", "")
    run = _VERBS.get(verb)
    if run is None:
        raise NotFound("There is no such button.")
    try:
        run(request, gate)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _form(request, row, _gate(row, slug), error)
    messages.success(request, _SAID[verb].format(gate.title))
    return HttpResponseRedirect(f"{links.page_of(row)}#check-{slug}")


def _gate(row: Deployment, slug: str) -> Gate:
    found: Gate | None = row.gates.filter(slug=slug).first()
    if found is None:
        raise NotFound("This deployment has no such check.")
    found.deployment = row
    return found


def _evidence(request: HttpRequest) -> list[dict[str, str]]:
    """A link without a word for it is its own word."""
    found = []
    for place in range(MOST_EVIDENCE):
        label = posted(request, f"label{place}", 400)
        link = posted(request, f"link{place}")
        if label or link:
            found.append({"label": label or link[:300], "link": link})
    return found


def _say(request: HttpRequest, gate: Gate, *, holds: bool) -> Gate:
    return services.tick_gate(
        gate,
        actor=actor_of(request),
        holds=holds,
        detail=posted(request, "detail"),
        evidence=_evidence(request),
        version=version_of(request),
    )


def _waive(request: HttpRequest, gate: Gate) -> Gate:
    reason = posted(request, "reason")
    return services.waive_gate(
        gate, actor=actor_of(request), reason=reason, version=version_of(request)
    )


def _again(request: HttpRequest, gate: Gate) -> Gate:
    return services.ask_again(gate, actor=actor_of(request), reason=posted(request, "reason"))


_VERBS: dict[str, Callable[[HttpRequest, Gate], Any]] = {
    "holds": lambda request, gate: _say(request, gate, holds=True),
    "fails": lambda request, gate: _say(request, gate, holds=False),
    "waive": _waive,
    "again": _again,
}


def _form(
    request: HttpRequest, row: Deployment, gate: Gate, error: ControlPlaneError | None = None
) -> HttpResponse:
    actor = actor_of(request)
    decision = policy.can(actor, "deployment.tick", row)
    closed = row.phase not in OPEN[gate.phase]
    context = {
        "title": gate.title,
        "row": row,
        "told": deck_gates.shown(gate, actor, "" if decision else decision.reason, closed=closed),
        "closed": closed,
        "error": _sentence(error),
        "wrong": next(iter(error.details), "").split("[", 1)[0] if error is not None else "",
        "typed": {
            "do": request.POST.get("do", ""),
            "detail": posted(request, "detail"),
            "reason": posted(request, "reason"),
            "evidence": _typed(request),
        },
    }
    return show(request, "check.html", context, status=error.status if error is not None else 200)


def _typed(request: HttpRequest) -> list[tuple[int, str, str]]:
    return [
        (place, posted(request, f"label{place}", 400), posted(request, f"link{place}"))
        for place in range(MOST_EVIDENCE)
    ]


def _sentence(error: ControlPlaneError | None) -> str:
    return error.message if error is not None else ""

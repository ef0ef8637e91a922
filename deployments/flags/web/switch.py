"""On or off in one environment: a question with a reason, as a phone can answer it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from deployments.flags import services
from deployments.flags.models import FlagState
from deployments.flags.services import gates
from deployments.flags.shown import links, words
from deployments.flags.web.common import editable, page, read_seen, seen_token, show, state_of


@require_http_methods(["GET", "HEAD", "POST"])
@page
def switch(request: HttpRequest, uid: UUID, slug: str) -> HttpResponse:
    state = state_of(request, uid, slug)
    policy.require(actor_of(request), "flag.change", state.flag)
    editable(state.flag)
    if request.method != "POST":
        return _ask(request, state, "")
    version, saw = read_seen(state, request.POST.get("seen", ""))
    try:
        said = _switched(request, state, version, on=not saw.get("on"))
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        now = state_of(request, uid, slug)
        return _ask(request, now, _sentence(error), status=error.status)
    messages.success(request, said)
    return HttpResponseRedirect(links.row(state.flag))


def _switched(request: HttpRequest, state: FlagState, version: int, *, on: bool) -> str:
    where, settings = state.environment.name, {**state.settings, "on": on}
    given: dict[str, Any] = {
        "actor": actor_of(request),
        "version": version,
        "reason": posted(request, "reason", 300),
    }
    if gates.asks_consent(state, settings):
        services.propose(state, settings, instead_of=services.revisable(state), **given)
        return f"Asked for: it waits for consent in {where}."
    services.change_settings(state, settings, **given)
    return f"{'On' if on else 'Off'} in {where}, within a second."


def _sentence(error: ControlPlaneError) -> str:
    said = [
        " ".join(each) if isinstance(each, list) else str(each)
        for name, each in error.details.items()
        if name == "reason"
    ]
    return " ".join([error.message, *said]) if not said else said[0]


def _ask(request: HttpRequest, state: FlagState, wrong: str, *, status: int = 200) -> HttpResponse:
    on = bool(state.settings.get("on"))
    context: dict[str, Any] = {
        "title": f"{'Off' if on else 'On'} in {state.environment.name}",
        "flag": state.flag,
        "environment": state.environment,
        "on": on,
        "says": words.sentence({**state.settings, "on": True}),
        "asks": gates.asks_consent(state, {**state.settings, "on": not on}),
        "seen": seen_token(state),
        "reason": posted(request, "reason", 300),
        "wrong": wrong,
    }
    return show(request, "switch.html", context, status=status)

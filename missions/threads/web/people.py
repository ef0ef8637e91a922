"""Who takes part in a thread: added, taken out, and held back from being woken."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import Agent
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.lib.given import refuse
from missions.threads import links, services
from missions.threads.models import Participant, Thread
from missions.threads.services import pausing
from missions.threads.shown import page as shown
from missions.threads.shown.people import pulses
from missions.threads.web.common import page, show, thread_of

_MOST = 300


@require_http_methods(["GET", "HEAD", "POST"])
@page
def people(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = thread_of(request, uid)
    policy.require(actor_of(request), "thread.people", row)
    if request.method != "POST":
        return _show(request, row)
    try:
        done = _do(request, row)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _show(request, thread_of(request, uid), error)
    messages.success(request, done)
    return HttpResponseRedirect(links.act(row, "people"))


def _do(request: HttpRequest, row: Thread) -> str:
    actor, agent = actor_of(request), agent_of(row, posted(request, "agent", 40))
    if posted(request, "do", 20) == "remove":
        services.remove_participant(row, agent, actor=actor, reason=posted(request, "reason"))
        return f"{agent.name} no longer takes part."
    joined = services.add_participant(row, agent, actor=actor, role=posted(request, "role", 60))
    return f"{agent.name} takes part, as {joined.role}."


def agent_of(row: Thread, uid: str) -> Agent:
    try:
        key = uuid.UUID(uid)
    except ValueError:
        raise refuse("agent", "Choose one.") from None
    found = Agent.objects.filter(workspace=row.workspace_id, uid=key).first()
    if found is None:
        raise refuse("agent", "No such agent in this workspace.")
    return found


def _show(
    request: HttpRequest, row: Thread, error: ControlPlaneError | None = None
) -> HttpResponse:
    told = shown.page(row, request)
    here = [one.row.agent_id for one in told.members]
    rows = Agent.objects.filter(workspace=row.workspace_id, is_active=True, kind="agent")
    context = {
        "title": "Who takes part",
        "th": told,
        "others": list(rows.exclude(pk__in=here).order_by("name")[:_MOST]),
        "typed": {"agent": posted(request, "agent", 40), "role": posted(request, "role", 60)},
        "closed": not row.is_open,
    }
    return show(request, "people.html", context, row=row, error=error)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def pause(request: HttpRequest, uid: uuid.UUID, agent: uuid.UUID) -> HttpResponse:
    """Whether this agent is woken: for this thread, or at all."""
    row = thread_of(request, uid)
    who = agent_of(row, str(agent))
    policy.require(actor_of(request), "thread.pause", who)
    pulse = pulses([who.pk]).get(who.pk)
    paused = bool(pulse and pulse.wakes_paused)
    muted = Participant.objects.present().filter(thread=row, agent=who, wakes=False).exists()
    off = paused or muted
    context = {
        "title": f"Wake {who.name} again" if off else f"Pause wakes of {who.name}",
        "agent": who, "paused": paused, "muted": muted, "off": off,
        "where": posted(request, "where", 12) or "everywhere", "reason": posted(request, "reason"),
    }  # fmt: skip
    if request.method != "POST":
        return show(request, "pause.html", context, row=row)
    try:
        _pause(request, row, who, paused=paused, muted=muted)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return show(request, "pause.html", context, row=row, error=error)
    messages.success(request, f"{who.name} is woken again." if off else f"{who.name} is let be.")
    return HttpResponseRedirect(links.page_of(row))


def _pause(request: HttpRequest, row: Thread, who: Agent, *, paused: bool, muted: bool) -> None:
    to_pause = posted(request, "to", 8) == "pause"
    given: dict[str, Any] = {"actor": actor_of(request), "reason": posted(request, "reason")}
    here = posted(request, "where", 12) == "here"
    if here if to_pause else muted:
        pausing.mute_participant(row, who, muted=to_pause, **given)
    if not here if to_pause else paused:
        pausing.pause_agent(who, paused=to_pause, **given)

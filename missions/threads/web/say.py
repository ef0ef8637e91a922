"""Writing in a thread as a person, and one message whole."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from missions.threads import drafts, links, services
from missions.threads.models import Message
from missions.threads.shown import page as shown
from missions.threads.shown import talk
from missions.threads.web.common import page, show, thread_of

_MOST = 70_000  # more than a message may be: the service says so


@require_POST
@page
def say(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Refused, what was typed is still there."""
    row = thread_of(request, uid)
    policy.require(actor_of(request), "thread.post", row)
    try:
        services.post_message(row.uid, _draft(request), actor=actor_of(request))
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _again(request, uid, error)
    return HttpResponseRedirect(f"{links.page_of(row)}#newest")


def _draft(request: HttpRequest) -> drafts.Draft:
    given: dict[str, Any] = {"body": posted(request, "body", _MOST), "to": _to(request)}
    reply = posted(request, "reply", 20)
    if reply.isascii() and reply.isdigit() and len(reply) < 19:
        given["in_reply_to"] = int(reply)
    if once := posted(request, "once", 60):
        given["idempotency_key"] = once
    return drafts.read(given)


def _to(request: HttpRequest) -> Any:
    """Agents that are ticked are meant, whatever the menu says."""
    named = [each[:40] for each in request.POST.getlist("agent")[:50]]
    if named:
        return {"agents": named}
    kind, _, role = posted(request, "to", 60).partition(":")
    return {"role": role} if kind == "role" else "all"


def _again(request: HttpRequest, uid: uuid.UUID, error: ControlPlaneError) -> HttpResponse:
    row = thread_of(request, uid)
    typed = {
        "body": posted(request, "body", _MOST),
        "to": posted(request, "to", 60),
        "agents": request.POST.getlist("agent")[:50],
    }
    context = {"title": "Write", "typed": typed, "th": shown.page(row, request), "original": row}
    return show(request, "say.html", context, row=row, error=error)


@require_http_methods(["GET", "HEAD"])
@page
def message(request: HttpRequest, uid: uuid.UUID, seq: int) -> HttpResponse:
    """All of it, as text, with what came beside it."""
    row = thread_of(request, uid)
    found = Message.objects.filter(thread=row, seq=seq).first()
    if found is None:
        raise NotFound("No such message.")
    words, tone, _ = talk.EVENTS.get(found.event, (found.event.replace("_", " "), "neutral", ""))
    context = {
        "title": f"Message {seq}",
        "message": found,
        "who": talk.sender(found),
        "event": words,
        "tone": tone,
        "among": links.message_at(row, seq),
    }
    return show(request, "message.html", context, row=row)

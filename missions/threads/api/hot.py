"""Posting, reading and acknowledging: what agents do all the time. One statement each; what the
database answers is sent as it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from controlplane.base.api import idempotency
from controlplane.base.api.answers import JSON, JsonAnswer
from controlplane.base.api.bodies import MAX_BODY, read_json
from controlplane.base.api.plain import plain_view
from controlplane.lib.errors import Invalid
from controlplane.lib.given import refuse
from missions.threads import drafts, numbers, services
from missions.threads.api import examples, forms
from missions.threads.api.claims import require_own
from missions.threads.api.finding import flag_of, number_of, uid_of
from missions.threads.streams import looking, polling

_KEY_MAX = 200


@plain_view(
    actions={"GET": "thread.view", "POST": "thread.post"},
    inputs={"POST": forms.MessageNew},
    outputs={"GET": forms.MessagePage, "POST": forms.MessagePosted},
    statuses={"POST": 201},
    examples={"GET": examples.PAGE, "POST": examples.MESSAGE},
    in_workspace=False,
    query=("since_seq", "limit", "mine", "wait"),
    sender_fields=(),  # asked below, with those that only messages have
    tags=forms.TAGS,
)
def thread_messages(request: HttpRequest, thread: str) -> HttpResponseBase:
    """Messages of a thread: read after a number, or say something

    `since_seq` is the number that was read last; the answer's `next_seq` is what to ask after
    next. `mine=true` leaves out what is addressed to others. With `wait` (seconds) an answer
    without messages is held back until there is one, or the time is up.
    """
    if request.method == "POST":
        return _post(request, thread)
    return _read(request, thread)


def _post(request: Any, thread: str) -> HttpResponse:
    given = _object(read_json(request, MAX_BODY.value))
    require_own(request.actor, given)
    draft = drafts.read(_with_key(request, given))
    uid = uid_of(request, thread)
    done = services.post_message(uid, draft, actor=request.actor)
    answer = JsonAnswer(
        {
            "message_id": done.message_id,
            "thread_id": uid,
            "seq": done.seq,
            "thread_status": done.thread_status,
            "created_at": done.created_at,
        },
        201,
    )
    if done.replayed:
        answer[idempotency.REPLAYED] = "true"
    notice = drafts.RETIRING.get(draft.schema_version)
    if notice is not None:
        notice.mark(answer)
    return answer


def _object(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise Invalid("Must be an object.", details={"body": "Must be an object."})
    return given


def _with_key(request: Any, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A thread knows what was said under which key. The header of every other route means the
    same here, where the message itself has none."""
    key = idempotency.key_of(request)
    if not key or given.get("idempotency_key") is not None:
        return given
    if len(key) > _KEY_MAX:
        raise refuse(idempotency.HEADER, f"At most {_KEY_MAX} characters.")
    return {**given, "idempotency_key": key}


def _read(request: Any, thread: str) -> HttpResponseBase:
    wait = _wait(request)
    asked = looking.Asked(
        uid_of(request, thread),
        since=number_of(request, "since_seq", 0) or 0,
        limit=number_of(request, "limit", None),
        mine=flag_of(request, "mine"),
    )
    with looking.turn(request):
        page = asked.read(request.actor)
    # A worker of the web process answers one request at a time: a wait would hold it.
    if page.empty and wait > 0 and isinstance(request, ASGIRequest):
        return polling.held(request, asked, page, wait)
    return HttpResponse(page.as_json(), content_type=JSON)


def _wait(request: Any) -> float:
    text = request.GET.get("wait", "0")
    try:
        seconds = float(text) if len(text) < 20 else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise refuse("wait", "Seconds, 0 or more.")
    return min(seconds, numbers.WAIT_MAX.value)


@plain_view(
    actions={"POST": "thread.read"},
    inputs={"POST": forms.ReadAck},
    outputs={"POST": forms.ReadAcked},
    examples={"POST": examples.ACK},
    in_workspace=False,
    tags=forms.TAGS,
)
def thread_ack(request: HttpRequest, thread: str) -> HttpResponse:
    """Say how far one has read

    The cursor never goes back, nor past the thread's end. A wake that waited for it is settled.
    """
    given = _object(read_json(request, MAX_BODY.value))
    drafts.require_version(given)
    if "last_read_seq" not in given:
        raise refuse("last_read_seq", "Missing.")
    actor = request.actor  # type: ignore[attr-defined]
    done = services.ack_read(uid_of(request, thread), given["last_read_seq"], actor=actor)
    return JsonAnswer(
        {"ok": True, "last_read_seq": done.last_read_seq, "updated_at": done.updated_at}
    )


@plain_view(
    actions={"GET": "thread.read"},
    outputs={"GET": forms.UnreadThreads},
    examples={"GET": examples.INBOX},
    in_workspace=False,
    tags=forms.TAGS,
)
def threads_inbox(request: HttpRequest) -> HttpResponse:
    """What an agent has not read, over all its threads

    Counted is what others wrote and addressed to it or to everybody. `ack_required` counts the
    messages whose `metadata` says so.
    """
    actor = request.actor  # type: ignore[attr-defined]
    return HttpResponse(services.read_inbox(actor=actor), content_type=JSON)

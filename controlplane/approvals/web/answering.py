"""Signing, at whichever door: one page with what is signed and three answers. Whatever refuses an
answer, what was typed is still there; sent twice, it is one answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.access import step_up
from controlplane.approvals import services
from controlplane.approvals.errors import PACKET_CHANGED
from controlplane.approvals.links import Places
from controlplane.approvals.models import Decision, Request
from controlplane.approvals.services.reading import COMMENT
from controlplane.approvals.shown import page as shown
from controlplane.approvals.shown import words
from controlplane.approvals.web.common import approval_of
from controlplane.audit.services import record_denied
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import CODES, ControlPlaneError, NotAllowed, NotFound

Show = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Door:
    """`more`: what this door's page shows beside what is signed."""

    places: Places
    show: Show  # (request, template, context, status=…)
    template: str = "decide.html"
    more: Callable[[HttpRequest, Request], Mapping[str, Any]] | None = None


def answered(request: HttpRequest, uid: uuid.UUID, door: Door) -> HttpResponse:
    approval = approval_of(request, uid)
    if request.method != "POST":
        return _form(request, approval, door)
    actor = actor_of(request)
    # Cut one beyond what the service takes, so that it refuses and nothing typed is cut off.
    comment = request.POST.get("comment", "").replace("\x00", "")[: COMMENT * 4]
    verdict, sha256 = posted(request, "verdict", 40), posted(request, "sha256", 64)
    try:
        decided = services.decide(
            approval,
            verdict,
            actor=actor,
            sha256=sha256,
            slot=posted(request, "slot", 60),
            comment=comment,
        )
    except NotAllowed as error:
        if error.error_code != step_up.CODE:
            raise
        record_denied(error)
        return _again(request, uid, comment, error, door)
    except NotFound:
        raise
    except ControlPlaneError as error:
        given = Answer(verdict, sha256, posted(request, "slot", 60), comment)
        if _was_given(approval, given, actor):
            messages.success(request, f"You have answered {approval.ref} already: it counts once.")
            return HttpResponseRedirect(door.places.url("packet", approval))
        return _again(request, uid, comment, error, door)
    messages.success(request, _said(decided, actor))
    return HttpResponseRedirect(door.places.url("packet", decided))


@dataclass(frozen=True, slots=True)
class Answer:
    verdict: str
    sha256: str
    slot: str
    comment: str


def _was_given(approval: Request, given: Answer, actor: Actor) -> bool:
    """The very answer, of the same person to the same packet: a form that was sent twice."""
    rows = Decision.objects.filter(
        request=approval,
        person_id=actor.user_id or 0,
        verdict=given.verdict,
        sha256=given.sha256.lower(),
    )
    found = rows.select_related("slot").first()
    return (
        found is not None
        and given.slot in {"", found.slot.slug}
        and given.comment.split() == found.comment.split()
    )


def _said(approval: Request, actor: Actor) -> str:
    """What came of it, and what it still waits for."""
    if approval.status == "changes_requested":
        return f"{approval.ref} goes back: whoever asked is told what you want changed."
    if not approval.is_open:
        return f"{approval.ref} is {approval.get_status_display().lower()}."
    waits = words.missing_words(approval)
    return f"You signed {approval.ref}." + (f" It waits for {waits} now." if waits else "")


def _form(
    request: HttpRequest, approval: Request, door: Door, *, status: int = 200, **more: Any
) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "title": f"Decide {approval.ref}",
        **shown.of(approval, actor, door.places),
        "comment": "",
        "next": shown.next_for(actor, approval),
        **(door.more(request, approval) if door.more is not None else {}),
        **more,
    }
    return door.show(request, door.template, context, status=status)


def _beside(error: ControlPlaneError, field: str) -> str:
    """What is said beside the field itself need not name it."""
    said = str(error.details.get(field, "")) if field else ""
    return said if error.message == f"{field}: {said}" else error.message


def _again(
    request: HttpRequest, uid: uuid.UUID, comment: str, error: ControlPlaneError, door: Door
) -> HttpResponse:
    """The page as things stand now, with the refusal and everything that was typed. Where a later
    revision is asked about, it is that one's page: the answer may be given there at once."""
    read = approval_of(request, uid)
    approval, changed = read, None
    if error.error_code == PACKET_CHANGED:
        changed = _changed(error, posted(request, "sha256", 64))
        approval = _current(request, error) or read
    verdict = posted(request, "verdict", 40)
    field = next(iter(error.details), "") if changed is None else ""
    return _form(
        request,
        approval,
        door,
        status=CODES[error.error_code],
        comment=comment,
        error=_beside(error, field),
        error_field=field,
        stale=error.error_code == step_up.CODE,
        changed=changed,
        read_ref=read.ref if read.pk != approval.pk else "",
        chosen=verdict if verdict in Decision.Verdict.values else "",
        chosen_slot=posted(request, "slot", 60),
    )


def _current(request: HttpRequest, error: ControlPlaneError) -> Request | None:
    current = error.details.get("current")
    return approval_of(request, uuid.UUID(current["uid"])) if current else None


def _changed(error: ControlPlaneError, seen: str) -> dict[str, Any]:
    """The difference as the service found it: what it compared may be gone a moment later."""
    told = list(error.details.get("diff") or [])
    more = told.pop()["after"] if told and told[-1]["kind"] == "more" else ""
    current = error.details.get("current")
    return {"diff": told, "more": more, "seen": seen, "current": current}

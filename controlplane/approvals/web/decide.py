"""Signing: one page with what is signed and three answers. Whatever refuses an answer, what was
typed is still there."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import step_up
from controlplane.approvals import services
from controlplane.approvals.errors import PACKET_CHANGED
from controlplane.approvals.models import Decision, Request
from controlplane.approvals.services.reading import COMMENT
from controlplane.approvals.shown import page as shown
from controlplane.approvals.shown import words
from controlplane.approvals.web.common import approval_of, page, posted, show
from controlplane.audit.services import record_denied
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import CODES, ControlPlaneError, NotAllowed, NotFound


@require_http_methods(["GET", "HEAD", "POST"])
@page
def decide(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    approval = approval_of(request, uid)
    if request.method != "POST":
        return _form(request, approval)
    actor = actor_of(request)
    # Cut one beyond what the service takes, so that it refuses and nothing typed is cut off.
    comment = request.POST.get("comment", "").replace("\x00", "")[: COMMENT * 4]
    try:
        decided = services.decide(
            approval,
            posted(request, "verdict", 40),
            actor=actor,
            sha256=posted(request, "sha256", 64),
            slot=posted(request, "slot", 60),
            comment=comment,
        )
    except NotAllowed as error:
        if error.error_code != step_up.CODE:
            raise
        record_denied(error)
        return _again(request, uid, comment, error)
    except NotFound:
        raise
    except ControlPlaneError as error:
        return _again(request, uid, comment, error)
    messages.success(request, _said(decided, actor))
    return HttpResponseRedirect(words.request_url(decided))


def _said(approval: Request, actor: Actor) -> str:
    """What came of it, and what it still waits for."""
    if not approval.is_open:
        return f"{approval.ref} is {approval.get_status_display().lower()}."
    waits = words.missing_words(approval)
    return f"You signed {approval.ref}." + (f" It waits for {waits} now." if waits else "")


def _form(
    request: HttpRequest, approval: Request, *, status: int = 200, **more: Any
) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "title": f"Decide {approval.ref}",
        **shown.of(approval, actor),
        "comment": "",
        "next": shown.next_for(actor, approval),
        **more,
    }
    return show(request, "decide.html", context, status=status)


def _again(
    request: HttpRequest, uid: uuid.UUID, comment: str, error: ControlPlaneError
) -> HttpResponse:
    """The page as things stand now, with the refusal and everything that was typed. Where a later
    revision is asked about, it is that one's page: the answer may be given there at once."""
    read = approval_of(request, uid)
    approval, changed = read, None
    if error.error_code == PACKET_CHANGED:
        changed = _changed(error, posted(request, "sha256", 64))
        approval = _current(request, error) or read
    verdict = posted(request, "verdict", 40)
    return _form(
        request,
        approval,
        status=CODES[error.error_code],
        comment=comment,
        error=error.message,
        error_field=next(iter(error.details), "") if changed is None else "",
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

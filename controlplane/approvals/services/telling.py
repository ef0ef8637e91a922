"""What every step leaves behind: audit, the work item's talk, news for people and other apps.

The talk goes by the outbox. A step holds the rows of its subject until it ends, and whoever has
the work item's lock would hold them with it: a flag could not be switched off meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controlplane.approvals import links, signing
from controlplane.approvals.models import Request
from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.lib import actors, context
from controlplane.lib.actors import Actor
from controlplane.lib.ids import uuid7
from controlplane.notify import outbox
from controlplane.notify import services as notify
from controlplane.notify.channels.base import Outcome
from controlplane.notify.models import OutboxMessage
from controlplane.work import services as work

PORTAL = actors.job("approvals")
TOPIC = "approvals.said"


def note(
    request: Request,
    action: str,
    *,
    actor: Actor,
    said: str,
    after: Any = None,
    before: Any = None,
    reason: str = "",
    details: Any = None,
) -> None:
    """The audit row, and a line in the talk of the work item, signed with whoever acted."""
    record(actor, action, request, before=before, after=after, reason=reason, details=details)
    if request.item_id is None:
        return
    outbox.enqueue(
        TOPIC,
        {
            "request": str(request.uid),
            "text": f"{said}: {reason}" if reason else f"{said}.",
            "name": actor.label,
            "source": context.current().source,
        },
        key=f"approval-said:{uuid7()}",
        workspace_id=request.workspace_id,
        subject=subject_ref(request),
    )


@outbox.topic(TOPIC)
def say(message: OutboxMessage) -> Outcome:
    """A second delivery says nothing twice."""
    told = message.payload
    request = Request.objects.select_related("item").filter(uid=told["request"]).first()
    if request is None or request.item is None:
        return Outcome("rejected", "the work item is not there")
    work.comment(
        request.item,
        told["text"],
        actor=PORTAL,
        name=told["name"],
        source=told["source"],
        origin=message.key,
    )
    return Outcome("accepted")


def emit(request: Request) -> None:
    """News for the apps above: a request was asked, or came to an end."""
    signals.emit(
        "approvals.changed",
        key=f"{request.uid}:{request.version}",
        payload={
            "uid": str(request.uid),
            "ref": request.ref,
            "status": request.status,
            "owner": request.owner,
            "subject": request.subject,
            "question": str(request.question),
            "revision": request.revision,
        },
        workspace_id=request.workspace_id,
    )


def ask_signers(request: Request, kind: str, key: str) -> None:
    """Tell whoever could sign now. With nobody there, the roles are told, which falls to the
    workspace's admins and says why."""
    people = signing.people_asked(request)
    roles: set[str] = set()
    if not people:
        for slot in request.slots.filter(waiting=True):
            roles |= set(slot.roles)
    send(request, kind, key, people=people, roles=sorted(roles))


def tell_requester(request: Request, kind: str, key: str, *, what: str = "", why: str = "") -> None:
    if request.requested_by_id is not None:
        send(request, kind, key, people=[request.requested_by_id], what=what, why=why)


def send(
    request: Request,
    kind: str,
    key: str,
    *,
    people: Iterable[int] = (),
    roles: Iterable[str] = (),
    what: str = "",
    why: str = "",
    who: str = "",
    urgency: str = "normal",
) -> None:
    notify.notify(
        workspace_id=request.workspace_id,
        kind=kind,
        to=notify.To(users=tuple(people), roles=tuple(roles)),
        key=f"approval:{key}",
        values={
            "ref": request.ref,
            "title": request.title,
            "what": what or request.get_status_display().lower(),
            "why": why,
            "who": who,
            "due": f"{request.due_at:%Y-%m-%d %H:%M} UTC",
            "expires": f"{request.expires_at:%Y-%m-%d %H:%M} UTC",
        },
        urgency=urgency,
        link=links.page_of(request),
        about=subject_ref(request),
    )

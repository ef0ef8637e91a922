"""Saying something about a request. With a work item it is said of the item, where everybody
follows it; without one the request keeps it itself."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy as access
from controlplane.approvals import numbers, signing
from controlplane.approvals.models import Decision, Request, RequestComment
from controlplane.approvals.services import reading, telling
from controlplane.audit.services import record
from controlplane.lib import clock, context
from controlplane.lib.actors import Actor
from controlplane.work import services as work
from controlplane.work.models import Comment

_ACTION = "approval.comment"
# As much as a message carries; its link leads to the rest.
_IN_A_MESSAGE = 2_000


@transaction.atomic
def comment(request: Request, text: str, *, actor: Actor) -> RequestComment | Comment:
    """Said once, and stays as it was said, also when the request has ended. No lock is taken:
    whoever decides at this moment waits for no talk."""
    access.require(actor, _ACTION, request)
    said = reading.text("text", text, numbers.MAX_COMMENT.value, required=True)
    if request.item is not None:
        return work.comment(request.item, said, actor=actor)
    row = RequestComment.objects.create(
        workspace_id=request.workspace_id,
        request=request,
        question=request.question,
        author_id=actor.user_id if actor.kind == "person" else None,
        author_ref=actor.ref[:80],
        author_name="" if actor.kind == "person" else actor.label[:200],
        text=said,
        source=context.current().source[:20],
        created_at=clock.now(),
    )
    record(actor, _ACTION, request, after={"comment": str(row.uid), "text": said})
    _tell(request, row, actor)
    return row


def _tell(request: Request, row: RequestComment, actor: Actor) -> None:
    people = concerned(request) - {actor.user_id or 0}
    if not people:
        return
    telling.send(
        request,
        "approval.commented",
        f"comment:{row.uid}",
        people=sorted(people),
        who=(row.author.name if row.author is not None else "") or actor.label,
        what=row.text[:_IN_A_MESSAGE],
    )


def concerned(request: Request) -> set[int]:
    """Who asked, whose machine did, who signed, who could sign now, and who said something."""
    found = {request.requested_by_id or 0, *request.behind}
    if request.is_open:
        found |= set(signing.people_asked(request))
    found |= set(
        Decision.objects.filter(request__question=request.question).values_list(
            "person_id", flat=True
        )
    )
    found |= {
        author or 0
        for author in RequestComment.objects.about(request).values_list("author_id", flat=True)
    }
    return found - {0}

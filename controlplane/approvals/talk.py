"""What was said about a request, wherever it is kept: beside it, or on its work item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.access.models import User
from controlplane.access.principals import by_address
from controlplane.approvals.models import Request, RequestComment
from controlplane.lib.actors import Actor
from controlplane.work.models import Comment

MOST = 200


@dataclass(frozen=True, slots=True)
class Said:
    on: str  # ref of the revision, or key of the item
    who: User | None
    name: str  # of a machine, or as it was signed on the item
    text: str
    source: str
    at: datetime
    ref: str = ""

    @property
    def author(self) -> str:
        return self.name if self.who is None else str(self.who.name or self.who.email)

    @property
    def shown(self) -> User | str:
        """By ref where it is known: people stand in the console by their name of today."""
        if self.who is not None:
            return self.who
        return f"{self.ref} {self.name}" if self.ref and "@" in self.name else self.name


def about(request: Request, actor: Actor, most: int = MOST, *, before: bool = False) -> list[Said]:
    """The newest first. Of an item's talk what was said since it was asked, or `before` too;
    without what the portal notes there of its own steps."""
    found = sorted(
        [*_own(request, actor, most), *_of_item(request, actor, most, before)],
        key=lambda one: one.at,
        reverse=True,
    )
    return found[:most]


def _own(request: Request, actor: Actor, most: int) -> Iterator[Said]:
    rows: Any = RequestComment.objects.visible_to(actor).about(request)
    rows = rows.select_related("author", "request").order_by("-id")
    for row in rows.defer("request__packet_text")[:most]:
        name = row.author_name or row.author_ref
        yield Said(row.request.ref, row.author, name, row.text, row.source, row.created_at)


def _of_item(request: Request, actor: Actor, most: int, before: bool) -> Iterator[Said]:
    if request.item is None:
        return
    rows: Any = Comment.objects.visible_to(actor).filter(item_id=request.item_id)
    if not before:
        rows = rows.filter(created_at__gte=request.requested_at)
    rows = rows.exclude(actor_ref="job:approvals").order_by("-created_at", "-id")
    found = list(rows[:most])
    # What the portal noted for somebody is signed with their address.
    noted = by_address(row.author for row in found if row.actor_ref.startswith("job:"))
    for row in found:
        yield Said(request.item.key, noted.get(row.author), row.author, row.text, row.source,
                   row.created_at, row.actor_ref)  # fmt: skip

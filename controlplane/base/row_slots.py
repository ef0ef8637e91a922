"""What other packages put on the page of a row that is not theirs: a comment box, related rows.

Every row's page of the console has these slots; which are filled is decided here, by whoever
registered, so that a package above (the work graph, say) appears on pages of those below without
being imported by them. Register in `apps.py`:

    from controlplane.base import row_slots

    row_slots.comment_doors.register(row_slots.CommentDoor("work.threads", ask_thread))
    row_slots.related_work.register(row_slots.RowSource("work.items", items_about))
    row_slots.links.register(row_slots.RowSource("work.links", links_of))

The contract:

- `CommentDoor.ask(actor, obj)` answers a `CommentBox`, or None where it knows nothing of such an
  object. The first that answers is drawn above the timeline. The box is a form that posts the
  field `body` (with a CSRF token) to `CommentBox.url`; that view calls a service, and redirects
  back to `next`, a path of this console the form names. `refusal` draws the box closed, with the
  sentence. Comments show up in the timeline through `CommentDoor.entries(actor, obj, limit)`:
  dicts with the fields of `console.kit.timelines.Entry` (`at`, `who`, `body`, ...), newest first;
  they are merged with the audit rows by time.
- `RowSource.rows(actor, obj)` answers `RelatedRow`s, most telling first and already scoped to
  what the actor may see; None where it knows nothing of such an object, an empty list where there
  could be some and are none. A card without any source that answers is not drawn.

Both are asked at every look at a page: a source is one indexed question, answers at most `MOST`
rows, and never raises for an object it does not know. One that fails is logged and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.base.registries import Registry
from controlplane.lib.actors import Actor

MOST = 20


@dataclass(frozen=True, slots=True)
class CommentBox:
    """Where a comment on this object is posted, or the sentence that refuses one."""

    url: str
    refusal: str = ""
    label: str = "Comment"
    hint: str = ""  # a sentence under the box: who reads it


@dataclass(frozen=True, slots=True)
class CommentDoor:
    slug: str
    ask: Callable[[Actor, Any], CommentBox | None]
    entries: Callable[[Actor, Any, int], Sequence[Mapping[str, Any]]] | None = None


@dataclass(frozen=True, slots=True)
class RelatedRow:
    """A line of a card: its ref, its title, where it leads, how it stands."""

    title: str
    url: str = ""
    ref: str = ""
    state: str = ""
    note: str = ""  # how it is related: "blocks this", "runbook"
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RowSource:
    slug: str
    rows: Callable[[Actor, Any], Sequence[RelatedRow] | None]


comment_doors: Registry[CommentDoor] = Registry("comment_doors")
related_work: Registry[RowSource] = Registry("related_work")
links: Registry[RowSource] = Registry("links")

"""An item's history as a timeline: what people did and said, what the portal did."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from controlplane.lib import kept
from controlplane.work import vocabulary
from controlplane.work.models import Comment, Item, ItemEvent
from controlplane.work.services import reading
from controlplane.work.shown.words import status_words

ITEMS_FIELDS = (*reading.FIELDS, "status", "close_reason", "following")
# "title: a; priority: 1", as histories keep it: the value goes on to the next name of a field.
_PAIR = re.compile(rf"(?:^|; )({'|'.join(map(re.escape, ITEMS_FIELDS))}): ")
_EDGE = re.compile(r"type: (\S+); depends_on: (.+)", re.DOTALL)
_LINK = re.compile(r"title: (.*?); url: ", re.DOTALL)
_KINDS = {"user": "person", "agent": "agent", "job": "job", "key": "service"}
_SHORT = 60
_NAMES = {
    "item_type": "type",
    "await_type": "what it waits for",
    "await_id": "which one it waits for",
}


def timeline(item: Item, most: int) -> tuple[list[dict[str, Any]], bool]:
    """Newest first, and whether there is more. What was said is shown by the comment itself."""
    limit = range(most + 1)
    events = kept.ask(_events, item.pk, limit)
    comments = kept.ask(_comments, item.pk, limit)
    lines = [_told(event) for event in events] + [_said(comment) for comment in comments]
    # A request's own order breaks ties: what was written later stands above.
    lines.sort(key=lambda line: (line["at"], line["order"]), reverse=True)
    for line in lines:
        del line["order"]
    return lines[:most], len(lines) > most


def _events(item: int, most: range) -> QuerySet[ItemEvent]:
    rows = ItemEvent.objects.filter(item=item).exclude(kind="commented")
    return rows.order_by("-id")[: len(most)]


def _comments(item: int, most: range) -> QuerySet[Comment]:
    rows: QuerySet[Comment] = Comment.objects.filter(item=item)
    return rows.order_by("-created_at", "-id")[: len(most)]


def _said(comment: Comment) -> dict[str, Any]:
    return {
        "at": comment.created_at,
        "who": _who(comment.author, comment.actor_ref),
        "body": comment.text,
        "source": comment.source,
        "icon": "mail",
        "order": comment.pk,
    }


def _told(event: ItemEvent) -> dict[str, Any]:
    before, after = _pairs(event.old), _pairs(event.new)
    what = _WORDS.get(event.kind, _other)(event)
    line = {
        "at": event.at,
        "who": _who(event.actor_name, event.actor_ref),
        "what": what,
        "why": event.comment,
        "source": event.source,
        "request_id": event.request_id,
        "tone": "warn" if event.forced else "neutral",
        "quiet": event.kind in {"label_added", "label_removed"},
        "order": event.pk,
    }
    if event.kind == "updated" and not _is_short(before, after):
        line |= {"before": before, "after": after}
    return line


@dataclass(frozen=True, slots=True)
class Speaker:
    """As rows of the audit log name who acted, so that people stand here by their name of today."""

    actor_kind: str
    actor_label: str
    actor_ref: str


def _who(name: str, ref: str) -> Speaker:
    """A tool may have spoken for somebody: then the name it said stands here."""
    kind, _, number = ref.partition(":")
    spoke = kind == "user" and "@" not in name
    return Speaker(_KINDS.get(kind, "person"), name, "" if spoke or not number else ref)


# --- Words --------------------------------------------------------------------------------------


def _pairs(text: str) -> dict[str, str]:
    parts = _PAIR.split(text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _is_short(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    texts = [*before.values(), *after.values()]
    return len(after) == 1 and all(len(text) <= _SHORT and "\n" not in text for text in texts)


def _updated(event: ItemEvent) -> str:
    before, after = _pairs(event.old), _pairs(event.new)
    names = [_name(field) for field in after] or ["it"]
    if not _is_short(before, after):
        return f"changed {', '.join(names)}"
    [(field, new)] = after.items()
    old = before.get(field, "")
    if _empty(new):
        return f"cleared {names[0]}"
    was = f" from {old}" if not _empty(old) else ""
    return f"set {names[0]}{was} to {new}" if not was else f"changed {names[0]}{was} to {new}"


def _name(field: str) -> str:
    return _NAMES.get(field) or field.replace("_", " ").removesuffix(" at")


def _empty(text: str) -> bool:
    return text in {"", "None", "False"}


def _moved(event: ItemEvent) -> str:
    old, new = _pairs(event.old).get("status", ""), _pairs(event.new).get("status", "")
    return f"moved it from {status_words(old).lower()} to {status_words(new).lower()}"


def _closed(event: ItemEvent) -> str:
    return "closed it over open work" if event.forced else "closed it"


def _linked(event: ItemEvent) -> str:
    found = _EDGE.match(event.new or event.old)
    if found is None:
        return "linked it" if event.new else "removed a link"
    words = vocabulary.edge_of(found[1]).forward
    if event.new:
        return f"linked it: it {words} {found[2]}"
    return f"removed the link: it {words} {found[2]}"


def _evidence(event: ItemEvent) -> str:
    found = _LINK.search(event.new or event.old)
    name = found[1] if found else "evidence"
    return f"added the evidence {name}" if event.new else f"removed the evidence {name}"


def _other(event: ItemEvent) -> str:
    words = event.kind.replace("_", " ")
    return f"{words} {event.new}".strip() if len(event.new) <= _SHORT else words


_WORDS: dict[str, Callable[[ItemEvent], str]] = {
    "created": lambda event: "opened it",
    "claimed": lambda event: "claimed it",
    "updated": _updated,
    "status_changed": _moved,
    "closed": _closed,
    "reopened": lambda event: "reopened it",
    "label_added": lambda event: f"added the label {event.new}",
    "label_removed": lambda event: f"took off the label {event.old}",
    "dependency_added": _linked,
    "dependency_removed": _linked,
    "evidence_added": _evidence,
    "evidence_removed": _evidence,
}

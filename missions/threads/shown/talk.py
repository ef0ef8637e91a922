"""What was said, as it is read: by day, by who said it, with what it answers and whom it is for.

Bodies are text of others. They are cut to what a page can carry, and a template escapes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django.db.models.functions import Left, Length
from django.http import QueryDict

from controlplane.lib.text import short
from missions.threads import links, numbers
from missions.threads.models import Message, Thread
from missions.threads.services.common import PORTAL

_TOGETHER = timedelta(minutes=10)
_HEAD = 480  # of a long body, before the fold
_HEAD_LINES = 8
_FOLDED = 2_000  # what a fold holds; beyond it a page of its own does
_EXCERPT = 240
_QUOTE = 110
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
# Event, in words, with its tone and icon.
EVENTS: Mapping[str, tuple[str, str, str]] = {
    "finding_reported": ("Finding reported", "warn", "flag"),
    "fix_pushed": ("Fix pushed", "info", "branch"),
    "re_review_requested": ("Second look asked for", "info", "eye"),
    "finding_verified": ("Finding verified as settled", "good", "check"),
    "finding_rejected": ("Fix rejected, the finding stands", "warn", "cross"),
    "thread_escalated": ("Help asked for", "bad", "siren"),
    "thread_resolved": ("Resolved, says the sender", "good", "check"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One message. `text` is its beginning, `rest` what a fold holds of it; `cut`: there is more
    on its own page."""

    seq: int
    at: datetime
    text: str
    rest: str = ""
    cut: bool = False
    size: int = 0
    event: str = ""
    tone: str = "neutral"
    icon: str = "info"
    finding: str = ""
    to: str = ""
    session: str = ""
    reply: int = 0
    reply_who: str = ""
    reply_text: str = ""
    url: str = ""
    reply_url: str = ""


@dataclass(slots=True)
class Group:
    """What one sender said in one go."""

    who: Mapping[str, str] | str
    by: str  # an opaque ref
    label: str
    at: datetime
    is_system: bool
    day: date | None = None  # named before it where it begins
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Talk:
    groups: Sequence[Group]
    first: int
    last: int
    total: int
    older: str = ""
    newer: str = ""
    is_newest: bool = True


def asked(query: QueryDict, name: str) -> int:
    """A number of a message from the address; 0 for anything else."""
    text = query.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else 0


def talk(thread: Thread, query: QueryDict, zone: tzinfo, names: Mapping[int, str]) -> Talk:
    """A page of it, the newest where nothing else is asked: `before` a number, or around `at`."""
    size = numbers.PAGE_MESSAGES.value
    end = thread.last_seq
    if before := asked(query, "before"):
        end = min(end, before - 1)
    elif at := asked(query, "at"):
        end = min(end, at + size // 2)
    rows = list(_page(thread, end, size))
    first, last = (rows[-1].seq, rows[0].seq) if rows else (0, 0)
    older = f"?before={first}" if first > 1 else ""
    newer = f"?before={min(last + size, thread.last_seq) + 1}" if last < thread.last_seq else ""
    if newer and last + size >= thread.last_seq:
        newer = "?"
    return Talk(
        _groups(_lines(thread, rows, names), zone), first, last, thread.last_seq, older, newer,
        not newer,
    )  # fmt: skip


def _page(thread: Thread, end: int, size: int) -> Any:
    """Newest first. Of a long body only as much is fetched as is shown."""
    rows = Message.objects.filter(thread=thread, seq__lte=end).order_by("-seq")
    begun = {"start": Left("body", _HEAD + _FOLDED), "size": Length("body")}
    return rows.defer("body", "content_hash").annotate(**begun)[:size]


def _quotes(thread: Thread, rows: Sequence[Any]) -> dict[int, tuple[str, str]]:
    wanted = {row.in_reply_to for row in rows if row.in_reply_to}
    if not wanted:
        return {}
    found = Message.objects.filter(thread=thread, seq__in=wanted)
    told = found.annotate(start=Left("body", _QUOTE * 2)).values_list(
        "seq", "sender_label", "start"
    )
    return {seq: (who, short(" ".join(text.split()), _QUOTE)) for seq, who, text in told}


def _lines(thread: Thread, rows: Sequence[Any], names: Mapping[int, str]) -> list[tuple[Any, Line]]:
    """Oldest first. What the page has room for goes to the newest."""
    quotes, room, found = _quotes(thread, rows), numbers.PAGE_TEXT.value, []
    for row in rows:
        text, rest, cut = _folded(row.start, row.size, room)
        room -= len(text) + len(rest)
        found.append((row, _line(thread, row, quotes, names, (text, rest, cut))))
    return found[::-1]


def _line(
    thread: Thread, row: Any, quotes: Mapping[int, tuple[str, str]], names: Mapping[int, str],
    body: tuple[str, str, bool],
) -> Line:  # fmt: skip
    words, tone, icon = _event(row.event)
    who, quoted = quotes.get(row.in_reply_to or 0, ("", ""))
    given = row.metadata.get("finding_id") or row.metadata.get("finding") or ""
    return Line(
        seq=row.seq, at=row.created_at, text=body[0], rest=body[1], cut=body[2], size=row.size,
        event=words, tone=tone, icon=icon,
        finding=short(given, 60) if row.event and isinstance(given, str) else "",
        to=_to(row, names), session=row.session, reply=row.in_reply_to or 0, reply_who=who,
        reply_text=quoted, url=links.whole(thread, row.seq),
        reply_url=f"?at={row.in_reply_to}#m-{row.in_reply_to}" if row.in_reply_to else "",
    )  # fmt: skip


def _event(name: str) -> tuple[str, str, str]:
    if not name:
        return "", "neutral", "info"
    known = EVENTS.get(name)
    return known or (name.replace("_", " ").replace(".", " ").capitalize(), "neutral", "info")


def _to(row: Any, names: Mapping[int, str]) -> str:
    if row.to == Message.To.ROLE:
        return f"every {row.to_role}"
    if row.to == Message.To.AGENTS:
        return ", ".join(names.get(pk, "somebody") for pk in row.to_agents)
    return ""


def _folded(start: str, size: int, room: int) -> tuple[str, str, bool]:
    """The beginning, what is folded away, whether there is more elsewhere."""
    if room < len(start):
        text = short(start, _EXCERPT)
        return text, "", len(text) < size
    lines = start.split("\n")
    if len(start) <= _HEAD and len(lines) <= _HEAD_LINES + 2:
        return start, "", size > len(start)
    at = min(_HEAD, len("\n".join(lines[:_HEAD_LINES])))
    space = max(start.rfind(" ", 0, at + 1), start.rfind("\n", 0, at + 1))
    at = space if space > at // 2 else at
    return start[:at], start[at:], size > len(start)


def sender(row: Any) -> Mapping[str, str] | str:
    """As the row keeps it: whoever is gone one day is still who said it."""
    kind, _, _ = row.sender_ref.partition(":")
    if kind == "user":  # by the name of today, with the address of then one hover away
        return f"{row.sender_ref} {row.sender_label}"
    return {"kind": kind, "label": row.sender_label, "ref": row.sender_ref}


def _groups(lines: Iterable[tuple[Any, Line]], zone: tzinfo) -> list[Group]:
    found: list[Group] = []
    day: date | None = None
    for row, line in lines:
        system = row.sender_ref == PORTAL.ref or row.kind == Message.Kind.SYSTEM
        here = row.created_at.astimezone(zone).date()
        begins = here != day
        day = here
        before = found[-1] if found and not begins else None
        joins = (
            before is not None
            and before.by == row.sender_ref
            and before.is_system == system
            and line.at - before.lines[-1].at <= _TOGETHER
        )
        if not joins:
            day_of = here if begins else None
            found.append(
                Group(sender(row), row.sender_ref, row.sender_label, line.at, system, day_of)
            )
        found[-1].lines.append(line)
    return found

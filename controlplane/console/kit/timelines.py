"""What happened to a thing: who, what, when, why and from where, grouped by request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import Any

from controlplane.audit import words
from controlplane.console.kit import people
from controlplane.console.kit.clocks import as_time
from controlplane.console.kit.links import safe_url
from controlplane.console.kit.people import Who, who
from controlplane.console.kit.tones import state_tone, tone
from controlplane.lib import clock

MOST_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline. Dicts with these keys do as well."""

    at: datetime | str | None
    who: Any = None  # whatever {% person %} takes; None is the portal itself
    what: str = ""  # "acknowledged INC-12": refs become links
    why: str = ""  # the reason somebody gave
    source: str = ""  # console | api | agent | job | desk | mcp
    request_id: str = ""  # neighbours of one request stand together
    body: str = ""  # a comment, as Markdown
    before: Any = None  # with `after`: what changed, folded under the line
    after: Any = None
    tone: str = "neutral"
    icon: str = ""
    url: str = ""
    quiet: bool = False  # system entries; what a job did is quiet anyway
    about: str = ""  # the ref of the thing; on that thing's own page it needs no naming
    label: str = ""  # what the thing is called, after the words


@dataclass(frozen=True, slots=True)
class Line:
    entry: Entry
    at: datetime | None
    tone: str
    url: str
    changed: bool
    label: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What one actor did in one request."""

    who: Who | None
    source: str
    request_id: str
    at: datetime | None
    day: str  # set where a new day begins
    quiet: bool
    tone: str
    icon: str
    lines: list[Line] = field(default_factory=list)
    times: int = 1  # the same refusal, one after the other
    other_end: datetime | None = None  # of those times, where `at` is the one

    @property
    def is_comment(self) -> bool:
        return any(line.entry.body for line in self.lines)


_NAMES = set(Entry.__dataclass_fields__)


def entry(value: Any) -> Entry:
    if isinstance(value, Entry):
        return value
    if isinstance(value, Mapping):
        known = {name: value[name] for name in _NAMES if name in value}
        return Entry(**{"at": None, **known})
    return from_audit(value)


def from_audit(event: Any) -> Entry:
    """The line of an audit row (`audit.models.AuditEvent` or anything with its fields)."""
    return Entry(
        at=getattr(event, "happened_at", event.at),
        who=event,
        what=words.phrase(event),
        why=str(event.reason or ""),
        source=str(event.source or ""),
        request_id=str(event.request_id or ""),
        before=event.before,
        after=event.after,
        tone=_tone_of(str(event.outcome)),
        about=str(event.subject_ref or ""),
        label=str(event.subject_label or event.subject_ref or ""),
    )


def _tone_of(outcome: str) -> str:
    """What went as it should is no news; what was refused or failed is marked, but is over."""
    return "neutral" if outcome == "done" else state_tone(outcome, "audit.auditevent")


def build(
    entries: Iterable[Any], zone: tzinfo = UTC, about: Collection[str] = ()
) -> tuple[list[Group], bool]:
    """Groups in the order given, and whether older entries were left out. `about` are the refs of
    what the page is about: what happened to it does not say its name on every line."""
    kept = [entry(value) for value in islice(entries, MOST_ENTRIES + 1)]
    people.look_up(item.who for item in kept)
    groups: list[Group] = []
    day, last = "", None  # type: str, Any
    for item in kept[:MOST_ENTRIES]:
        line = _line(item, about)
        key = (item.request_id, who(item.who))
        if item.request_id and key == last and not item.body:
            groups[-1].lines.append(line)
            continue
        today = _day(line.at, zone)
        if groups and today == day and _repeats(groups[-1], item):
            groups[-1] = replace(groups[-1], times=groups[-1].times + 1, other_end=line.at)
            last = None
            continue
        groups.append(_group(item, line, today if today != day else ""))
        day, last = today, key
    return groups, len(kept) > MOST_ENTRIES


def _repeats(group: Group, item: Entry) -> bool:
    """Somebody refused the same for the same reason again: one line and how often, or forty of
    them hide everything else. What changed something is never folded."""
    first = group.lines[0].entry
    return len(group.lines) == 1 and item.tone != "neutral" and _same(first) == _same(item)


def _same(item: Entry) -> tuple[Any, ...] | object:
    if item.body or item.before is not None or item.after is not None:
        return object()
    said = (item.what, item.why, item.source, item.tone, item.url, item.about, item.label)
    return (who(item.who), *said)


def _line(item: Entry, about: Collection[str]) -> Line:
    changed = item.before is not None or item.after is not None
    label = "" if item.about in about else item.label
    return Line(item, as_time(item.at), tone(item.tone), safe_url(item.url), changed, label)


def _group(item: Entry, line: Line, day: str) -> Group:
    actor = who(item.who)
    machine = actor is None or actor.is_machine
    return Group(
        who=actor,
        source=words.source_words(item.source),
        request_id=item.request_id,
        at=line.at,
        day=day,
        quiet=(item.quiet or machine) and not item.body and line.tone not in {"warn", "bad"},
        tone=line.tone,
        icon=item.icon,
        lines=[line],
    )


def _day(at: datetime | None, zone: tzinfo) -> str:
    """The day's heading in the reader's zone: today, yesterday, or its date."""
    if at is None:
        return ""
    try:
        day, today = at.astimezone(zone).date(), clock.now().astimezone(zone).date()
    except OverflowError:
        return f"{at:%Y-%m-%d}"
    near = {0: "Today", 1: "Yesterday"}.get((today - day).days)
    return near or f"{day:%A}, {day.day} {day:%B} {day.year}"

"""Shifts as an iCalendar (RFC 5545): instants in UTC, so that no reader has to know our zones.

Each shift keeps its UID for as long as it is that shift, so that a calendar moves what changed
instead of doubling it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

LINE = 75  # octets


@dataclass(frozen=True, slots=True)
class Event:
    uid: str
    since: datetime
    until: datetime
    summary: str
    text: str = ""
    url: str = ""
    free: bool = False  # a gap takes nobody's time


def calendar(
    name: str, events: Iterable[Event], *, changed: datetime, product: str = "On call"
) -> bytes:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//Control plane//{product}//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{escaped(name)}",
        f"X-WR-CALNAME:{escaped(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    for event in events:
        lines += _event(event, changed)
    lines.append("END:VCALENDAR")
    return b"".join(folded(line) for line in lines)


def _event(event: Event, changed: datetime) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{event.uid}"
    yield f"DTSTAMP:{_stamp(changed)}"
    yield f"DTSTART:{_stamp(event.since)}"
    yield f"DTEND:{_stamp(event.until)}"
    yield f"SUMMARY:{escaped(event.summary)}"
    if event.text:
        yield f"DESCRIPTION:{escaped(event.text)}"
    if event.url:
        yield f"URL:{event.url}"
    yield f"TRANSP:{'TRANSPARENT' if event.free else 'OPAQUE'}"
    yield "END:VEVENT"


def uid_of(*parts: object) -> str:
    digest = hashlib.sha256(":".join(str(part) for part in parts).encode()).hexdigest()
    return f"{digest[:32]}@oncall.controlplane"


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def escaped(text: str) -> str:
    """A value of text: no line of it can become a line of the calendar."""
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    text = "\\n".join(text.splitlines())
    return "".join(letter for letter in text if letter >= " " and letter != "\x7f")


def folded(line: str) -> bytes:
    """Lines of at most 75 octets; what follows begins with a space. No character is cut in two."""
    found, part = [], b""
    for letter in line:
        octets = letter.encode("utf-8", "replace")
        if len(part) + len(octets) > LINE:
            found.append(part)
            part = b" "
        part += octets
    return b"\r\n".join([*found, part]) + b"\r\n"

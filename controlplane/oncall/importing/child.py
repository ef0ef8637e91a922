"""A program of its own, that reads a calendar nobody vouches for. Run by `limits`, never imported.

The parser and the recurrence rules are others' code and can be made to work for years, so they work
here: with little memory, little time, an alarm for each series, and nothing of the portal at hand.
In: one line of JSON, then the calendar. Out: one line of JSON.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from types import FrameType
from typing import Any

import icalendar
import recurring_ical_events

SERIES_S = 2.0
DEEPEST = 8
MOST_TOLD = 100
TEXT = 300
TOO_OFTEN = re.compile(r"FREQ=(SECONDLY|MINUTELY)", re.I)
NAME = re.compile(r"^[A-Za-z0-9-]+(?=[;:])")
ZONED = re.compile(r";TZID=(\"[^\"]*\"|[^;:]*)", re.I)
TIMES = {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"}
# What parsers raise at what they were not made for.
UNREADABLE = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
    AssertionError, NotImplementedError, StopIteration, OSError,
)  # fmt: skip


class TooLong(Exception):
    """A series that takes longer than any rota would."""


@dataclass
class Block:
    """An event as it stands in the file."""

    line: int
    lines: list[tuple[int, str]]

    @property
    def text(self) -> str:
        return "\r\n".join(["BEGIN:VEVENT", *(one for _, one in self.lines), "END:VEVENT", ""])

    def value(self, name: str) -> str:
        for _, line in self.lines:
            if line.upper().startswith((f"{name}:", f"{name};")):
                return line.partition(":")[2].strip()
        return ""


class Reading:
    def __init__(self, asked: dict[str, Any], text: str) -> None:
        self.since = datetime.fromisoformat(asked["since"])
        self.until = datetime.fromisoformat(asked["until"])
        self.most = int(asked["most"])
        self.problems: list[dict[str, Any]] = []
        self.left_out = 0
        self.events: list[dict[str, Any]] = []
        self.name = self.zone = ""
        self.text = text

    def tell(self, line: int, said: str, text: str = "") -> None:
        if len(self.problems) < MOST_TOLD:
            self.problems.append({"line": line, "said": said[:TEXT], "text": text[:120]})
        else:
            self.left_out += 1

    def lines(self) -> Iterator[tuple[int, str]]:
        """Lines with what was folded put together again, each with the number it begins at."""
        at, parts = 0, [""]
        for number, raw in enumerate(self.text.split("\n"), 1):
            line = raw.rstrip("\r")
            if "\0" in line:
                self.tell(number, "It holds a zero byte; the line is left out.")
                continue
            if line[:1] in (" ", "\t") and at:
                parts.append(line[1:])
                continue
            if at and (whole := "".join(parts)).strip():
                yield at, whole
            at, parts = number, [line]
        if at and (whole := "".join(parts)).strip():
            yield at, whole

    def blocks(self) -> list[Block]:
        found: list[Block] = []
        open_: list[tuple[str, int]] = []
        event: Block | None = None
        zone: list[str] = []
        for number, line in self.lines():
            upper = line.strip().upper()
            if upper.startswith("BEGIN:"):
                kind = upper[6:].strip()
                if len(open_) >= DEEPEST:
                    self.tell(number, "Too much begins within other things; read until here.")
                    break
                open_.append((kind, number))
                if kind == "VEVENT" and event is None:
                    event = Block(number, [])
                    continue
                if kind == "VTIMEZONE":
                    zone = []
            elif upper.startswith("END:"):
                kind = upper[4:].strip()
                if not open_ or open_[-1][0] != kind:
                    self.tell(number, f"{kind[:40]} ends here, but did not begin.", line)
                    continue
                open_.pop()
                if kind == "VEVENT" and event is not None:
                    found.append(event)
                    event = None
                    continue
                if kind == "VTIMEZONE":
                    self._zone(number, [*zone, line])
                    continue
            elif NAME.match(line) is None:
                self.tell(number, "This is no line of a calendar.", line)
                continue
            if event is not None:
                if not any(kind == "VALARM" for kind, _ in open_) and upper != "END:VALARM":
                    event.lines.append((number, line))
            elif any(kind == "VTIMEZONE" for kind, _ in open_):
                zone.append(line)
            elif upper.startswith("X-WR-TIMEZONE:"):
                self.zone = line.partition(":")[2].strip()
            elif upper.startswith(("X-WR-CALNAME:", "NAME:")):
                self.name = line.partition(":")[2].strip()
        for kind, number in open_:
            self.tell(number, f"{kind[:40]} begins here and never ends.")
        return found

    def _zone(self, number: int, lines: list[str]) -> None:
        try:
            icalendar.Calendar.from_ical("\r\n".join(
                ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *lines, "END:VCALENDAR", ""]
            ))  # fmt: skip
        except UNREADABLE:
            self.tell(number, "This time zone can't be read.", lines[0])

    # --- Events -----------------------------------------------------------------------------

    def run(self) -> None:
        blocks = self.blocks()
        if not blocks and not self.problems:
            self.tell(1, "There is no event in it.")
        series: dict[str, list[tuple[Block, Any]]] = {}
        for number, block in enumerate(blocks):
            event = self._event(block)
            if event is not None:
                uid = str(event.get("UID") or f"none-{number}")
                series.setdefault(uid, []).append((block, event))
        for parts in series.values():
            if len(self.events) > self.most:
                self.tell(parts[0][0].line, f"More than {self.most} shifts; the rest is left out.")
                return
            self._series(parts)

    def _event(self, block: Block) -> Any:
        if TOO_OFTEN.search(block.value("RRULE")):
            self.tell(block.line, "It repeats every minute or second: that is no shift.",
                      block.value("RRULE"))  # fmt: skip
            return None
        for number, line in block.lines:
            found = ZONED.search(line)
            if line.upper().startswith(("DTSTART", "DTEND")) and found:
                self._known(number, found[1].strip('"'), line)
        try:
            with alarm():
                event = icalendar.Event.from_ical(block.text)
        except TooLong:
            self.tell(block.line, "It takes too long to read.")
            return None
        except UNREADABLE:
            self.tell(block.line, "This event can't be read.", block.value("SUMMARY"))
            return None
        if self._wrong(block, event):
            return None
        if event.get("DTSTART") is None:
            self.tell(block.line, "The event says no beginning (DTSTART).", block.value("SUMMARY"))
            return None
        if not _lasts(event):
            self.tell(block.line, "It ends before it begins, or lasts no time.",
                      block.value("SUMMARY"))  # fmt: skip
            return None
        if str(event.get("STATUS") or "").upper() == "CANCELLED" and not block.value(
            "RECURRENCE-ID"
        ):
            return None
        return event

    def _wrong(self, block: Block, event: Any) -> bool:
        """Whether something of its times can't be read: half a series would be a wrong one."""
        names = {str(name).upper() for name, _ in getattr(event, "errors", []) if name}
        for number, line in block.lines:
            found = NAME.match(line)
            if found and found[0].upper() in names:
                self.tell(number, f"{found[0].upper()} can't be read.", line)
        if block.value("RRULE") and not event.get("RRULE"):
            self.tell(block.line, "RRULE says nothing that repeats.", block.value("RRULE"))
            return True
        return bool(names & TIMES)

    def _known(self, number: int, name: str, line: str) -> None:
        if name and icalendar.timezone.tzp.timezone(name) is None:
            self.tell(number, f"Nobody knows the time zone {name}; its times are read as local.",
                      line)  # fmt: skip

    def _series(self, parts: list[tuple[Block, Any]]) -> None:
        first = parts[0][0]
        calendar = icalendar.Calendar()
        for _, event in parts:
            calendar.add_component(event)
        try:
            with alarm():
                found = recurring_ical_events.of(calendar).between(self.since, self.until)
        except TooLong:
            self.tell(first.line, "It repeats so often that it can't be worked out in time.",
                      first.value("RRULE"))  # fmt: skip
            return
        except UNREADABLE:
            self.tell(first.line, "When it is can't be worked out.", first.value("DTSTART"))
            return
        for event in found:
            if len(self.events) > self.most:
                return
            if str(event.get("STATUS") or "").upper() == "CANCELLED":
                continue
            try:
                self.events.append({**_told(event), "line": first.line})
            except UNREADABLE:
                self.tell(first.line, "When it is can't be worked out.", first.value("DTSTART"))


def _told(event: Any) -> dict[str, Any]:
    start, end = _moment(event.start), _moment(event.end)
    zone = str(getattr(start.tzinfo, "key", "") or "")
    if zone and getattr(end.tzinfo, "key", "") == zone:
        # As the wall shows it: what a skipped or doubled hour means is one rule, the portal's.
        start, end = start.replace(tzinfo=None), end.replace(tzinfo=None)
    given = event.get("ATTENDEE") or []
    people = []
    for one in (given if isinstance(given, list) else [given])[:10]:
        mail = str(one)
        mail = mail[7:] if mail.lower().startswith("mailto:") else mail
        people.append({"mail": mail[:254], "name": str(one.params.get("CN", ""))[:200]})
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "zone": zone,
        "summary": str(event.get("SUMMARY") or "")[:TEXT],
        "people": people,
    }


def _lasts(event: Any) -> bool:
    try:
        return bool(_moment(event.start) < _moment(event.end))
    except UNREADABLE:
        return False


def _moment(value: date | datetime) -> datetime:
    """A whole day begins at midnight; what has no zone stays without one, and is local there."""
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time())


@contextlib.contextmanager
def alarm() -> Iterator[None]:
    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SERIES_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def bounded(memory: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    asked = json.loads(sys.stdin.buffer.readline())
    bounded(int(asked["memory"]), int(asked["seconds"]))
    sys.setrecursionlimit(500)
    raw = sys.stdin.buffer.read()
    text = raw.decode("utf-8-sig", "replace")
    reading = Reading(asked, text.replace("\x0b", " ").replace("\x0c", " "))
    reading.run()
    json.dump(
        {
            "name": reading.name[:120],
            "zone": reading.zone[:64],
            "events": reading.events,
            "problems": sorted(reading.problems, key=lambda one: int(one["line"])),
            "left_out": reading.left_out,
        },
        sys.stdout,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How simulated events are written: the fields of the wire, with ids that follow from the seed."""

from __future__ import annotations

import random
from bisect import bisect_left
from datetime import datetime
from typing import Any
from uuid import UUID

Event = dict[str, Any]


def event_id(at: datetime, rng: random.Random) -> str:
    """Ordered by time like real ones, so that an index over millions is filled at its end."""
    bits = (int(at.timestamp() * 1000) << 80) | rng.getrandbits(80)
    bits = bits & ~(0xF << 76) | (0x7 << 76)
    return str(UUID(int=bits & ~(0x3 << 62) | (0x2 << 62)))


class Story:
    """Events about one thing, gathered in any order and told in the order they happened."""

    def __init__(self, rng: random.Random, **always: Any) -> None:
        self.rng = rng
        self.always = always
        self.events: list[Event] = []

    def tell(
        self, at: datetime, name: str, context: dict[str, Any] | None = None, **fields: Any
    ) -> None:
        event: Event = {
            "event": name,
            "event_id": event_id(at, self.rng),
            "occurred_at": at,
            **self.always,
            **fields,
        }
        if context:
            event["context"] = context
        self.events.append(event)

    def correlation(self) -> str:
        return f"c-{self.rng.getrandbits(48):012x}"

    def told(self, until: datetime | None = None) -> list[Event]:
        """What was gathered so far, by time; what comes after `until` waits for the next time."""
        self.events.sort(key=_when)
        count = len(self.events) if until is None else bisect_left(self.events, until, key=_when)
        events, self.events = self.events[:count], self.events[count:]
        return events


def _when(event: Event) -> datetime:
    moment: datetime = event["occurred_at"]
    return moment

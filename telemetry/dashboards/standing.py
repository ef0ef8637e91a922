"""How a figure, a panel, a dashboard stands: a colour, a word and a shape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from telemetry.measures import Measure, Reading


@dataclass(frozen=True, slots=True)
class Standing:
    slug: str
    word: str
    tone: str  # of the kit
    icon: str  # a shape for each, so that colour is never alone
    rank: int


WORST: dict[str, Standing] = {
    each.slug: each
    for each in (
        Standing("bad", "Alert", "bad", "siren", 0),
        Standing("warn", "Off target", "warn", "alert", 1),
        Standing("low_sample", "Too few to judge", "neutral", "more", 4),
        Standing("good", "On target", "good", "check", 3),
        Standing("neutral", "Reported", "info", "activity", 5),
        Standing("no_data", "No data", "neutral", "minus", 6),
        Standing("later", "Not there yet", "neutral", "clock", 7),
    )
}
_SHOWN = {"ok": "good", "attention": "warn", "failing": "bad", "not_applicable": "no_data"}


def standing(measure: Measure, reading: Reading) -> Standing:
    return WORST[measure.state(reading)]


def of_verdict(status: str) -> Standing:
    return WORST[_SHOWN.get(status, "neutral")]


def worst(found: Iterable[Standing]) -> Standing:
    """The most pressing of these; silence only where all are silent."""
    return min(found, key=lambda each: each.rank, default=WORST["no_data"])

"""Rotations and hours in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from functools import cache
from zoneinfo import available_timezones

from controlplane.access.policy import role_label
from controlplane.oncall.models import EVERY_DAY, Layer, Schedule

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_UNITS = {"daily": ("day", "days"), "weekly": ("week", "weeks"), "hours": ("hour", "hours")}


@cache
def zones() -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in sorted(available_timezones())]


def days(given: Iterable[int]) -> str:
    """ "Monday to Friday", "Monday, Wednesday"."""
    found = sorted(set(given))
    if found == EVERY_DAY:
        return "every day"
    if len(found) > 2 and found == list(range(found[0], found[-1] + 1)):
        return f"{WEEKDAYS[found[0]]} to {WEEKDAYS[found[-1]]}"
    return ", ".join(WEEKDAYS[day] for day in found)


def hours(start: time | None, end: time | None) -> str:
    if start is None or end is None:
        return "all day"
    return f"{start:%H:%M} to {end:%H:%M}"


def turn(layer: Layer) -> str:
    """ "A week each, from Monday 09:00"."""
    one, many = _UNITS[layer.turn]
    article = "An" if one == "hour" else "A"
    length = f"{article} {one}" if layer.every == 1 else f"{layer.every} {many}"
    if layer.turn == Layer.Turn.WEEKLY:
        return f"{length} each, from {WEEKDAYS[layer.handoff_weekday]} {layer.handoff_time:%H:%M}"
    return f"{length} each, from {layer.handoff_time:%H:%M}"


def restriction(layer: Layer) -> str:
    if not layer.is_restricted:
        return ""
    return f"Only {days(layer.days)}, {hours(layer.hours_from, layer.hours_until)}"


def cover(schedule: Schedule) -> str:
    """When somebody should be on duty."""
    when, how_long = days(schedule.cover_days), hours(schedule.cover_from, schedule.cover_until)
    if when == "every day" and how_long == "all day":
        return "Always"
    return f"{when[:1].upper()}{when[1:]}, {how_long}"


def roles(schedule: Schedule) -> str:
    return ", ".join(role_label(role) for role in schedule.roles)

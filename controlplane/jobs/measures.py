"""Readings for `/metrics` that are taken from rows when somebody scrapes.

    @reading("controlplane_channel_failures", "Failures in a row, by channel.", ["channel"])
    def failures() -> Iterable[tuple[tuple[str, ...], float]]: ...

Put them into a package's `readings.py`, which is imported at start. A reading is one bounded
query; labels are few and never hold ids or what people typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Values = Iterable[tuple[tuple[str, ...], float]]
Reading = Callable[[], Values]


@dataclass(frozen=True, slots=True)
class Gauge:
    name: str
    help: str
    labels: tuple[str, ...]
    read: Reading


READINGS: dict[str, Gauge] = {}


def reading(name: str, help: str, labels: Iterable[str] = ()) -> Callable[[Reading], Reading]:
    """Register a gauge that is read at scrape time."""
    if not name.startswith("controlplane_"):
        raise ValueError(f"metric {name} must begin with controlplane_")

    def register(function: Reading) -> Reading:
        if name in READINGS and READINGS[name].read is not function:
            raise ValueError(f"metric {name} is registered twice")
        READINGS[name] = Gauge(name, help, tuple(labels), function)
        return function

    return register

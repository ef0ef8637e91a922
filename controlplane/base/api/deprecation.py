"""Paths carry a version; one that is going away says so in every answer until it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from django.http import HttpResponse
from django.utils.http import http_date

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Deprecation:
    since: date
    sunset: date
    link: str

    def __post_init__(self) -> None:
        if self.sunset <= self.since:
            raise ValueError("a route is announced before it is taken away")

    def mark(self, response: HttpResponse) -> None:
        """RFC 9745 `Deprecation`, RFC 8594 `Sunset`, and where the successor is described."""
        response["Deprecation"] = f"@{_epoch(self.since)}"
        response["Sunset"] = http_date(_epoch(self.sunset))
        link = f'<{self.link}>; rel="deprecation"'
        others = response.get("Link")
        response["Link"] = f"{others}, {link}" if others else link


def deprecated(*, since: date, sunset: date, link: str) -> Callable[[V], V]:
    """Mark a view class or a plain view as going away."""
    notice = Deprecation(since, sunset, link)

    def mark(view: V) -> V:
        # A plain view keeps its declarations on the class that describes it.
        target: Any = getattr(view, "cls", view)
        target.deprecation = notice
        return view

    return mark


def _epoch(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())

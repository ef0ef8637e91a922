"""What is open when a shift ends. Apps tell theirs by registering in their `apps.py`:

    open_items.sources.register(open_items.Source("incidents", "Open incidents", ask))

`ask(schedule, at)` answers at most what a reader takes in, most pressing first. A source that
fails is named in the list instead of keeping the hand-over from happening.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from controlplane.base.registries import Registry
from controlplane.lib.text import short
from controlplane.oncall.links import override_url, request_url, take_url
from controlplane.oncall.models import Gap, Override, Schedule, SwapRequest

logger = logging.getLogger(__name__)
MOST = 20


@dataclass(frozen=True, slots=True)
class Open:
    title: str
    url: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    slug: str
    title: str
    ask: Callable[[Schedule, datetime], Sequence[Open]]


sources: Registry[Source] = Registry("oncall.open_items.sources")


def listed(schedule: Schedule, at: datetime) -> list[dict[str, str]]:
    """As a note keeps it: plain words, for what they name may be gone when somebody reads it."""
    found: list[dict[str, str]] = []
    for source in sources:
        for one in _asked(source, schedule, at)[:MOST]:
            found.append(
                {
                    "of": source.title,
                    "title": short(one.title, 200),
                    "url": one.url[:300],
                    "state": one.state[:40],
                }
            )
    return found


def _asked(source: Source, schedule: Schedule, at: datetime) -> Sequence[Open]:
    try:
        with transaction.atomic():
            return source.ask(schedule, at)
    except Exception:
        logger.exception("open items of %s could not be listed", source.slug)
        return [Open("could not be listed", state="unknown")]


def _gaps(schedule: Schedule, at: datetime) -> Sequence[Open]:
    rows = Gap.objects.open(at).filter(schedule=schedule).order_by("since")[:MOST]
    return [Open(f"Nobody from {one.since:%Y-%m-%d %H:%M} UTC", take_url(schedule)) for one in rows]


def _requests(schedule: Schedule, at: datetime) -> Sequence[Open]:
    rows = SwapRequest.objects.open().filter(schedule=schedule).select_related("asker")
    return [
        Open(
            f"{one.asker.name or one.asker.email} asks for {one.starts:%Y-%m-%d %H:%M} UTC",
            request_url(one),
        )
        for one in rows.order_by("starts")[:MOST]
    ]


def _swaps(schedule: Schedule, at: datetime) -> Sequence[Open]:
    rows = Override.objects.current_or_to_come(at).filter(schedule=schedule)
    return [
        Open(
            f"{one.person.name or one.person.email} from {one.starts:%Y-%m-%d %H:%M} UTC",
            override_url(one),
        )
        for one in rows.select_related("person").order_by("starts")[:MOST]
    ]


def register() -> None:
    sources.register(Source("oncall.gaps", "Gaps", _gaps))
    sources.register(Source("oncall.requests", "Asked swaps", _requests))
    sources.register(Source("oncall.swaps", "Swaps to come", _swaps))

"""The agenda of a meeting, from what stands in the portal at that moment.

    agenda.section("deployments.calendar", "planning", "Releases ahead", items=ahead, order=30)

Any part fills it from its `apps.py`, directly in `base.registries.agenda` or by this short form.
`items(workspace_id, start, end)` is asked when the meeting begins, for the time since the one
before; each answers a mapping of `title` and, as it likes, `text`, `url`, `state`, `tone`, `due`,
`who`, `note`. What it answers is kept with the notes, so it is plain and bounded. A section that
breaks says so in its place and keeps nobody from meeting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from controlplane.base.registries import AgendaSection
from controlplane.base.registries import agenda as registry
from missions.models import Cadence

logger = logging.getLogger(__name__)
MOST = 30
_TONES = frozenset({"neutral", "info", "good", "warn", "bad"})
_KEYS = ("title", "text", "url", "state", "who", "note")
Items = Callable[[int, datetime, datetime], Sequence[Mapping[str, Any]]]


def section(
    slug: str, meeting: str | Iterable[str], title: str, *, items: Items, order: int = 50
) -> None:
    """In one kind of meeting, or in several."""
    kinds = (meeting,) if isinstance(meeting, str) else tuple(meeting)
    for kind in kinds:
        name = slug if len(kinds) == 1 else f"{slug}.{kind}"
        registry.register(AgendaSection(name, Cadence(kind).value, title, items, order))


def sections(meeting: str) -> list[AgendaSection]:
    return sorted(
        (each for each in registry if each.meeting == meeting),
        key=lambda each: (each.order, each.slug),
    )


def of(meeting: str, workspace_id: int, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """What is to talk about, as plain values: it is kept as it is."""
    return [_asked(each, workspace_id, start, end) for each in sections(meeting)]


def _asked(
    each: AgendaSection, workspace_id: int, start: datetime, end: datetime
) -> dict[str, Any]:
    found: dict[str, Any] = {"slug": each.slug, "title": each.title, "lines": [], "broken": False}
    try:
        with transaction.atomic():
            items = list(each.items(workspace_id, start, end))
    except Exception:
        logger.exception("the section %s of an agenda could not be asked", each.slug)
        return {**found, "broken": True}
    found["lines"] = [_line(item) for item in items[:MOST]]
    found["more"] = max(len(items) - MOST, 0)
    return found


def _line(item: Mapping[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = {name: str(item.get(name) or "")[:500] for name in _KEYS}
    if not line["url"].startswith(("/", "https://", "http://")):
        line["url"] = ""
    tone, due = item.get("tone"), item.get("due")
    line["tone"] = tone if tone in _TONES else "neutral"
    line["due"] = due.isoformat() if isinstance(due, date) else None
    return line

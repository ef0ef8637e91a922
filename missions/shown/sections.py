"""Cards on a mission's page, each of the part of the portal that owns what it tells.

    from missions.shown.sections import section

    def read(mission: Mission, actor: Actor) -> dict[str, Any] | None:
        rows = list(mission.toolkits.order_by("pk")[:MOST])
        undecided = sum(1 for row in rows if row.decision == "undecided")
        return {
            "badge": (f"{undecided} undecided", "warn") if undecided else (len(rows), "good"),
            "about": "What it may reach, and how far.",
            "lines": [
                {"text": str(row), "url": "/admin/…", "state": "Approved", "tone": "good",
                 "note": "mail.send, mail.read", "at": row.decided_at, "who": row.decided_by}
                for row in rows[:5]
            ],
            "empty": "No toolkit is asked for yet.",
            "acts": [{"text": "Ask for a toolkit", "url": "/admin/…"}],
        }

    section("toolkits", "Toolkits", stages=("prepare",), order=20, read=read, url=toolkits_page)

Registered from `apps.py` (in a package's `ready`), once per slug.

- `stages`: where it is worked on. There the card stands open; at other stages it is one line with
  its badge and its link. None: open at every stage.
- `order`: 10 brief · 20 toolkits · 30 safeguards · 40 plan · 50 runs · 60 evidence · 70 undo ·
  80 feedback · 90 what is learnt. Cards of the stage come first.
- `read` answers what the template shows, and is asked at every look at the page: one or two indexed
  questions, bounded, only what the actor may see (the mission itself they may). None: there is no
  such card for this mission or this reader.
- Of what it answers three keys mean something to the page: `badge`, a text or number or such a one
  with its tone (neutral, info, good, warn, bad; the word says what the colour does); `url`, where
  the card leads, if `url(mission)` does not say so; `link`, the words of that link. The rest is the
  template's.
- `template`: `missions/cards/plain.html` unless another is named; it draws `about`, `facts`
  (pairs), `lines`, `empty` and `acts` (quiet links; the page's one primary button is not a card's).
  It is given what `read` answered, `mission`, `card` and the request. One with other needs takes
  styles from `console/missions.css` (`msn-…`): the page loads nothing of a card's.

A card that breaks says so in its place, under its title and with its link; the log says why. The
page and the other cards stay.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from controlplane.lib.actors import Actor
from missions import stages as table
from missions.models import Mission

logger = logging.getLogger(__name__)
PLAIN = "missions/cards/plain.html"
TONES = ("neutral", "info", "good", "warn", "bad")
_OF_THE_PAGE = frozenset({"badge", "url", "link"})
Read = Callable[[Mission, Actor], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Section:
    slug: str
    title: str
    read: Read
    stages: tuple[str, ...] | None = None
    order: int = 100
    template: str = PLAIN
    url: Callable[[Mission], str] | None = None

    def is_open(self, mission: Mission) -> bool:
        """Whether it stands open, or as one line among those of other stages."""
        return self.stages is None or (mission.is_under_way and mission.stage in self.stages)


@dataclass(frozen=True, slots=True)
class Card:
    """A section as one reader sees it of one mission."""

    slug: str
    title: str
    badge: str = ""
    tone: str = "neutral"
    url: str = ""
    link: str = "Open"
    html: str = ""
    is_open: bool = True
    broken: bool = False


SECTIONS: dict[str, Section] = {}


def section(
    slug: str,
    title: str,
    *,
    read: Read,
    stages: Iterable[str] | None = None,
    order: int = 100,
    template: str = PLAIN,
    url: Callable[[Mission], str] | None = None,
) -> Section:
    at = tuple(stages) if stages is not None else None
    unknown = [name for name in at or () if name not in table.SLUGS]
    if unknown:
        raise ValueError(f"no stage {unknown[0]}")
    made = Section(slug, title, read, at, order, template, url)
    if SECTIONS.setdefault(slug, made) != made:
        raise ValueError(f"two sections of a mission's page are called {slug}")
    return made


def cards(mission: Mission, actor: Actor, request: HttpRequest | None = None) -> list[Card]:
    """All of them that have something to say: those of this stage first."""
    known = sorted(
        SECTIONS.values(), key=lambda each: (not each.is_open(mission), each.order, each.slug)
    )
    shown = (_card(each, mission, actor, request) for each in known)
    return [card for card in shown if card is not None]


def _card(
    each: Section, mission: Mission, actor: Actor, request: HttpRequest | None
) -> Card | None:
    # In a transaction a failed question would spoil all that follow it.
    guard = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with guard:
            found = each.read(mission, actor)
            return None if found is None else _drawn(each, found, mission, request)
    except Exception:
        logger.exception("the card %s of %s could not be drawn", each.slug, mission.ref)
        return Card(
            each.slug, each.title, "Not shown", "warn", _address(each, mission), broken=True,
            is_open=each.is_open(mission),
        )  # fmt: skip


def _address(each: Section, mission: Mission) -> str:
    try:
        return each.url(mission) if each.url is not None else ""
    except Exception:
        logger.exception("the address of the card %s could not be made", each.slug)
        return ""


def _drawn(
    each: Section, found: Mapping[str, Any], mission: Mission, request: HttpRequest | None
) -> Card:
    badge, tone = _badge(found.get("badge", ""))
    url = str(found.get("url") or (each.url(mission) if each.url is not None else ""))
    card = Card(
        each.slug, each.title, badge, tone, url, str(found.get("link") or "Open"),
        is_open=each.is_open(mission),
    )  # fmt: skip
    if not card.is_open:
        return card
    kept = {name: value for name, value in found.items() if name not in _OF_THE_PAGE}
    context = {**kept, "mission": mission, "card": card}
    html: SafeString = render_to_string(each.template, context, request)
    return replace(card, html=html)


def _badge(given: Any) -> tuple[str, str]:
    text, tone = given if isinstance(given, tuple) else (given, "neutral")
    if tone not in TONES:
        raise ValueError(f"{tone} is no tone")
    return ("" if text is None else str(text))[:60], tone

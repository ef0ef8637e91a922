"""How a flag stands, in a word and by its environments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.flags.models import Flag, FlagState
from deployments.flags.shown import words

SHOWN = 6


@dataclass(frozen=True, slots=True)
class Place:
    """A flag in one environment, for a mark in a list."""

    name: str
    text: str  # on, off, 10 %, some
    tone: str  # on, part, off, killed
    title: str


def word(flag: Flag, states: Iterable[FlagState]) -> str:
    """Archived, killed, stale, on, off: the first of them that holds."""
    if flag.archived_at is not None:
        return "archived"
    if not flag.enabled:
        return "killed"
    if flag.stale_since is not None:
        return "stale"
    return "on" if any(each.settings.get("on") for each in states) else "off"


def places(
    flag: Flag, states: Iterable[FlagState], names: Mapping[str, str] | None = None
) -> list[Place]:
    return [place(flag, each, names) for each in list(states)[:SHOWN]]


def place(flag: Flag, state: FlagState, names: Mapping[str, str] | None = None) -> Place:
    said = words.sentence(state.settings, names)
    tone, text = _tone(state.settings)
    if not flag.enabled:
        return Place(state.environment.name, "off", "killed", f"Killed. It was: {said}")
    return Place(state.environment.name, text, tone, f"{state.environment.name}: {said}")


def _tone(settings: Mapping[str, Any]) -> tuple[str, str]:
    if not settings.get("on"):
        return "off", "off"
    rules = [each for each in settings.get("rules") or () if not each.get("disabled")]
    narrowed = bool(settings.get("rules") or settings.get("allow") or settings.get("requires"))
    if not narrowed:
        return "on", "on"
    if any(_is_all(each) for each in rules) and not settings.get("requires"):
        return "on", "on"
    shares = {words.share(each) for each in rules}
    if len(rules) == 1 and (share := shares.pop()) < 100:
        return "part", f"{share:g} %"
    return "part", "some"


def _is_all(rule: Mapping[str, Any]) -> bool:
    whole = words.share(rule) >= 100
    return whole and not rule.get("constraints") and not rule.get("segments")

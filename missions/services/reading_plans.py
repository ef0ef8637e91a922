"""What agents and people give of a plan, brought into one form or refused with the field named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.approvals import packets as canonical
from missions import numbers_plans as numbers
from missions.models.plays import Level
from missions.services import reading

_PLAY = frozenset(
    ["key", "rank", "title", "rationale", "impact", "confidence", "effort", "risk", "precedents",
     "steps", "undo"]
)  # fmt: skip
_UNDO = frozenset(["label", "impact", "window_minutes", "steps"])
_UNDO_STEP = frozenset(["play_step", "action", "inverse", "verify", "alternate"])
_STEP = frozenset(["toolkit", "action", "summary", "mutating"])


@dataclass(frozen=True, slots=True)
class GivenUndo:
    values: dict[str, Any]
    steps: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class GivenPlay:
    values: dict[str, Any]
    steps: list[dict[str, Any]]
    digest: str
    undo: GivenUndo | None


def each_of(field: str, given: Any, most: int, *, least: int = 0) -> list[Mapping[str, Any]]:
    """A bounded list of objects."""
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise reading.refuse(field, "A list.")
    found = list(given)
    if len(found) > most:
        raise reading.refuse(field, f"At most {most}.")
    if len(found) < least:
        raise reading.refuse(field, f"At least {least}.")
    if not all(isinstance(each, Mapping) for each in found):
        raise reading.refuse(field, "A list of objects.")
    return found


def known_only(field: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    unknown = sorted(str(name) for name in given if name not in known)
    if unknown:
        raise reading.refuse(field, f"Unknown: {', '.join(unknown[:5])[:200]}.")


def truth(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise reading.refuse(field, "true or false.")
    return value


def whole(field: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise reading.refuse(field, f"A whole number from {least:,} to {most:,}.")
    return value


def plays(given: Any) -> list[GivenPlay]:
    found = [
        _play(place, each)
        for place, each in enumerate(each_of("plays", given, numbers.MOST_PLAYS, least=1), 1)
    ]
    for name in ("key", "rank"):
        values = [each.values[name] for each in found]
        if len(set(values)) < len(values):
            raise reading.refuse(name, "Each play has its own.")
    return sorted(found, key=lambda each: int(each.values["rank"]))


def _play(place: int, given: Mapping[str, Any]) -> GivenPlay:
    known_only("plays", given, _PLAY)
    rank = given.get("rank")
    values = {
        "key": reading.kept_line("key", given.get("key", ""), 100) or f"play-{place}",
        "rank": place if rank is None else whole("rank", rank, 1, numbers.MOST_PLAYS),
        "title": reading.kept_line("title", given.get("title", ""), 200, required=True),
        "rationale": reading.kept("rationale", given.get("rationale", "")),
        "impact": reading.kept_line("impact", given.get("impact", ""), 500),
        "confidence": reading.share("confidence", given.get("confidence")),
        "effort": reading.choice("effort", given.get("effort", "medium"), Level.values),
        "risk": reading.choice("risk", given.get("risk", "medium"), Level.values),
        "precedents": _precedents(given.get("precedents", ())),
    }
    steps = [
        _step(each)
        for each in each_of("steps", given.get("steps", ()), numbers.MOST_STEPS, least=1)
    ]
    undo = given.get("undo")
    content = {**values, "confidence": str(values["confidence"]), "steps": steps}
    digest = canonical.digest(canonical.clean(content))
    return GivenPlay(values, steps, digest, None if undo is None else undo_plan(undo))


def _precedents(given: Any) -> list[dict[str, Any]]:
    found = []
    for each in each_of("precedents", given, numbers.MOST_PRECEDENTS):
        known_only("precedents", each, frozenset(["id", "title", "similarity", "summary"]))
        similarity = reading.share("similarity", each.get("similarity"))
        found.append(
            {
                "id": reading.kept_line("precedents", each.get("id", ""), 100),
                "title": reading.kept_line("precedents", each.get("title", ""), 200, required=True),
                "similarity": float(similarity) if similarity is not None else None,
                "summary": reading.kept_line("precedents", each.get("summary", ""), 500),
            }
        )
    return found


def _step(given: Mapping[str, Any]) -> dict[str, Any]:
    known_only("steps", given, _STEP)
    return {
        "toolkit": reading.line("toolkit", given.get("toolkit", ""), 50).lower(),
        "action": reading.kept_line("action", given.get("action", ""), 120, required=True),
        "summary": reading.kept_line("summary", given.get("summary", ""), 500),
        "mutating": truth("mutating", given.get("mutating", False)),
    }


def undo_plan(given: Any) -> GivenUndo:
    if not isinstance(given, Mapping):
        raise reading.refuse("undo", "An object.")
    known_only("undo", given, _UNDO)
    window = given.get("window_minutes")
    longest = numbers.LONGEST_WINDOW.value
    values = {
        "label": reading.kept_line("label", given.get("label", ""), 200) or "Undo",
        "impact": reading.kept_line("impact", given.get("impact", ""), 500),
        "window_minutes": numbers.UNDO_WINDOW.value
        if window is None
        else whole("window_minutes", window, 1, min(longest, 43_200)),
    }
    steps = each_of("steps", given.get("steps", ()), numbers.MOST_UNDO_STEPS)
    return GivenUndo(values, [undo_step(each) for each in steps])


def undo_step(given: Mapping[str, Any]) -> dict[str, Any]:
    """`play_step` is the position of the step it takes back."""
    known_only("steps", given, _UNDO_STEP)
    place = given.get("play_step")
    return {
        "play_step": None if place is None else whole("play_step", place, 1, numbers.MOST_STEPS),
        "action": reading.kept_line("action", given.get("action", ""), 200, required=True),
        "inverse": reading.kept_line("inverse", given.get("inverse", ""), 1_000, required=True),
        "verify": reading.kept_line("verify", given.get("verify", ""), 1_000, required=True),
        "alternate": truth("alternate", given.get("alternate", False)),
    }

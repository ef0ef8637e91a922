"""A press on one of the editor's small buttons: "rule.add", "constraint.remove.0.1"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deployments.flags.editing.fields import MOST_PARTS, MOST_RULES
from deployments.flags.editing.parts import (
    ConstraintDraft,
    Draft,
    RequireDraft,
    RuleDraft,
    VariantDraft,
)

Place = tuple[int, ...]


def step(draft: Draft, name: str) -> bool:
    """Do it to the draft. False: there is no such step, or nothing at that place."""
    words = name.split(".")
    if len(words) < 2 or not all(part.isascii() and part.isdigit() for part in words[2:]):
        return False
    place = tuple(int(part[:5]) for part in words[2:])
    what, move = words[0], words[1]
    found = _list_of(draft, what, place, adding=move == "add")
    if found is None:
        return False
    rows, at, make, most = found
    if move == "add":
        return _add(rows, make, most)
    return _move(rows, at, move)


def _list_of(
    draft: Draft, what: str, place: Place, *, adding: bool
) -> tuple[list[Any], int, Callable[[], Any], int] | None:
    """The list the step is about, where in it, and what a new one is."""
    depth = 1 if what in {"constraint", "split"} else 0
    if len(place) != depth + (0 if adding else 1):
        return None
    at = place[-1] if not adding else -1
    if depth and place[0] >= len(draft.rules):
        return None
    match what:
        case "rule":
            return draft.rules, at, lambda: RuleDraft(fresh=True), MOST_RULES
        case "require":
            return draft.requires, at, lambda: RequireDraft(fresh=True), MOST_PARTS
        case "variant":
            return draft.variants, at, lambda: VariantDraft(fresh=True), MOST_PARTS
        case "constraint":
            rows: list[Any] = draft.rules[place[0]].constraints
            return rows, at, lambda: ConstraintDraft(fresh=True), MOST_PARTS
        case "split":
            rows = draft.rules[place[0]].variants
            return rows, at, lambda: VariantDraft(fresh=True), MOST_PARTS
    return None


def _add(rows: list[Any], make: Callable[[], Any], most: int) -> bool:
    if len(rows) >= most:
        return False
    rows.append(make())
    return True


def _move(rows: list[Any], at: int, move: str) -> bool:
    if not 0 <= at < len(rows):
        return False
    if move == "remove":
        del rows[at]
        return True
    other = at + {"up": -1, "down": 1}.get(move, 0)
    if other == at or not 0 <= other < len(rows):
        return False
    rows[at], rows[other] = rows[other], rows[at]
    rows[other].fresh = True
    return True


def constraint_step(drafts: list[ConstraintDraft], name: str) -> bool:
    """The same for a segment, whose form holds conditions alone."""
    rule = RuleDraft(constraints=drafts)
    words = name.split(".")
    if len(words) < 2 or words[0] != "constraint":
        return False
    placed = ".".join([*words[:2], "0", *words[2:]])
    return step(Draft(rules=[rule]), placed)

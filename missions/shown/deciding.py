"""Decisions in place: what somebody may do to a row of a page, with the little it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor


@dataclass(frozen=True, slots=True)
class Ask:
    """One field. `kind`: line, text, choice, many, check, when, hidden, or new: of
    some that make one thing and stand side by side."""

    name: str
    label: str = ""
    kind: str = "line"
    value: Any = ""
    most: int = 500
    required: bool = False
    choices: Sequence[tuple[str, str]] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """`refusal`: why it is not this reader's; it is said, not hidden."""

    do: str
    at: str  # which row
    label: str
    words: str = ""  # on the button of its form
    asks: tuple[Ask, ...] = ()
    refusal: str = ""
    primary: bool = False
    about: str = ""  # for whoever hears the button alone
    error: str = ""
    wrong: str = ""
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.do}-{self.at}"

    @property
    def fields(self) -> list[dict[str, Any]]:
        """Each with what stands in it: what was typed, or what it begins with."""
        return [
            {"ask": each, "value": self.given.get(each.name, each.value),
             "id": f"{self.id}-{each.name}"}
            for each in self.asks
        ]  # fmt: skip

    @property
    def is_plain(self) -> bool:
        """Nothing to fill in: one button."""
        return all(each.kind == "hidden" for each in self.asks)


def refusal_of(actor: Actor, action: str, obj: Any) -> str:
    decision = policy.can(actor, action, obj)
    return "" if decision else decision.reason


@dataclass(frozen=True, slots=True)
class Tried:
    """What was posted and refused: its form stays open with what was typed."""

    do: str
    at: str
    message: str
    wrong: str = ""
    given: dict[str, Any] = field(default_factory=dict)


def with_trial(acts: list[Act], tried: Tried | None) -> list[Act]:
    if tried is None:
        return acts
    return [
        replace(each, error=tried.message, wrong=tried.wrong, given=tried.given)
        if (each.do, each.at) == (tried.do, tried.at)
        else each
        for each in acts
    ]


def first_is_primary(rows: list[dict[str, Any]]) -> None:
    """One primary button a page: the first that this reader may press. Of each row, what this
    reader may do comes first, then what is refused and why."""
    for row in rows:
        row["acts"] = sorted(row["acts"], key=lambda act: bool(act.refusal))
        row["no"] = said_once(row["acts"])
    for row in rows:
        for place, act in enumerate(row["acts"]):
            if not act.refusal and act.primary:
                _only(rows, row, place)
                return
    _only(rows, None, -1)


def _only(rows: list[dict[str, Any]], of: dict[str, Any] | None, at: int) -> None:
    for row in rows:
        row["acts"] = [
            replace(act, primary=row is of and place == at) for place, act in enumerate(row["acts"])
        ]


def said_once(acts: list[Act]) -> list[str]:
    """Why not, each reason once: of what is refused on a row."""
    return list(dict.fromkeys(act.refusal for act in acts if act.refusal))

"""What the form holds, as it was typed: text, until the service judges it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.flags.shown import words


@dataclass(slots=True)
class ConstraintDraft:
    name: str = ""
    operator: str = "IN"
    values: str = ""  # one a line; an operator that compares with one value takes the first
    inverted: bool = False
    loose: bool = False  # capitals and small letters are the same
    fresh: bool = False  # just added: the focus goes here

    @property
    def is_list(self) -> bool:
        return self.operator in words.LISTS

    def lines(self) -> list[str]:
        found = (line.strip("\r\n") for line in self.values.split("\n"))
        return [line for line in found if line.strip()]


@dataclass(slots=True)
class VariantDraft:
    name: str = ""
    weight: str = ""
    kind: str = ""  # of the payload; empty: none
    payload: str = ""
    kept: str = ""  # what the form does not show, as JSON: overrides, stickiness
    fresh: bool = False


@dataclass(slots=True)
class RuleDraft:
    title: str = ""
    percent: str = "100"
    stickiness: str = ""
    constraints: list[ConstraintDraft] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)
    variants: list[VariantDraft] = field(default_factory=list)
    off: bool = False
    kept: str = ""
    fresh: bool = False


@dataclass(slots=True)
class RequireDraft:
    flag: str = ""
    enabled: bool = True
    variants: str = ""
    fresh: bool = False


@dataclass(slots=True)
class Draft:
    on: bool = False
    allow: str = ""
    deny: str = ""
    rules: list[RuleDraft] = field(default_factory=list)
    variants: list[VariantDraft] = field(default_factory=list)
    requires: list[RequireDraft] = field(default_factory=list)
    kept: str = ""


def rest_of(given: Mapping[str, Any], shown: frozenset[str]) -> str:
    """What the form has no field for goes through it unseen, so that saving loses nothing."""
    rest = {name: value for name, value in given.items() if name not in shown}
    return json.dumps(rest, sort_keys=True) if rest else ""


def kept_of(text: str) -> dict[str, Any]:
    """What came back of it; nonsense is nothing, and the service judges the rest."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

"""One rule of a flag: whom it is for, which share of them, and what they get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from deployments.flags.engine import values
from deployments.flags.engine.buckets import Pick, percentage, picker, share
from deployments.flags.engine.constraints import compiled, never
from deployments.flags.engine.fields import Check, Context, member, reader, text


class Segment(NamedTuple):
    """Constraints with a name, shared by rules."""

    told: Mapping[str, Any]
    constraints: Sequence[tuple[object, Check]]

    def holds(self, context: Context) -> bool:
        return all(check(context) for _, check in self.constraints)


Segments = Mapping[object, Segment]


class Split(NamedTuple):
    """The share a rule gives: how many of a hundred, told apart by what."""

    within: Check
    percent: int
    stickiness: str
    group: str


@dataclass(frozen=True, slots=True)
class Rule:
    told: Mapping[str, Any]
    title: str
    kind: str  # the strategy's name
    targets: Check | None  # None: everybody
    split: Split | None  # None: all of them
    pick: Pick | None
    constraints: Sequence[tuple[object, Check]]
    segments: Sequence[tuple[object, Segment | None]]
    named: Check | None  # the allow list and its kin


def rule(told: object, number: int, flag: str, segments: Segments) -> Rule:
    given: Mapping[str, Any] = told if isinstance(told, Mapping) else {"name": "?"}
    kind = given.get("name")
    parameters = given.get("parameters")
    parameters = parameters if isinstance(parameters, Mapping) else {}
    constraints = [(one, compiled(one)) for one in _sequence(given.get("constraints"))]
    used = [(key, _segment(segments, key)) for key in _sequence(given.get("segments"))]
    split = _split(kind, parameters, flag)
    named = _named(kind, parameters)
    checks = [check for _, check in constraints]
    checks += [segment.holds if segment else never for _, segment in used]
    checks += [named] if named else []
    checks += [never] if given.get("disabled") is True else []
    title = given.get("title")
    return Rule(
        told=given,
        title=title if isinstance(title, str) and title else f"rule {number}",
        kind=kind if isinstance(kind, str) else "?",
        targets=every(checks),
        split=split,
        pick=_pick(given.get("variants"), parameters, flag),
        constraints=constraints,
        segments=used,
        named=named,
    )


def every(checks: Sequence[Check]) -> Check | None:
    """One function for all of them, without a loop for the usual few."""
    if not checks:
        return None
    first = checks[0]
    if len(checks) == 1:
        return first
    second = checks[1]
    if len(checks) == 2:
        return lambda context: first(context) and second(context)
    return lambda context: all(check(context) for check in checks)


def _sequence(told: object) -> Sequence[object]:
    if told is None:
        return ()
    return told if isinstance(told, list | tuple) else (None,)  # unreadable: something that fails


def _segment(segments: Segments, key: object) -> Segment | None:
    return segments.get(key) if is_key(key) else None


def is_key(told: object) -> bool:
    """Whether a segment can be called so. True is no 1 here."""
    return isinstance(told, int | str) and not isinstance(told, bool)


# --- The strategies of the public SDKs ------------------------------------------------------------


def _split(kind: object, parameters: Mapping[str, Any], flag: str) -> Split | None:
    if kind == "flexibleRollout":
        percent = percentage(parameters.get("rollout"))
        stickiness = text(parameters.get("stickiness", "default")) or ""
        group = _group(parameters, flag)
        if percent == 100 and stickiness in ("default", "random"):
            return None
        return Split(share(group, percent, stickiness), percent, stickiness, group)
    field = _GRADUAL.get(kind) if isinstance(kind, str) else None
    if field is None:
        return None
    percent, group = percentage(parameters.get("percentage")), _group(parameters, flag)
    if "groupId" not in parameters and field != "random":
        percent = 0  # without it the SDKs have nothing to hash
    return Split(share(group, percent, field), percent, field, group)


_GRADUAL = {
    "gradualRolloutUserId": "userId",
    "gradualRolloutSessionId": "sessionId",
    "gradualRolloutRandom": "random",
}


def _group(parameters: Mapping[str, Any], flag: str) -> str:
    told = text(parameters.get("groupId"))
    return flag if told is None else told


def _pick(told: object, parameters: Mapping[str, Any], flag: str) -> Pick | None:
    """A rule's variants follow the rule's own stickiness, whatever theirs says."""
    return picker(told, _group(parameters, flag), text(parameters.get("stickiness")))


def _named(kind: object, parameters: Mapping[str, Any]) -> Check | None:
    """What a strategy asks beyond constraints: to be on a list. Unknown strategies never match."""
    if kind in ("default", "flexibleRollout") or (isinstance(kind, str) and kind in _GRADUAL):
        return None
    if kind == "userWithId":
        return member("userId", frozenset(listed(parameters.get("userIds"))))
    if kind == "remoteAddress":
        return _addressed(listed(parameters.get("IPs")))
    return never


def listed(told: object) -> list[str]:
    spelled = text(told)
    parts = spelled.split(",") if spelled is not None else []
    return [part.strip() for part in parts if part.strip()]


def _addressed(spelled: Sequence[str]) -> Check:
    read = reader("remoteAddress")
    known = [found for one in spelled if (found := values.network(one)) is not None]

    def within(context: Context) -> bool:
        value = read(context)
        found = values.address(value) if value is not None else None
        return found is not None and values.within(found, known)

    return within

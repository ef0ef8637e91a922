"""Why a flag says what it says, rule by rule, in words of whoever has to decide at night.

Truth is never told twice: whether a part holds is asked of the very functions that decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments.flags.engine.buckets import hashed, sticky
from deployments.flags.engine.constraints import fault
from deployments.flags.engine.decisions import UNKNOWN, Decision
from deployments.flags.engine.features import Feature
from deployments.flags.engine.fields import Check, Context, reader, text
from deployments.flags.engine.phrases import clipped, phrase
from deployments.flags.engine.rules import Rule, Segment, Split, listed

DECIDES = "decides"
AFTER = "matches, but a rule before it decided"
OUTSIDE = "outside its percentage"
FAILS = "doesn't match"
CHANCE = "by chance, drawn anew at each question"
DISABLED = "switched off"


@dataclass(frozen=True, slots=True)
class Part:
    """One condition: what it asks, and of what. `holds` is None where chance decides."""

    text: str
    holds: bool | None
    inside: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleView:
    number: int
    title: str
    outcome: str
    why: str
    parts: tuple[Part, ...]

    @property
    def decides(self) -> bool:
        return self.outcome == DECIDES


@dataclass(frozen=True, slots=True)
class Explanation:
    decision: Decision
    needs: tuple[Part, ...] = ()
    rules: tuple[RuleView, ...] = ()


NOTHING = Explanation(UNKNOWN)


def explained(
    one: Feature, needs: Sequence[tuple[str, Check]], decision: Decision, context: Context
) -> Explanation:
    """`needs` are the prerequisites in words, each with the function that decides it."""
    rules: list[RuleView] = []
    decided = False
    for number, each in enumerate(one.rules, 1):
        wanted = decision.enabled and not decided and each.title == decision.rule
        view = _rule(each, number, context, decided=decided, decides=wanted)
        decided = decided or view.decides
        rules.append(view)
    return Explanation(
        decision, tuple(Part(said, check(context)) for said, check in needs), tuple(rules)
    )


def _rule(one: Rule, number: int, context: Context, *, decided: bool, decides: bool) -> RuleView:
    parts = _parts(one, context)
    failing = next((part for part in parts if part.holds is False), None)
    share = _share(one.split, context) if one.split else None
    if share:
        parts.append(share)
    if one.told.get("disabled") is True:
        outcome, why = DISABLED, "The rule is switched off."
    elif failing:
        outcome, why = FAILS, f"Fails at: {failing.text}."
    elif share and share.holds is False:
        outcome, why = OUTSIDE, f"{share.text}."
    elif decides:
        outcome, why = DECIDES, _all_hold(parts)
    elif decided:
        outcome, why = AFTER, _all_hold(parts)
    elif share and share.holds is None:
        outcome, why = CHANCE, f"{share.text}."
    else:
        outcome, why = AFTER, "It matches; what stands above it keeps the flag off."
    return RuleView(number, one.title, outcome, why, tuple(parts))


def _all_hold(parts: Sequence[Part]) -> str:
    if not parts:
        return "It is for everybody."
    return f"{'; '.join(part.text for part in parts)}."


# --- Conditions -----------------------------------------------------------------------------------


def _parts(one: Rule, context: Context) -> list[Part]:
    found = [_named(one, context)] if one.named else []
    found += [_segment(key, segment, context) for key, segment in one.segments]
    return [*found, *(_constraint(told, check, context) for told, check in one.constraints)]


def _constraint(told: object, check: Check, context: Context) -> Part:
    if problem := fault(told):
        return Part(f"a condition that never holds ({problem})", holds=False)
    given: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    name = str(given.get("contextName"))
    return Part(f"{clipped(name)} {phrase(given)} ({_has(name, context)})", check(context))


def _has(name: str, context: Context) -> str:
    value = reader(name)(context)
    if value is None:
        return "it is now" if name == "currentTime" else "the context doesn't say"
    return f"it is “{clipped(value)}”"


def _segment(key: object, segment: Segment | None, context: Context) -> Part:
    if segment is None:
        return Part(f"in segment {clipped(str(key))}, which is gone", holds=False)
    inside = tuple(_constraint(told, check, context) for told, check in segment.constraints)
    holds = segment.holds(context)
    name = clipped(text(segment.told.get("name")) or str(key))
    return Part(f"in segment {name}", holds, inside)


def _named(one: Rule, context: Context) -> Part:
    holds = one.named is not None and one.named(context)
    parameters = one.told.get("parameters")
    given = parameters if isinstance(parameters, Mapping) else {}
    if one.kind == "userWithId":
        known = len(listed(given.get("userIds")))
        return Part(f"userId is on the list of {known} ({_has('userId', context)})", holds)
    if one.kind == "remoteAddress":
        networks = clipped(", ".join(listed(given.get("IPs"))))
        return Part(f"remoteAddress is in {networks} ({_has('remoteAddress', context)})", holds)
    return Part(f"a strategy nobody here knows ({clipped(one.kind)})", holds=False)


# --- Shares ---------------------------------------------------------------------------------------


def _share(split: Split, context: Context) -> Part:
    read = sticky(split.stickiness)
    value = read(context) if read else None
    by = {"default": "userId, else sessionId", "random": "chance"}.get(
        split.stickiness, clipped(split.stickiness)
    )
    if value is None:
        if read and split.stickiness != "default":
            return Part(f"{split.percent} % by {by}, which the context doesn't have", holds=False)
        sure = {0: False, 100: True}.get(split.percent)
        return Part(f"{split.percent} % by chance, drawn anew at each question", sure)
    number = hashed(f"{split.group}:{value}") % 100 + 1
    side = "within" if number <= split.percent else "outside"
    said = f"“{clipped(value)}” is number {number} of 100 by {by}: {side} the {split.percent} %"
    return Part(said, split.within(context))

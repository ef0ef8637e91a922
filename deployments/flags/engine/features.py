"""One flag, compiled: functions of the context, and the decisions they choose from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from deployments.flags.engine.buckets import Pick, Variant, overridden, picker
from deployments.flags.engine.decisions import REASONS, Decision
from deployments.flags.engine.fields import Check, Context, text
from deployments.flags.engine.rules import Rule, Segments, is_key, rule

Decide = Callable[[Context], Decision]


class Need(NamedTuple):
    """A prerequisite: which flag, on or off, with which variants."""

    flag: str
    enabled: bool
    variants: frozenset[str]


@dataclass(frozen=True, slots=True)
class Feature:
    """What a flag says by itself; what it says beside the flags it needs, `linked` says."""

    name: str
    told: Mapping[str, Any]
    enabled: bool
    killed: bool
    rules: Sequence[Rule]
    needs: Sequence[Need] | None  # None: unreadable, never met
    pick: Pick | None
    own_on: Check
    own_decide: Decide
    uses: frozenset[object] = field(default=frozenset())  # segments


def feature(told: Mapping[str, Any], name: str, segments: Segments) -> Feature:
    strategies = told.get("strategies")
    given = strategies if isinstance(strategies, list | tuple) else ()
    unreadable = strategies is not None and not isinstance(strategies, list | tuple)
    rules = [rule(one, number, name, segments) for number, one in enumerate(given, 1)]
    portal = told.get("portal")
    enabled = told.get("enabled") is True and not unreadable
    killed = isinstance(portal, Mapping) and portal.get("killed") is True
    pick = _variants(told, name)
    on = _any_of(rules) if enabled and not killed else _off
    return Feature(
        name=name,
        told=told,
        enabled=enabled,
        killed=killed,
        rules=rules,
        needs=_needs(told.get("dependencies")),
        pick=pick,
        own_on=on,
        own_decide=_decide(rules, pick, enabled=enabled, killed=killed),
        uses=frozenset(key for one in rules for key, _ in one.segments if is_key(key)),
    )


def _off(context: Context) -> bool:
    return False


def _on(context: Context) -> bool:
    return True


# --- On or off ------------------------------------------------------------------------------------


def _any_of(rules: Sequence[Rule]) -> Check:
    if not rules:
        return _on
    checks = [_whole(one) for one in rules]
    if any(check is _on for check in checks):
        return _on
    if len(checks) == 1:
        return checks[0]
    first, second = checks[:2]
    if len(checks) == 2:
        return lambda context: first(context) or second(context)
    return lambda context: any(check(context) for check in checks)


def _whole(one: Rule) -> Check:
    targets, within = one.targets, one.split.within if one.split else None
    if targets and within:
        return lambda context: targets(context) and within(context)
    return targets or within or _on


# --- The whole answer -----------------------------------------------------------------------------


def _decide(rules: Sequence[Rule], pick: Pick | None, *, enabled: bool, killed: bool) -> Decide:
    if killed:
        return _always(_refusal("killed"))
    if not enabled:
        return _always(_refusal("off"))
    if not rules:
        return _outcome("no_rules", "", pick)
    return _first_of(rules, pick)


def _refusal(reason: str, rule_: str = "", detail: str = "") -> Decision:
    return Decision(True, False, "", None, reason, rule_, detail or REASONS[reason])


def _always(answer: Decision) -> Decide:
    return lambda context: answer


def _outcome(reason: str, title: str, pick: Pick | None, detail: str = "") -> Decide:
    """The answer of what matched, one per variant, made beforehand."""
    plain = Decision(True, True, "", None, reason, title, detail or REASONS[reason])
    if pick is None:
        return _always(plain)
    made: dict[str, Decision] = {}

    def decide(context: Context) -> Decision:
        variant = pick(context)
        answer = made.get(variant.name)
        if answer is None or answer.payload is not variant.payload:
            answer = plain._replace(variant=variant.name, payload=variant.payload)
            made[variant.name] = answer
        return answer

    return decide


def _first_of(rules: Sequence[Rule], pick: Pick | None) -> Decide:
    """The first rule that matches decides; its own variants go before the flag's."""
    steps = [
        (
            one.targets,
            one.split.within if one.split else None,
            _outcome(_reason(one), one.title, one.pick or pick, _detail(one, "Within")),
            _refusal("split", one.title, _detail(one, "Outside")),
        )
        for one in rules
    ]
    nobody, denied = _refusal("no_match"), _denied(rules)

    def decide(context: Context) -> Decision:
        nearest = None
        for targets, within, outcome, outside in steps:
            if targets is None or targets(context):
                if within is None or within(context):
                    return outcome(context)
                nearest = nearest or outside
        if nearest is not None:
            return nearest
        return _DENIED if denied is not None and denied(context) else nobody

    return decide


_DENIED = _refusal("denied")


def _reason(one: Rule) -> str:
    if one.kind == "userWithId":
        return "allowed"
    return "split" if one.split and 0 < one.split.percent < 100 else "rule"


def _detail(one: Rule, side: str) -> str:
    if one.kind == "userWithId":
        return REASONS["allowed"]
    if one.split and (side == "Outside" or 0 < one.split.percent < 100):
        return f"{side} the {one.split.percent} % of {one.title}."
    return f"{one.title} matches."


def _denied(rules: Sequence[Rule]) -> Check | None:
    """Whether the deny list is why nothing matched: it stands as the same constraint on every rule
    but the allow list."""
    lists = [_deny_lists(one) for one in rules if one.kind != "userWithId"]
    if not lists or not all(lists):
        return None

    def denied(context: Context) -> bool:
        return all(any(not check(context) for check in checks) for checks in lists)

    return denied


def _deny_lists(one: Rule) -> list[Check]:
    return [
        check
        for told, check in one.constraints
        if isinstance(told, Mapping)
        and told.get("contextName") == "userId"
        and told.get("operator") == "NOT_IN"
        and told.get("inverted") is not True
    ]


# --- Variants and prerequisites -------------------------------------------------------------------


def _variants(told: Mapping[str, Any], name: str) -> Pick | None:
    """The flag's own variants, for rules that have none: told names first, then the weights."""
    variants = told.get("variants")
    first = variants[0] if isinstance(variants, list | tuple) and variants else None
    stickiness = text(first.get("stickiness")) if isinstance(first, Mapping) else None
    pick, overrides = picker(variants, name, stickiness), overridden(variants)
    if pick is None or not overrides:
        return pick

    def choose(context: Context) -> Variant:
        for read, values, variant in overrides:
            if read(context) in values:
                return variant
        return pick(context)

    return choose


def _needs(told: object) -> Sequence[Need] | None:
    if told is None:
        return ()
    if not isinstance(told, list | tuple):
        return None
    found = []
    for one in told:
        if not isinstance(one, Mapping) or not isinstance(one.get("feature"), str):
            return None
        names = one.get("variants") or ()
        if not isinstance(names, list | tuple):
            return None
        wanted = frozenset(spelled for name in names if (spelled := text(name)) is not None)
        found.append(Need(one["feature"], one.get("enabled") is not False, wanted))
    return tuple(found)

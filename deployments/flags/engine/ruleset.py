"""All flags of one environment, compiled once and never changed: a change makes another ruleset
that shares with this one whatever it did not touch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from deployments.flags.engine.constraints import compiled, never
from deployments.flags.engine.decisions import UNKNOWN, Decision
from deployments.flags.engine.explaining import NOTHING, Explanation, explained
from deployments.flags.engine.features import Decide, Feature, Need, feature
from deployments.flags.engine.fields import Check, Context, flattened
from deployments.flags.engine.rules import Segment, is_key


class Ruleset:
    """Questions about flags. None of them raises, whatever the context is."""

    __slots__ = ("_decide", "_features", "_on", "_segments")

    def __init__(self, features: Mapping[str, Feature], segments: Mapping[object, Segment]) -> None:
        self._features, self._segments = dict(features), dict(segments)
        self._on: dict[str, Check] = {}
        self._decide: dict[str, Decide] = {}
        for name, one in self._features.items():
            self._on[name], self._decide[name] = _linked(one, self._features)

    def __len__(self) -> int:
        return len(self._features)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._features

    def names(self) -> list[str]:
        return list(self._features)

    def is_enabled(self, name: str, context: Context) -> bool:
        try:
            return self._on[name](context)
        except Exception:  # noqa: BLE001 - the context may be anything at all
            return name in self and self._on[name](_safely_flat(context))

    def decide(self, name: str, context: Context, *, now: datetime | None = None) -> Decision:
        """The answer and why. `now` is the time where the context tells none."""
        try:
            return self._decide[name](context if now is None else _at(now, context))
        except Exception:  # noqa: BLE001
            if name not in self:
                return UNKNOWN
            flat = _safely_flat(context)
            return self._decide[name](flat if now is None else _at(now, flat))

    def variant(self, name: str, context: Context) -> dict[str, Any]:
        """The variant as the Unleash SDKs spell it."""
        answer = self.decide(name, context)
        if not answer.variant:
            return {"name": "disabled", "enabled": False, "feature_enabled": answer.enabled}
        told = {"name": answer.variant, "enabled": True, "feature_enabled": answer.enabled}
        return told if answer.payload is None else {**told, "payload": answer.payload}

    def decide_all(self, context: Context, *, now: datetime | None = None) -> dict[str, Decision]:
        """Every flag's answer; the context is read once."""
        flat: Context = _safely_flat(context)
        if now is not None:
            flat = _at(now, flat)
        return {name: decide(flat) for name, decide in self._decide.items()}

    def explain(self, name: str, context: Context, *, now: datetime | None = None) -> Explanation:
        """The answer with each prerequisite and each rule, in words."""
        one = self._features.get(name) if name in self else None
        if one is None:
            return NOTHING
        flat: Context = _safely_flat(context)
        if now is not None:
            flat = _at(now, flat)
        needs = [(_words(need), need_check(need, self._features)) for need in one.needs or ()]
        if one.needs is None:
            needs = [("prerequisites that can't be read", never)]
        return explained(one, needs, self.decide(name, flat), flat)

    def updated(
        self,
        features_changed: Iterable[object] = (),
        removed: Iterable[str] = (),
        segments: Iterable[object] = (),
        *,
        segments_removed: Iterable[object] = (),
    ) -> Ruleset:
        """The ruleset after a change: flags changed or new, names of flags that went, segments
        changed or new, ids of segments that went. What none of it touches isn't compiled again."""
        fresh = _segments(segments)
        gone = {key for key in segments_removed if is_key(key)}
        known = {key: one for key, one in self._segments.items() if key not in gone} | fresh
        touched = fresh.keys() | gone
        features = {
            name: feature(one.told, name, known) if one.uses & touched else one
            for name, one in self._features.items()
        }
        for name in removed:
            features.pop(name, None)
        return Ruleset(features | _features(features_changed, known), known)


def compile(document: object) -> Ruleset:
    """The ruleset of a document as the Unleash client API spells it. What can't be read in it is
    off; a flag without a name isn't there."""
    given = document if isinstance(document, Mapping) else {}
    segments = _segments(given.get("segments"))
    return Ruleset(_features(given.get("features"), segments), segments)


def _features(told: object, segments: Mapping[object, Segment]) -> dict[str, Feature]:
    return {
        one["name"]: feature(one, one["name"], segments)
        for one in _iterated(told)
        if isinstance(one, Mapping) and isinstance(one.get("name"), str)
    }


def _segments(told: object) -> dict[object, Segment]:
    found: dict[object, Segment] = {}
    for one in _iterated(told):
        key = one.get("id") if isinstance(one, Mapping) else None
        if isinstance(one, Mapping) and is_key(key):
            constraints = one.get("constraints")
            readable = constraints is None or isinstance(constraints, list | tuple)
            parts = (constraints or ()) if readable else (None,)
            found[key] = Segment(one, [(part, compiled(part)) for part in parts])
    return found


def _iterated(told: object) -> Iterable[object]:
    return (
        told if isinstance(told, Iterable) and not isinstance(told, str | bytes | Mapping) else ()
    )


# --- Prerequisites --------------------------------------------------------------------------------


def _linked(one: Feature, features: Mapping[str, Feature]) -> tuple[Check, Decide]:
    """A flag beside the flags it needs. One step deep: what another flag needs has no needs of
    its own, so a circle is just a flag that is off."""
    if one.needs == () or not one.enabled or one.killed:
        return one.own_on, one.own_decide
    met, own_on, own_decide = _met(one.needs, features), one.own_on, one.own_decide
    detail = _needed(one.needs)
    missing = Decision(True, False, "", None, "prerequisite", "", detail)

    def on(context: Context) -> bool:
        return met(context) and own_on(context)

    def decide(context: Context) -> Decision:
        return own_decide(context) if met(context) else missing

    return on, decide


def _met(needs: Sequence[Need] | None, features: Mapping[str, Feature]) -> Check:
    if needs is None:
        return never
    checks = [need_check(need, features) for need in needs]
    return checks[0] if len(checks) == 1 else lambda context: all(one(context) for one in checks)


def need_check(need: Need, features: Mapping[str, Feature]) -> Check:
    parent = features.get(need.flag)
    if parent is None or parent.needs != ():
        return never
    if (
        parent.killed
    ):  # it fulfils nobody's need, nor that of its being off: a kill turns nothing on
        return never
    on, decide, variants = parent.own_on, parent.own_decide, need.variants
    if not need.enabled:
        return lambda context: not on(context)
    if not variants:
        return on

    def check(context: Context) -> bool:
        answer = decide(context)
        return answer.enabled and (answer.variant or "disabled") in variants

    return check


def _needed(needs: Sequence[Need] | None) -> str:
    if needs is None:
        return "Its prerequisites can't be read."
    return f"Needs {', '.join(map(_words, needs))}."


def _words(need: Need) -> str:
    if not need.enabled:
        return f"{need.flag} off"
    return f"{need.flag} on" + (
        f" as {' or '.join(sorted(need.variants))}" if need.variants else ""
    )


# --- Contexts -------------------------------------------------------------------------------------


def _at(now: datetime, context: object) -> Context:
    told = context if isinstance(context, Mapping) else {}
    if told.get("currentTime") is not None:
        return told
    return {**told, "currentTime": (now if now.tzinfo else now.replace(tzinfo=UTC)).isoformat()}


def _safely_flat(context: object) -> Context:
    try:
        return flattened(context)
    except Exception:  # noqa: BLE001 - a mapping of somebody's own making
        return {}

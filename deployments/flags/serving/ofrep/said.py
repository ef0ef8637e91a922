"""What is said of a flag, made once for each outcome and sent many times.

Each flag has few outcomes, so an answer about fifty flags is fifty look-ups and one join. All that
the clients need stands in every answer: key, value, reason, variant. Reasons are the protocol's
own; the portal's stand in `metadata`. Titles of rules are words among colleagues ("pilot with
ACME"), and a browser's token is in everybody's hands: to such a token they are not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.base.api.answers import encode
from deployments.flags.engine import Decision
from deployments.flags.serving.counting import Answer
from deployments.flags.serving.snapshots import Snapshot, Token
from deployments.flags.serving.values import Unfit, value_of

REASONS = {
    "off": "DISABLED",
    "killed": "DISABLED",
    "no_rules": "STATIC",
    "split": "SPLIT",
}
_BY_CONTEXT = "TARGETING_MATCH"  # a rule looked at the context, whatever came of it
KEY_MISSING = "A percentage decides: send a targetingKey."
_KEYED = frozenset({"", "default", "userId"})


@dataclass(frozen=True, slots=True)
class Said:
    told: dict[str, Any]
    body: bytes
    counted: Answer | None  # None: it could not be answered

    @property
    def failed(self) -> bool:
        return self.counted is None


class Sayings:
    """Beside a snapshot: every outcome met so far, as it is told to one sort of token."""

    def __init__(self, snapshot: Snapshot, titled: bool) -> None:
        self.snapshot = snapshot
        self.titled = titled
        self._known: dict[tuple[Any, ...], Said] = {}
        self._needing = frozenset(
            name for name, told in snapshot.features.items() if _draws_by_key(told)
        )

    @classmethod
    def of(cls, snapshot: Snapshot, token: Token) -> Sayings:
        titled = not token.is_browsers
        found = snapshot.kept.get((cls, titled))
        if found is None:
            found = snapshot.kept[cls, titled] = cls(snapshot, titled)
        return found

    def say(self, name: str, decision: Decision, keyless: bool) -> Said:
        # A payload is told by its identity: it lives as long as the ruleset, and can't be hashed.
        key = (
            name,
            decision.enabled,
            decision.variant,
            decision.reason,
            decision.rule,
            id(decision.payload),
            keyless,
        )
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._make(name, decision, keyless)
        return found

    def _make(self, name: str, decision: Decision, keyless: bool) -> Said:
        drawn = decision.reason == "split" or bool(decision.variant)
        if keyless and drawn and name in self._needing:
            return _failure(name, "TARGETING_KEY_MISSING", KEY_MISSING)
        portal = self.snapshot.features[name].get("portal", {})
        try:
            value = value_of(portal, decision)
        except Unfit as error:
            return _failure(name, "GENERAL", f"The flag's value is not of its type: {error}.")
        side = "on" if decision.enabled else "off"
        metadata = {"why": "unreadable" if portal.get("unreadable") else decision.reason}
        if decision.rule and self.titled:
            metadata["rule"] = decision.rule
        told = {
            "key": name,
            "value": value,
            "reason": REASONS.get(decision.reason, _BY_CONTEXT),
            "variant": decision.variant or side,
            "metadata": metadata,
        }
        return Said(told, encode(told), Answer(name, decision.enabled, decision.variant))


def _failure(name: str, code: str, details: str) -> Said:
    told = {"key": name, "errorCode": code, "errorDetails": details}
    return Said(told, encode(told), None)


def _draws_by_key(told: Mapping[str, Any]) -> bool:
    """Whether chance would decide for somebody who has no key."""
    if _several(told.get("variants")):
        return True
    return any(
        _several(rule.get("variants")) or _shares(rule.get("parameters", {}))
        for rule in told.get("strategies", ())
    )


def _shares(parameters: Mapping[str, Any]) -> bool:
    whole = str(parameters.get("rollout", "100")) in {"0", "100"}
    return not whole and parameters.get("stickiness", "") in _KEYED


def _several(variants: Any) -> bool:
    return len(variants or ()) > 1 and variants[0].get("stickiness", "") in _KEYED

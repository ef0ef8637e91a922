"""One environment's flags as a process holds them: compiled, and ready to be sent.

A snapshot never changes; a change makes another one. Whoever holds one answers a whole request
from it, so no answer mixes two revisions.
"""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from controlplane.access.models import Workspace
from controlplane.base.api.answers import encode
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments.flags.documents import NEVER, is_unreadable
from deployments.flags.engine import Ruleset
from deployments.flags.engine.values import instant_limit
from deployments.flags.models import SdkToken

Feature = dict[str, Any]
PROJECT = "default"  # SDKs ask for one by name; a workspace is not told apart any further
EVERY_PROJECT = frozenset({"", "*", PROJECT})
# Digests of flags: so much of them that two differ by accident never.
_DIGEST = 16


@dataclass(frozen=True, slots=True)
class Token:
    """What a process knows of a token: enough to let it in without asking."""

    pk: int
    kind: str
    name: str
    environment_id: int
    expires_at: float | None
    actor: Actor

    @property
    def is_browsers(self) -> bool:
        """Anybody can read such a token: it is told less, and what is said with it proves less."""
        return self.kind == SdkToken.Kind.FRONTEND

    def lasts(self) -> bool:
        return self.expires_at is None or clock.now().timestamp() < self.expires_at


@dataclass(frozen=True)
class Snapshot:
    environment_id: int
    environment: str  # its slug
    workspace: Workspace
    revision: int
    ruleset: Ruleset
    features: Mapping[str, Feature]  # by name, "portal" included
    segments: Mapping[int, dict[str, Any]]
    tokens: Mapping[bytes, Token]
    versions: Mapping[str, str]  # of the rows each feature was made from
    made_at: float = field(default_factory=time.monotonic)
    # Read inside a transaction that may yet be taken back: to be read again at the next look.
    provisional: bool = False
    # What doors keep beside it: answers made once. Goes with the snapshot.
    kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def digest(self) -> str:
        """Names the content. The revision alone would not: a restored database counts anew."""
        content = encode([self.environment_id, self.revision, [*self.features.values()]])
        segments = encode([*self.segments.values()])
        return hashlib.blake2b(content + segments, digest_size=_DIGEST).hexdigest()

    @cached_property
    def unreadable(self) -> frozenset[str]:
        """Flags whose rows make no sense, and which are off for that."""
        return frozenset(name for name, told in self.features.items() if is_unreadable(told))

    @cached_property
    def _instants(self) -> Sequence[int]:
        """When rules about the clock change their minds."""
        told = {
            found
            for constraint in _constraints([*self.features.values(), *self.segments.values()])
            if constraint.get("contextName") == "currentTime"
            and (found := _instant(constraint)) is not None
        }
        return sorted(told)

    def era(self) -> int:
        """Between two such moments equal questions have equal answers."""
        if not self._instants:
            return 0
        return bisect_right(self._instants, clock.now().timestamp() * 1e9)

    # --- as the Unleash SDKs read it --------------------------------------------------------------

    @cached_property
    def public(self) -> Mapping[str, Feature]:
        """Each flag as it is sent: without what only the portal knows. SDKs can't tell a flag that
        is killed from one that is off, so what a kill must not turn on is off here."""
        return {
            name: {
                **{key: value for key, value in told.items() if key != "portal"},
                **({"enabled": False} if self._is_held(told) else {}),
            }
            for name, told in self.features.items()
        }

    def _is_held(self, told: Feature) -> bool:
        """Whether it is on while another flag is off, and that one is killed."""
        for need in told["dependencies"]:
            parent = self.features.get(need["feature"])
            if need["enabled"] is False and parent is not None and parent["portal"]["killed"]:
                return True
        return False

    @cached_property
    def inlined(self) -> Mapping[str, Feature]:
        """The same for SDKs that know no segments: their constraints stand in the rules."""
        return {name: self._with_constraints(told) for name, told in self.public.items()}

    def _with_constraints(self, told: Feature) -> Feature:
        if not any(each.get("segments") for each in told["strategies"]):
            return told
        return {**told, "strategies": [self._inlined(each) for each in told["strategies"]]}

    def _inlined(self, strategy: dict[str, Any]) -> dict[str, Any]:
        plain = {key: value for key, value in strategy.items() if key != "segments"}
        constraints = list(strategy["constraints"])
        for number in strategy.get("segments", ()):
            segment = self.segments.get(number)
            constraints += segment["constraints"] if segment else [dict(NEVER)]
        return {**plain, "constraints": constraints}


def _constraints(told: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for each in told:
        yield from each.get("constraints", ())
        for strategy in each.get("strategies", ()):
            yield from strategy.get("constraints", ())


def _instant(constraint: Mapping[str, Any]) -> int | None:
    value = constraint.get("value")
    return instant_limit(value) if isinstance(value, str) else None

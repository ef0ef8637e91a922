"""The engine beside the one the public SDKs are built on: the same answers, whatever the flags,
the segments and the context, wherever no chance is in it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from yggdrasil_engine.engine import UnleashEngine

from deployments.flags.engine import Ruleset, buckets, compile
from tests.flags.definitions import contexts, documents

EXAMPLES = 400


class Chance:
    """Tells whether chance was asked."""

    def __init__(self) -> None:
        self.asked = False

    def random(self) -> float:
        self.asked = True
        return random.random()

    def randint(self, first: int, last: int) -> int:
        self.asked = True
        return random.randint(first, last)


@contextmanager
def chance() -> Iterator[Chance]:
    found = Chance()
    with mock.patch.object(buckets, "random", found):
        yield found


class Oracle:
    def __init__(self, document: dict[str, Any]) -> None:
        self.engine = UnleashEngine()
        self.engine.take_state(json.dumps(document))

    def is_enabled(self, name: str, context: dict[str, Any]) -> bool:
        return bool(self.engine.check_enabled(name, context).is_enabled)

    def variant(self, name: str, context: dict[str, Any]) -> dict[str, Any]:
        found = self.engine.check_variant(name, context).variant
        told = {
            "name": found.name,
            "enabled": found.enabled,
            "feature_enabled": found.feature_enabled,
        }
        return told | ({"payload": found.payload} if found.payload else {})


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents, st.lists(st.one_of(contexts(), contexts(known=True)), min_size=4, max_size=8))
def test_valid_flags__any_context__answered_as_the_sdks_do(
    document: dict[str, Any], seen: list[dict[str, Any]]
) -> None:
    oracle, ours = Oracle(document), compile(document)
    for name in ours.names():
        for context in seen:
            _same(oracle, ours, name, context)


def _same(oracle: Oracle, ours: Ruleset, name: str, context: dict[str, Any]) -> None:
    with chance() as drawn:
        on, decision = ours.is_enabled(name, context), ours.decide(name, context)
        variant, together = ours.variant(name, context), ours.decide_all(context)[name]
    event("left to chance" if drawn.asked else "on" if on else "off")
    if drawn.asked:
        return
    assert on is oracle.is_enabled(name, context), (name, context)
    assert decision.enabled is on
    assert together == decision
    assert variant == oracle.variant(name, context), (name, context)

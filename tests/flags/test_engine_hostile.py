"""Whatever a definition or a context holds: a defined answer, in bounded time, never an error."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.flags.engine import Ruleset, compile
from tests.flags.definitions import NAMES, contexts, documents

LONG = 500_000
LONG_TEXTS = {
    "letters": "a" * LONG,
    "digits": "1" * LONG,
    "blanks": " " * LONG,
    "a version": "1.2.3-" + "1." * (LONG // 2) + "1",
    "an address": "1." * (LONG // 2),
    "halves of pairs": "\ud800" * LONG,
    "capitals": "İ" * LONG,
}
LIMITS: dict[str, dict[str, Any]] = {
    "IN": {"values": ["a"]},
    "NOT_IN": {"values": ["a"]},
    "STR_CONTAINS": {"values": ["a" * 1_000 + "b"], "caseInsensitive": True},
    "STR_STARTS_WITH": {"values": ["b"]},
    "NUM_GT": {"value": "1"},
    "DATE_AFTER": {"value": "2022-01-01T00:00:00Z"},
    "SEMVER_GT": {"value": "1.2.3"},
    "IN_CIDR": {"values": ["10.0.0.0/8"]},
    "REGEX": {"value": "(a*)*b"},
}
HOSTILE = [
    "(a*)*b",
    "(a|aa)+$",
    "(x+x+)+y",
    "(.*)(.*)(.*)(.*)[bc]$",
    "(?:a?){500}a{500}",
    "(.{1,300}){1,3}b",
    "[^x]{990}y",
    "((a{30}){30}){30}",
    "(" * 400 + ")" * 400,
    "a" * 100_000,
]
# A machine that is busy with other things is forgiven; a search that explodes takes minutes.
WITHIN_S = 2.0


def where(operator: str, *, field: str = "x", **told: Any) -> dict[str, Any]:
    return {"contextName": field, "operator": operator, **told}


def one(*constraints: object, **more: Any) -> Ruleset:
    strategy = {"name": "default", "constraints": list(constraints)}
    return compile({"features": [{"name": "f", "enabled": True, "strategies": [strategy], **more}]})


def timed(flags: Ruleset, context: Mapping[str, Any]) -> bool:
    started = time.process_time()
    answer = flags.is_enabled("f", context)
    assert time.process_time() - started < WITHIN_S
    return answer


# --- Texts nobody sends -----------------------------------------------------------------------


@pytest.mark.parametrize("operator", LIMITS)
@pytest.mark.parametrize("kind", LONG_TEXTS)
def test_long_text__any_operator__answered_in_time(operator: str, kind: str) -> None:
    flags = one(where(operator, **LIMITS[operator]))
    assert timed(flags, {"x": LONG_TEXTS[kind]}) is (operator == "NOT_IN")
    flags.explain("f", {"x": LONG_TEXTS[kind]})


@pytest.mark.parametrize("kind", LONG_TEXTS)
def test_long_text__as_the_one_who_asks__has_a_bucket(kind: str) -> None:
    parameters = {"rollout": "50", "stickiness": "default", "groupId": "g"}
    strategy = {"name": "flexibleRollout", "parameters": parameters}
    flags = compile({"features": [{"name": "f", "enabled": True, "strategies": [strategy]}]})
    assert timed(flags, {"userId": LONG_TEXTS[kind]}) in (True, False)
    flags.explain("f", {"userId": LONG_TEXTS[kind]})


@pytest.mark.parametrize("pattern", HOSTILE, ids=range(len(HOSTILE)))
def test_pattern__made_to_explode__linear_or_refused(pattern: str) -> None:
    started = time.process_time()
    flags = one(where("REGEX", value=pattern))
    for length in (1_000, 4_000, LONG):
        for unit in ("a", "ab", "é", "x"):
            timed(flags, {"x": unit * (length // len(unit))})
    assert time.process_time() - started < 5 * WITHIN_S


def test_pattern__text_too_long_to_look_at__matches_neither_way() -> None:
    context = {"x": "a" * LONG}
    assert not timed(one(where("REGEX", value="a")), context)
    assert not timed(one(where("REGEX", value="a", inverted=True)), context)


# --- What can't be read is off, inverted or not -----------------------------------------------


@pytest.mark.parametrize(
    "constraint",
    [
        None,
        "x",
        [],
        {},
        where("SOUNDS_LIKE", value="a"),
        {"contextName": "x"},
        {"operator": "IN", "values": ["a"]},
        {"contextName": ["x"], "operator": "IN", "values": ["a"]},
        where("NUM_GT"),
        where("NUM_GT", value="twelve"),
        where("NUM_GT", value="nan"),
        where("NUM_GT", value="1e400"),
        where("NUM_GT", value="9" * 10_000),
        where("NUM_GT", value=["1"]),
        where("DATE_AFTER", value="2022-01-29"),
        where("DATE_AFTER", value="2022-02-30T00:00:00Z"),
        where("DATE_AFTER", value="2022-01-29T25:00:00Z"),
        where("SEMVER_GT", value="1.2"),
        where("SEMVER_GT", value="01.2.3"),
        where("SEMVER_GT", value="1.2.3-" + "9" * 10_000),
        where("SEMVER_EQ", value="99999999999999999999.0.0"),
        where("REGEX", value="(a"),
        where("REGEX", value="(?=a)"),
        where("REGEX", value=r"(a)\1"),
        where("REGEX", value="\ud800"),
        where("REGEX"),
        where("STR_CONTAINS", values=[]),
        where("STR_CONTAINS", values="abc"),
        where("IN_CIDR", values=[]),
    ],
    ids=str,
)
def test_condition__unreadable__off_even_inverted(constraint: Any) -> None:
    context = {"x": "2.0.0", "userId": "1"}
    assert not one(constraint).is_enabled("f", context)
    if isinstance(constraint, dict):
        assert not one({**constraint, "inverted": True}).is_enabled("f", context)
    told = one(constraint).explain("f", context)
    assert "never holds" in told.rules[0].why


def test_condition__of_a_field_nobody_told__false_and_then_inverted() -> None:
    for operator, limit in LIMITS.items():
        assert one(where(operator, **limit)).is_enabled("f", {}) is (operator == "NOT_IN")
        inverted = one(where(operator, **limit, inverted=True))
        assert inverted.is_enabled("f", {}) is (operator != "NOT_IN")


def test_segment__missing__off_for_its_rule_alone() -> None:
    rules = [
        {"name": "default", "segments": [7]},
        {"name": "userWithId", "parameters": {"userIds": "1"}},
    ]
    flags = compile({"features": [{"name": "f", "enabled": True, "strategies": rules}]})
    assert not flags.is_enabled("f", {"userId": "2"})
    assert flags.is_enabled("f", {"userId": "1"})


@pytest.mark.parametrize("told", ["1", 1, {"id": 1}, [True], [None], [[1]], [1.5]], ids=str)
def test_segments__unreadable__off(told: object) -> None:
    rule = {"name": "default", "segments": told}
    everybody = {"id": 1, "constraints": []}
    flags = compile(
        {
            "features": [{"name": "f", "enabled": True, "strategies": [rule]}],
            "segments": [everybody, {**everybody, "id": "?"}, {**everybody, "id": "1"}],
        }
    )
    assert not flags.is_enabled("f", {"userId": "1"})


def test_strategy__nobody_knows__never_matches() -> None:
    for name in ("moonPhase", "", None, ["default"], {"a": 1}, "applicationHostname"):
        told = {"name": "f", "enabled": True, "strategies": [{"name": name}]}
        assert not compile({"features": [told]}).is_enabled("f", {"userId": "1"})


def test_rule__switched_off__never_matches() -> None:
    strategies = [{"name": "default", "disabled": True}]
    flags = compile({"features": [{"name": "f", "enabled": True, "strategies": strategies}]})
    assert flags.decide("f", {}).reason == "no_match"


def test_prerequisites__in_a_circle__off() -> None:
    ring = ["a", "b", "c"]
    features = [
        {"name": name, "enabled": True, "dependencies": [{"feature": ring[place - 1]}]}
        for place, name in enumerate(ring)
    ]
    own = {"name": "self", "enabled": True, "dependencies": [{"feature": "self"}]}
    flags = compile({"features": [*features, own]})
    for name in (*ring, "self"):
        decision = flags.decide(name, {"userId": "1"})
        assert (decision.enabled, decision.reason) == (False, "prerequisite")
        assert flags.explain(name, {}).needs[0].holds is False


@pytest.mark.parametrize("needs", ["a", [None], [{}], [{"feature": 1}], {"feature": "a"}], ids=str)
def test_prerequisites__unreadable__off(needs: object) -> None:
    parent = {"name": "a", "enabled": True}
    child = {"name": "f", "enabled": True, "dependencies": needs}
    flags = compile({"features": [parent, child]})
    assert flags.decide("f", {}).reason == "prerequisite"
    assert flags.explain("f", {}).needs[0].holds is False


# --- Documents and contexts that are anything --------------------------------------------------

anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(codec=None), max_size=8),
        st.sampled_from([*NAMES, "flexibleRollout", "IN", "1", 10**4_200, b"bytes", object()]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=6), inner, max_size=3),
        st.tuples(inner),
    ),
    max_leaves=8,
)
KEYS = ["name", "enabled", "strategies", "parameters", "constraints", "segments", "variants"]
KEYS += ["dependencies", "operator", "contextName", "values", "value", "weight", "payload"]
KEYS += ["stickiness", "overrides", "feature", "portal", "rollout", "groupId", "userIds", "IPs"]


def _places(told: Any) -> Iterator[tuple[Any, Any]]:
    items = told.items() if isinstance(told, dict) else enumerate(told)
    for key, value in list(items):
        yield told, key
        if isinstance(value, dict | list):
            yield from _places(value)


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """A good document in which some places hold something else."""
    document = deepcopy(draw(documents))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(document))
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        holder[key] = draw(anything)
        if isinstance(holder, dict) and draw(st.booleans()):
            holder[draw(st.sampled_from(KEYS))] = draw(anything)
    return document


def _ask_everything(flags: Ruleset, context: Any) -> None:
    asked: list[Any] = [*NAMES, "missing", None, 7, [], "\ud800"]
    for name in asked:
        on = flags.is_enabled(name, context)
        decision = flags.decide(name, context)
        assert isinstance(on, bool)
        assert decision.known is (name in flags)
        assert isinstance(flags.variant(name, context)["enabled"], bool)
        told = flags.explain(name, context)
        assert told.decision.known is decision.known
    assert set(flags.decide_all(context)) == set(flags.names())


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(broken(), contexts())
def test_document__broken_anywhere__never_raises(document: Any, context: dict[str, Any]) -> None:
    _ask_everything(compile(document), context)
    _ask_everything(compile({}).updated([document], [document], [document]), context)


@given(anything)
def test_document__anything_at_all__never_raises(document: Any) -> None:
    _ask_everything(compile(document), {"userId": "1"})
    for key in KEYS:
        told = {"name": "alpha", "enabled": True, key: document}
        _ask_everything(compile({"features": [told, document], "segments": document}), {})


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(documents, anything)
def test_context__anything_at_all__never_raises(document: Any, context: Any) -> None:
    flags = compile(document)
    _ask_everything(flags, context)
    _ask_everything(flags, {"userId": context, "properties": context, "currentTime": context})


class Angry(Mapping[str, Any]):
    """A mapping that answers nothing but errors."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError


@given(documents)
def test_context__that_raises__as_if_it_told_nothing(document: Any) -> None:
    flags = compile(document)
    _ask_everything(flags, Angry())
    _ask_everything(flags, {"userId": "1", "properties": Angry()})


@pytest.mark.parametrize("enabled", ["true", 1, None, [], "on"])
def test_flag__enabled_by_something_like_true__off(enabled: object) -> None:
    flags = compile({"features": [{"name": "f", "enabled": enabled}]})
    assert flags.decide("f", {}).reason == "off"

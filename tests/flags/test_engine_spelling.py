"""Names and values with awkward characters: what the form takes, the SDKs read as we do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.lib.errors import Invalid
from deployments.flags.engine import compile
from deployments.flags.forms.settings import clean
from tests.flags.test_engine_oracle import Oracle

# What a grammar between two engines may trip over.
awkward = st.text(st.sampled_from("ab\"\\'\n\t ,[]{}$|%#/ü\u2028\r\x01\x7f"), max_size=5)


def taken(**told: Any) -> dict[str, Any] | None:
    """The rule as the form keeps it; None where it refuses."""
    rule = {"percent": 50, "stickiness": "default", "group": "g", "constraints": [], **told}
    try:
        return dict(clean({"on": True, "rules": [rule]})["rules"][0])
    except Invalid:
        return None


def document(rule: dict[str, Any]) -> dict[str, Any]:
    parameters = {
        "rollout": str(rule["percent"]),
        "stickiness": rule["stickiness"],
        "groupId": rule["group"],
    }
    strategy = {"name": "flexibleRollout", "parameters": parameters, "variants": []}
    strategy["constraints"] = rule["constraints"]
    return {"version": 2, "features": [{"name": "f", "enabled": True, "strategies": [strategy]}]}


def _same(rule: dict[str, Any] | None, *contexts: dict[str, Any]) -> None:
    if rule is not None:
        ours, oracle = compile(document(rule)), Oracle(document(rule))
        for context in contexts:
            assert ours.is_enabled("f", context) is oracle.is_enabled("f", context), rule


@pytest.mark.slow
@settings(deadline=None, max_examples=400)
@given(awkward, awkward)
def test_awkward_characters__anywhere_the_form_takes_them__read_alike(one: str, other: str) -> None:
    among = {"contextName": "x", "operator": "IN", "values": [one, other]}
    for operator in ("IN", "STR_CONTAINS", "STR_ENDS_WITH"):
        rule = taken(percent=100, constraints=[{**among, "operator": operator}])
        _same(rule, *({"userId": "1", "properties": {"x": each}} for each in (one, other, "a")))
    field = taken(percent=100, constraints=[{**among, "contextName": one, "values": ["1"]}])
    _same(field, {"userId": "1", "properties": {one: "1"}})
    _same(taken(group=one), *({"userId": str(n)} for n in range(8)))
    _same(taken(stickiness=one), *({"properties": {one: str(n)}} for n in range(8)))


@pytest.mark.parametrize("told", [{"group": 'a"b'}, {"group": "a\\"}, {"stickiness": '"'}])
def test_name__that_the_sdks_trip_over__refused(told: dict[str, Any]) -> None:
    assert taken(**told) is None
    assert taken(group="a b'c\\d") is not None


def test_value__with_a_backslash_at_its_end__refused() -> None:
    for values, fine in ((["EU\\ada"], True), (["EU\\"], False)):
        constraint = {"contextName": "x", "operator": "IN", "values": values}
        assert (taken(constraints=[constraint]) is not None) is fine

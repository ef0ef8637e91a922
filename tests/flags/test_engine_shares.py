"""Percentages and variants: the same person gets the same answer, growing keeps who was in."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.flags.engine import Ruleset, compile

PEOPLE = [f"person-{number}" for number in range(4_000)]
ids = st.text(st.characters(codec=None), max_size=40)


def rollout(percent: int, *, stickiness: str = "default", **more: Any) -> dict[str, Any]:
    parameters = {"rollout": str(percent), "stickiness": stickiness, "groupId": "planner"}
    return {"name": "flexibleRollout", "parameters": parameters, **more}


def flag(*strategies: dict[str, Any], name: str = "planner", **more: Any) -> Ruleset:
    told = {"name": name, "enabled": True, "strategies": list(strategies), **more}
    return compile({"version": 2, "features": [told]})


def inside(percent: int) -> set[str]:
    flags = flag(rollout(percent))
    return {each for each in PEOPLE if flags.is_enabled("planner", {"userId": each})}


@given(ids, st.integers(0, 100), st.integers(0, 100))
def test_percentage__grown__keeps_everybody_who_was_in(who: str, one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    context = {"userId": who}
    before = flag(rollout(fewer)).is_enabled("planner", context)
    after = flag(rollout(more)).is_enabled("planner", context)
    assert after or not before


def test_percentage__ten_fifty_hundred__each_holds_the_one_before() -> None:
    ten, fifty, all_ = inside(10), inside(50), inside(100)
    assert ten < fifty < all_ == set(PEOPLE)
    assert 0.08 < len(ten) / len(PEOPLE) < 0.12
    assert 0.47 < len(fifty) / len(PEOPLE) < 0.53
    assert inside(0) == set()


@given(ids, st.dictionaries(st.sampled_from(["region", "plan"]), st.text(max_size=5)))
def test_percentage__same_person__same_answer_whatever_else_is_told(
    who: str, other: dict[str, str]
) -> None:
    flags = flag(rollout(50))
    alone = flags.decide("planner", {"userId": who})
    assert flags.decide("planner", {"userId": who, "properties": other}) == alone
    assert compile_again(flags).decide("planner", {"targetingKey": who, **other}) == alone


def compile_again(flags: Ruleset) -> Ruleset:
    return flags.updated([flags._features["planner"].told])


def test_stickiness__of_a_field__follows_the_field_and_needs_it() -> None:
    flags = flag(rollout(50, stickiness="tenant"))
    tenants = [{"userId": "x", "properties": {"tenant": each}} for each in PEOPLE[:200]]
    told = [flags.is_enabled("planner", each) for each in tenants]
    assert 60 < sum(told) < 140
    assert told == [flags.is_enabled("planner", {"tenant": each}) for each in PEOPLE[:200]]
    everybody = flag(rollout(100, stickiness="tenant"))
    assert everybody.is_enabled("planner", {"userId": "x"}) is False


def test_stickiness__default__user_then_session_then_chance() -> None:
    flags = flag(rollout(50))
    by_session = [flags.is_enabled("planner", {"sessionId": each}) for each in PEOPLE[:100]]
    assert by_session == [flags.is_enabled("planner", {"userId": each}) for each in PEOPLE[:100]]
    user, session = {"userId": PEOPLE[0]}, {"sessionId": PEOPLE[1]}
    both = flags.is_enabled("planner", {**user, **session})
    assert both is flags.is_enabled("planner", user)
    nobody = Counter(flags.is_enabled("planner", {}) for _ in range(500))
    assert 150 < nobody[True] < 350


def test_stickiness__empty_text__is_somebody() -> None:
    flags = flag(rollout(50))
    assert len({flags.is_enabled("planner", {"userId": ""}) for _ in range(50)}) == 1


@pytest.mark.parametrize("told", ["50.5", "101", "-1", "", "50%", " 50", "1e1", "٥٠", None, [50]])
def test_percentage__that_is_none__nobody(told: object) -> None:
    given_ = rollout(0)
    given_["parameters"]["rollout"] = told
    flags = flag(given_)
    assert not any(flags.is_enabled("planner", {"userId": each}) for each in PEOPLE[:300])


# --- Variants -----------------------------------------------------------------------------------


def weighed(**weights: int) -> list[dict[str, Any]]:
    return [
        {"name": name, "weight": weight, "payload": {"type": "string", "value": name}}
        for name, weight in weights.items()
    ]


def shares(flags: Ruleset) -> Counter[str]:
    return Counter(flags.decide("planner", {"userId": each}).variant for each in PEOPLE)


def test_variants__shares_follow_weights_and_people_stay() -> None:
    flags = flag(rollout(100), variants=weighed(red=600, blue=300, green=100, none=0))
    found = shares(flags)
    assert 0.56 < found["red"] / len(PEOPLE) < 0.64
    assert 0.26 < found["blue"] / len(PEOPLE) < 0.34
    assert 0.08 < found["green"] / len(PEOPLE) < 0.12
    assert found["none"] == 0
    assert shares(flags) == found


def test_variants__of_the_rule__go_before_the_flags_own() -> None:
    rule = rollout(50, variants=weighed(rule=1))
    flags = flag(rule, rollout(100), variants=weighed(own=1))
    told = shares(flags)
    assert set(told) == {"rule", "own"}
    decided = flags.decide("planner", {"userId": PEOPLE[0]})
    assert decided.payload == {"type": "string", "value": decided.variant}


def test_variants__override__names_it_whatever_the_weight() -> None:
    variants = weighed(red=1000, blue=0)
    variants[1]["overrides"] = [{"contextName": "userId", "values": ["7"]}]
    flags = flag(rollout(100), variants=variants)
    assert flags.decide("planner", {"userId": "7"}).variant == "blue"
    assert flags.decide("planner", {"userId": 7}).variant == "blue"
    assert flags.decide("planner", {"userId": "8"}).variant == "red"


@pytest.mark.parametrize("weight", [0, -5, 1.5, float("nan"), "10", True, None, 10**30])
def test_variants__weights_that_give_nothing__no_variant_and_still_on(weight: object) -> None:
    flags = flag(rollout(100), variants=[{"name": "red", "weight": weight}])
    decision = flags.decide("planner", {"userId": "1"})
    assert (decision.enabled, decision.variant, decision.payload) == (True, "", None)
    assert flags.variant("planner", {"userId": "1"}) == {
        "name": "disabled",
        "enabled": False,
        "feature_enabled": True,
    }


def test_variants__by_chance__all_of_them_come() -> None:
    variants = [{**each, "stickiness": "random"} for each in weighed(red=50, blue=50)]
    flags = flag(rollout(100), variants=variants)
    found = {flags.decide("planner", {"userId": "1"}).variant for _ in range(200)}
    assert found == {"red", "blue"}

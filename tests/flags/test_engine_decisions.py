"""Why: the reason of an answer, and each rule's part in it, in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.flags.engine import REASONS, UNKNOWN, Ruleset, compile
from tests.flags.definitions import contexts, documents
from tests.flags.test_engine_oracle import chance

EU = {"contextName": "region", "operator": "IN", "values": ["eu", "uk"]}
DENIED = {"contextName": "userId", "operator": "NOT_IN", "values": ["13"]}


def rollout(percent: int, title: str = "", **more: Any) -> dict[str, Any]:
    parameters = {"rollout": str(percent), "stickiness": "default", "groupId": "planner"}
    return {"name": "flexibleRollout", "title": title, "parameters": parameters, **more}


def allow(*ids: str) -> dict[str, Any]:
    return {"name": "userWithId", "title": "Always on", "parameters": {"userIds": ",".join(ids)}}


def flag(*strategies: dict[str, Any], **more: Any) -> Ruleset:
    parent = {"name": "parent", "enabled": True, "variants": [{"name": "red", "weight": 1}]}
    told = {"name": "planner", "enabled": True, "strategies": list(strategies), **more}
    segments = [{"id": 7, "name": "paying", "constraints": [EU]}]
    return compile({"features": [parent, told], "segments": segments})


def needs(**told: Any) -> dict[str, Any]:
    return {"dependencies": [{"feature": "parent", **told}]}


ROLLED = [allow("1", "2"), rollout(10, "Europe", constraints=[EU, DENIED])]


@pytest.mark.parametrize(
    ("flags", "context", "reason", "rule"),
    [
        (flag(enabled=False), {}, "off", ""),
        (flag(portal={"killed": True}), {}, "killed", ""),
        (flag(enabled=False, portal={"killed": True}), {}, "killed", ""),
        (flag(), {}, "no_rules", ""),
        (flag(rollout(100, "All")), {"userId": "5"}, "rule", "All"),
        (flag(*ROLLED), {"userId": "1"}, "allowed", "Always on"),
        (flag(*ROLLED), {"userId": "13", "region": "eu"}, "denied", ""),
        (flag(*ROLLED), {"userId": "5", "region": "us"}, "no_match", ""),
        (flag(*ROLLED), {"userId": "5", "region": "eu"}, "split", "Europe"),
        (flag(rollout(100), **needs()), {"userId": "5"}, "rule", "rule 1"),
        (flag(rollout(100), **needs(variants=["red"])), {"userId": "5"}, "rule", "rule 1"),
        (flag(rollout(100), **needs(variants=["blue"])), {}, "prerequisite", ""),
        (flag(rollout(100), **needs(enabled=False)), {}, "prerequisite", ""),
        (flag(dependencies=[{"feature": "gone"}]), {}, "prerequisite", ""),
    ],
)
def test_decision__has_its_reason(
    flags: Ruleset, context: dict[str, Any], reason: str, rule: str
) -> None:
    decision = flags.decide("planner", context)
    assert (decision.known, decision.reason, decision.rule) == (True, reason, rule)
    assert decision.enabled is (reason in {"no_rules", "rule", "allowed"})
    assert decision.detail
    assert flags.explain("planner", context).decision == decision


def test_decision__of_an_unknown_flag__says_so() -> None:
    assert flag().decide("nothing", {}) == UNKNOWN
    assert flag().explain("nothing", {}).decision == UNKNOWN
    assert not flag().is_enabled("nothing", {})


def test_decision__in_a_percentage__tells_the_side() -> None:
    flags = flag(*ROLLED)
    people = [flags.decide("planner", {"userId": str(n), "region": "eu"}) for n in range(20, 200)]
    assert {one.reason for one in people} == {"split"}
    assert {one.detail for one in people if one.enabled} == {"Within the 10 % of Europe."}
    assert {one.detail for one in people if not one.enabled} == {"Outside the 10 % of Europe."}


def test_decisions__all_at_once__as_one_by_one() -> None:
    context = {"userId": "5", "properties": {"region": "eu"}}
    flags = flag(*ROLLED)
    assert flags.decide_all(context) == {
        name: flags.decide(name, context) for name in flags.names()
    }


# --- In words -----------------------------------------------------------------------------------


def test_explain__each_rule__says_why_it_does_or_does_not() -> None:
    flags = flag(*ROLLED, rollout(100, "Paying", segments=[7]), rollout(100, "Rest"))
    told = flags.explain("planner", {"userId": "5", "properties": {"region": "eu"}})
    assert [(rule.title, rule.outcome) for rule in told.rules] == [
        ("Always on", "doesn't match"),
        ("Europe", "outside its percentage"),
        ("Paying", "decides"),
        ("Rest", "matches, but a rule before it decided"),
    ]
    assert [rule.why for rule in told.rules] == [
        "Fails at: userId is on the list of 2 (it is “5”).",
        "“5” is number 26 of 100 by userId, else sessionId: outside the 10 %.",
        "in segment paying.",
        "It is for everybody.",
    ]
    assert told.rules[2].decides
    assert told.rules[2].parts[0].inside[0].text == "region is “eu” or “uk” (it is “eu”)"


def test_explain__what_the_context_does_not_say__is_said() -> None:
    told = flag(*ROLLED).explain("planner", {})
    assert [rule.why for rule in told.rules] == [
        "Fails at: userId is on the list of 2 (the context doesn't say).",
        "Fails at: region is “eu” or “uk” (the context doesn't say).",
    ]
    by_tenant = rollout(50)
    by_tenant["parameters"]["stickiness"] = "tenant"
    rules = flag(by_tenant, rollout(50)).explain("planner", {}).rules
    assert rules[0].why == "50 % by tenant, which the context doesn't have."
    assert rules[1].parts[0].holds is None
    assert rules[1].parts[0].text == "50 % by chance, drawn anew at each question"


@pytest.mark.parametrize(
    ("constraint", "text"),
    [
        ({"operator": "NOT_IN", "values": ["a"]}, "x is not “a” (it is “2”)"),
        ({"operator": "NOT_IN", "values": ["a"], "inverted": True}, "x is “a” (it is “2”)"),
        ({"operator": "NUM_GTE", "value": "18"}, "x is 18 or more (it is “2”)"),
        (
            {"operator": "NUM_LT", "value": "1", "inverted": True},
            "x is not less than 1 (it is “2”)",
        ),
        (
            {"operator": "STR_STARTS_WITH", "values": list("abcdefg"), "caseInsensitive": True},
            "x starts with “a”, “b”, “c”, “d”, “e” or 2 more in any case (it is “2”)",
        ),
        (
            {"operator": "SEMVER_GT", "value": "one"},
            "a condition that never holds (its value is no version, such as 1.2.3)",
        ),
        ({"operator": "LIKE"}, "a condition that never holds (nobody knows its operator)"),
    ],
)
def test_explain__condition__in_words(constraint: dict[str, Any], text: str) -> None:
    flags = flag({"name": "default", "constraints": [{"contextName": "x", **constraint}]})
    assert flags.explain("planner", {"x": "2"}).rules[0].parts[0].text == text


def test_explain__switched_off_and_unknown__are_named() -> None:
    flags = flag(
        {"name": "default", "disabled": True}, {"name": "moon"}, rollout(100, segments=[9])
    )
    rules = flags.explain("planner", {"userId": "5"}).rules
    assert [rule.why for rule in rules] == [
        "The rule is switched off.",
        "Fails at: a strategy nobody here knows (moon).",
        "Fails at: in segment 9, which is gone.",
    ]


def test_explain__prerequisites__each_with_its_answer() -> None:
    flags = flag(**needs(variants=["red"]))
    assert [(one.text, one.holds) for one in flags.explain("planner", {}).needs] == [
        ("parent on as red", True)
    ]


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(documents, st.lists(contexts(), min_size=1, max_size=3))
def test_explain__any_flag__agrees_with_the_decision(
    document: dict[str, Any], seen: list[dict[str, Any]]
) -> None:
    flags = compile(document)
    for name in flags.names():
        for context in seen:
            with chance() as drawn:
                told = flags.explain(name, context)
            decision = told.decision
            assert decision.reason in REASONS
            deciding = [rule for rule in told.rules if rule.decides]
            assert len(deciding) <= 1
            if drawn.asked:
                continue
            by_rule = decision.enabled and decision.reason != "no_rules"
            assert bool(deciding) is by_rule
            if decision.reason == "prerequisite":
                assert not all(part.holds for part in told.needs)
            if by_rule:
                assert deciding[0].title == decision.rule
                assert all(part.holds for part in deciding[0].parts)
                assert all(part.holds for part in told.needs)

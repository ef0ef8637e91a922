"""Settings nobody may save: each refusal names the place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.lib.errors import Conflict, GateNotMet, Invalid
from controlplane.notify.models import Notification
from deployments.flags import services
from deployments.flags.documents import document_of
from deployments.flags.engine import compile
from deployments.flags.forms.settings import clean
from tests.kit import settled
from tests.kit.flags import World, on, rule


@settled.once
def world() -> World:
    return World()


def condition(operator: str, **more: Any) -> dict[str, Any]:
    return on(rule(constraints=[{"contextName": "x", "operator": operator, **more}]))


def variants(*rows: dict[str, Any]) -> dict[str, Any]:
    return on(variants=list(rows))


HERE = "rules.0.constraints.0"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "settings"),
        ("x", "settings"),
        (None, "settings"),
        ({"surprise": 1}, "surprise"),
        ({"on": 1}, "on"),
        ({"on": "true"}, "on"),
        ({"rules": {}}, "rules"),
        ({"rules": [rule()] * 51}, "rules"),
        ({"rules": ["x"]}, "rules.0"),
        (on(rule(101)), "rules.0.percent"),
        (on(rule(-1)), "rules.0.percent"),
        (on({"percent": True}), "rules.0.percent"),
        (on({"percent": 10.5}), "rules.0.percent"),
        (on(rule(stickiness="")), "rules.0.stickiness"),
        (on(rule(title="a\x00")), "rules.0.title"),
        (on(rule(title="\ud800")), "rules.0.title"),
        (on(rule(segments="eu")), "rules.0.segments"),
        (on(allow=["a,b"]), "allow.0"),
        (on(deny=[" a"]), "deny.0"),
        (on(allow=[1]), "allow.0"),
        (on(allow=[str(n) for n in range(1_001)]), "allow"),
        (condition("LIKE", value="x"), f"{HERE}.operator"),
        (condition("IN", values=[]), f"{HERE}.values"),
        (condition("IN", value="x", values=["x"]), f"{HERE}.value"),
        (condition("NUM_GT", value="1 2"), f"{HERE}.value"),
        (condition("NUM_GT", value="nan"), f"{HERE}.value"),
        (condition("NUM_GT", value="one"), f"{HERE}.value"),
        (condition("NUM_GT", value="1", values=["2"]), f"{HERE}.values"),
        (condition("DATE_AFTER", value="2026-12-01"), f"{HERE}.value"),
        (condition("DATE_AFTER", value="2026-02-30T10:00:00Z"), f"{HERE}.value"),
        (condition("SEMVER_GT", value="1.2"), f"{HERE}.value"),
        (condition("SEMVER_EQ", value="01.2.3"), f"{HERE}.value"),
        (condition("SEMVER_EQ", value="1.2." + "9" * 500), f"{HERE}.value"),
        (condition("REGEX", value="(?=a)b"), f"{HERE}.value"),
        (condition("REGEX", value="(a"), f"{HERE}.value"),
        (condition("REGEX", value="a" * 1_001), f"{HERE}.value"),
        (condition("IN_CIDR", values=["10.0.0.0/33"]), f"{HERE}.values.0"),
        (condition("IN_CIDR", values=["10.0.0.0/255.0.0.0"]), f"{HERE}.values.0"),
        (on(rule(constraints=[{"operator": "IN", "values": ["x"]}])), f"{HERE}.contextName"),
        (variants({"name": "a", "weight": 0}), "variants.0.weight"),
        (variants({"name": "a", "weight": -1}), "variants.0.weight"),
        (variants({"name": "a", "weight": 1.5}), "variants.0.weight"),
        (variants({"name": "a"}), "variants.0.weight"),
        (variants({"name": "", "weight": 1}), "variants.0.name"),
        (
            variants({"name": "a", "weight": 1}, {"name": "a", "weight": 1}),
            "variants.1.name",
        ),
        (
            variants({"name": "a", "weight": 1, "payload": {"type": "json", "value": "{"}}),
            "variants.0.payload.value",
        ),
        (
            variants({"name": "a", "weight": 1, "payload": {"type": "number", "value": "x"}}),
            "variants.0.payload.value",
        ),
        (
            variants({"name": "a", "weight": 1, "payload": {"type": "xml", "value": "x"}}),
            "variants.0.payload.type",
        ),
        (on(requires=[{"flag": ""}]), "requires.0.flag"),
        (on(requires=[{"flag": "a"}, {"flag": "a"}]), "requires.1.flag"),
        (on(requires=[{"flag": "a", "enabled": False, "variants": ["x"]}]), "requires.0.variants"),
    ],
)
def test_refused__with_the_place_named(document: Any, place: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean(document)
    assert place in refused.value.details


def test_refused__all_faults_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        clean(on(rule(101), rule(102), deny=["a,b"]))
    assert set(refused.value.details) == {"rules.0.percent", "rules.1.percent", "deny.0"}


def test_variants__of_a_typed_flag__need_payloads_of_its_type() -> None:
    row = {"name": "a", "weight": 1}
    for kind, payload in (
        ("string", {"type": "string", "value": "x"}),
        ("integer", {"type": "number", "value": "3"}),
        ("float", {"type": "number", "value": "3.5"}),
        ("object", {"type": "json", "value": '{"a": 1}'}),
    ):
        assert clean(variants({**row, "payload": payload}), value_type=kind)
        with pytest.raises(Invalid):
            clean(variants(row), value_type=kind)
    for kind, payload in (
        ("integer", {"type": "number", "value": "3.5"}),
        ("object", {"type": "json", "value": "[1]"}),
        ("string", {"type": "number", "value": "1"}),
    ):
        with pytest.raises(Invalid):
            clean(variants({**row, "payload": payload}), value_type=kind)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["on", "rules", "variants", "requires", "allow", "percent", "x", "flag"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_anything__is_a_document_or_refused__and_what_passes_is_stable(document: Any) -> None:
    try:
        once = clean(document)
    except Invalid:
        return
    assert clean(once) == once


# --- What settings name -------------------------------------------------------------------------


@pytest.mark.django_db
def test_names__unknown_segment_or_flag__is_refused(world: World) -> None:
    assert world.flag.pk
    with pytest.raises(Invalid) as refused:
        world.put(on(rule(segments=["eu"])))
    assert "rules.0.segments.0" in refused.value.details
    with pytest.raises(Invalid) as refused:
        world.put(on(requires=[{"flag": "ghost"}]))
    assert "requires.0.flag" in refused.value.details
    stranger = World()
    stranger.make("elsewhere")
    with pytest.raises(Invalid):
        world.put(on(requires=[{"flag": "elsewhere"}]))


@pytest.mark.django_db
def test_prerequisites__circles_and_chains__are_refused(world: World) -> None:
    first, second, third = world.make("a"), world.make("b"), world.make("c")
    with pytest.raises(Invalid, match="itself"):
        world.put(on(requires=[{"flag": "a"}]), flag=first)
    world.put(on(requires=[{"flag": "b"}]), flag=first)
    with pytest.raises(Invalid, match="circle"):
        world.put(on(requires=[{"flag": "a"}]), flag=second)
    with pytest.raises(Invalid, match="requires this flag"):
        world.put(on(requires=[{"flag": "c"}]), flag=second)
    with pytest.raises(Invalid, match="one level"):
        world.put(on(requires=[{"flag": "a"}]), flag=third)
    # Each environment is on its own.
    assert world.put(on(requires=[{"flag": "a"}]), "production", flag=second).version == 2


# --- Segments -----------------------------------------------------------------------------------

EU = [{"contextName": "region", "operator": "IN", "values": ["eu"]}]
US = [{"contextName": "region", "operator": "IN", "values": ["us"]}]


@pytest.mark.django_db
def test_segment__is_used__changed_for_all__and_not_removed(world: World) -> None:
    segment = services.create_segment(world.workspace, "eu", actor=world.actor, constraints=EU)
    world.put(on(rule(segments=["eu"])))
    before = world.revisions()
    [use] = services.uses_of(segment)
    assert (use.flag, use.environment) == ("new-planner", "staging")
    with pytest.raises(Conflict) as refused:
        services.remove_segment(segment, actor=world.actor)
    assert refused.value.details["used_by"] == [{"flag": "new-planner", "environment": "staging"}]
    changed = services.change_segment(segment, actor=world.actor, version=1, constraints=US)
    assert world.revisions() == {name: value + 1 for name, value in before.items()}
    news = Notification.objects.get(kind="flag.changed")
    assert news.subject == f"Segment eu changed by {world.person}"
    with pytest.raises(Conflict) as late:
        services.change_segment(segment, actor=world.actor, version=1, constraints=EU)
    assert late.value.details["version"] == 2
    world.put(on(rule()))
    services.remove_segment(changed, actor=world.actor)


@pytest.mark.django_db
def test_segment__used_where_consent_is_needed__is_not_changed_behind_it(world: World) -> None:
    segment = services.create_segment(world.workspace, "eu", actor=world.actor, constraints=EU)
    world.put(on(rule(segments=["eu"])), "production")
    world.guard()
    with pytest.raises(GateNotMet, match="another segment"):
        services.change_segment(segment, actor=world.actor, version=1, constraints=US)
    renamed = services.change_segment(segment, actor=world.actor, version=1, name="Europe")
    assert renamed.name == "Europe"


@pytest.mark.django_db
@pytest.mark.parametrize("given", [[], {}, "x", [{}], [{"operator": "IN"}]])
def test_segment__of_nothing__is_refused(world: World, given: Any) -> None:
    with pytest.raises(Invalid):
        services.create_segment(world.workspace, "x", actor=world.actor, constraints=given)


# --- What the engine makes of it ----------------------------------------------------------------


def says(world: World, where: str = "staging", **context: Any) -> bool:
    state = world.state(where)
    ruleset = compile(document_of(state.environment_id, world.workspace.pk))
    return ruleset.is_enabled("new-planner", context)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("document", "answers"),
    [
        ({"on": False, "allow": ["a"], "rules": [rule()]}, {"a": False, "b": False}),
        (on(), {"a": True, "b": True}),
        (on(deny=["b"]), {"a": True, "b": False}),
        (on(allow=["a"]), {"a": True, "b": False}),
        (on(allow=["a", "b"], deny=["b"]), {"a": True, "b": False}),
        (on(allow=["b"], deny=["b"]), {"a": False, "b": False}),
        (on(rule(), deny=["b"]), {"a": True, "b": False}),
        (on(rule(0)), {"a": False, "b": False}),
        (on(rule(0), allow=["a"]), {"a": True, "b": False}),
        # All rules switched off is nobody, not everybody.
        (on(rule(disabled=True)), {"a": False, "b": False}),
        (on(rule(disabled=True), rule()), {"a": True, "b": True}),
    ],
)
def test_document__says_what_settings_mean(
    world: World, document: dict[str, Any], answers: dict[str, bool]
) -> None:
    world.put(document)
    assert {who: says(world, userId=who) for who in answers} == answers
    assert not says(world, "production", userId="a")
    services.kill(world.flag, actor=world.actor)
    assert not any(says(world, userId=who) for who in answers)


@pytest.mark.django_db
def test_document__segments_narrow__and_growing_keeps_who_was_in(world: World) -> None:
    services.create_segment(world.workspace, "eu", actor=world.actor, constraints=EU)
    world.put(on(rule(segments=["eu"])))
    assert says(world, userId="a", region="eu")
    assert not says(world, userId="a", region="us")
    inside: set[str] = set()
    for percent in (10, 50, 100):
        world.put(on(rule(percent)))
        state = world.state()
        ruleset = compile(document_of(state.environment_id, world.workspace.pk))
        people = (f"u{n}" for n in range(300))
        now = {who for who in people if ruleset.is_enabled("new-planner", {"userId": who})}
        assert inside <= now
        assert abs(len(now) / 3 - percent) < 8
        inside = now

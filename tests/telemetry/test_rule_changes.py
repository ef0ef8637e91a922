"""Rules made and changed by people: who may, what is refused, what becomes of what stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from telemetry.models import AlertRule, RuleChange, RuleState
from telemetry.rules import services as rules
from telemetry.rules import shipped
from tests import make
from tests.kit.rules import RESOLVED, World, signals

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    rules.adopt()
    return World(monkeypatch)


def shared(slug: str = "integration-degraded") -> AlertRule:
    AlertRule.objects.filter(slug=slug).update(is_active=True)
    found: AlertRule = AlertRule.objects.shipped().get(slug=slug)
    return found


# --- Shipped ------------------------------------------------------------------------------------


def test_adopt__makes_each_shipped_rule_once(db: None) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert rules.adopt() == len(shipped.RULES)
    assert len(asked) == 2  # what is there, and all that is missing
    assert rules.adopt() == 0
    assert AlertRule.objects.shipped().count() == len(shipped.RULES)


def test_adopt__every_shipped_rule_is_sound(db: None) -> None:
    from telemetry.rules.soundness import check

    rules.adopt()
    for rule in AlertRule.objects.all():
        check(rule)


def test_next_release__untouched_rules_follow__changed_ones_stay(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules.adopt()
    touched = AlertRule.objects.get(slug="quota")
    rules.change_rule(touched, actor=make.JOB, threshold=70.0)
    for slug in ("quota", "data-loss"):
        monkeypatch.setitem(shipped.RULES, slug, {**shipped.RULES[slug], "threshold": 42.0})
    assert rules.adopt() == 1
    assert AlertRule.objects.get(slug="quota").threshold == 70.0
    assert AlertRule.objects.get(slug="data-loss").threshold == 42.0


# --- A workspace's own --------------------------------------------------------------------------


def test_copy__takes_the_shipped_rules_place__and_goes_on_where_it_stood(world: World) -> None:
    rule = shared()
    AlertRule.objects.filter(pk=rule.pk).update(for_s=0, min_sample=0)
    world.calls(bad=10)
    world.look()
    [told] = signals()
    own = rules.copy_rule(rule, world.workspace, actor=make.JOB)
    world.passes(15)
    world.look()
    assert len(signals()) == 1  # neither fired again
    assert not signals(RESOLVED)  # nor resolved
    state = RuleState.objects.get(status="firing")
    assert state.rule == own
    assert state.fingerprint == told.payload["fingerprint"]
    kept = rules.reset_rule(own, actor=make.JOB)
    assert kept.pk == rule.pk
    assert RuleState.objects.get(status="firing").rule_id == rule.pk


def test_copy__of_other_workspaces_nothing_changes(world: World) -> None:
    other = make.workspace()
    rules.copy_rule(shared(), world.workspace, actor=make.JOB)
    held = AlertRule.objects.in_force(other.pk).get(slug="integration-degraded")
    assert held.workspace_id is None
    own = AlertRule.objects.in_force(world.workspace.pk).get(slug="integration-degraded")
    assert own.workspace_id == world.workspace.pk


def test_switched_off_here__holds_nowhere_here(world: World) -> None:
    own = rules.copy_rule(shared(), world.workspace, actor=make.JOB)
    rules.switch_rule(own, actor=make.JOB, active=False)
    world.calls(bad=100)
    world.look()
    assert not RuleState.objects.filter(workspace=world.workspace).exists()


def test_switch_off__what_fires_is_resolved_with_the_reason(world: World) -> None:
    rule = world.rule(for_s=0)
    world.calls(bad=10)
    world.look()
    rules.switch_rule(rule, actor=make.JOB, active=False, reason="Too loud.")
    [over] = signals(RESOLVED)
    assert over.payload["reason"] == "The rule was switched off."
    assert RuleState.objects.get(rule=rule).status == "ok"
    world.passes(15)
    world.look()
    assert len(signals()) == 1


def test_another_question__ends_what_stood_for_the_old_one(world: World) -> None:
    rule = world.rule(for_s=0)
    world.calls(bad=10)
    world.look()
    rules.change_rule(rule, actor=make.JOB, filters={"toolkit": ["slack"]})
    assert len(signals(RESOLVED)) == 1


def test_remove__its_history_stays(world: World) -> None:
    rule = world.rule(for_s=0)
    world.calls(bad=10)
    world.look()
    rules.remove_rule(rule, actor=make.JOB)
    assert not AlertRule.objects.filter(slug="failing").exists()
    kept = RuleChange.objects.filter(slug="failing").order_by("id")
    assert [each.kind for each in kept] == ["fired", "resolved"]


def test_shipped__is_not_removed_but_reset(world: World) -> None:
    rule = shared("quota")
    with pytest.raises(Invalid):
        rules.remove_rule(rule, actor=make.JOB)
    changed = rules.change_rule(rule, actor=make.JOB, threshold=50.0)
    assert rules.reset_rule(changed, actor=make.JOB).threshold == 80.0


def test_change__of_a_version_that_is_over__is_a_conflict(world: World) -> None:
    rule = world.rule()
    rules.change_rule(rule, actor=make.JOB, version=1, threshold=6.0)
    with pytest.raises(Conflict):
        rules.change_rule(rule, actor=make.JOB, version=1, threshold=7.0)


def test_change__is_audited_before_and_after(world: World) -> None:
    rule = world.rule()
    rules.change_rule(rule, actor=make.JOB, threshold=6.0)
    event = AuditEvent.objects.filter(action="telemetry.manage_rules").order_by("id").last()
    assert event is not None
    assert (event.before, event.after) == ({"threshold": 5.0}, {"threshold": 6.0})


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"measure": "no.such"}, "measure"),
        ({"measure": "db.latency"}, "measure"),  # the portal's own
        ({"group_by": "person"}, "group_by"),
        ({"measure": "stage.completion", "group_by": "agent"}, "group_by"),
        ({"filters": {"mission": ["M1"]}}, "filters"),
        ({"filters": {"agent": "executor"}}, "filters"),
        ({"filters": {"agent": [""]}}, "filters"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": None}, ""),
        ({"multiple": 2.0}, "multiple"),
        ({"against": "median", "threshold": None}, ""),
        ({"against": "median", "multiple": -1.0}, ""),
        ({"measure": "people.active", "against": "median", "multiple": 2.0}, "against"),
        ({"window_s": 90}, "window_s"),
        ({"window_s": 0}, "window_s"),
        ({"for_s": 10**9}, "for_s"),
        ({"severity": "loud"}, "severity"),
        ({"comparison": "eq"}, "comparison"),
        ({"no_data": "panic"}, "no_data"),
        ({"notify_roles": ["nobody"]}, "notify_roles"),
        ({"notify_roles": "sre_liaison"}, "notify_roles"),
        ({"escalate_to": "executor"}, "escalate_to"),
        ({"escalate_to": "cto"}, "escalate_after_s"),
        ({"hooks": {"explode": True}}, "hooks"),
        ({"hooks": {"open_item": 9}}, "hooks"),
        ({"hooks": {"incident": "sev9"}}, "hooks"),
        ({"labels": {"a b": "c"}}, "labels"),
        ({"labels": {"a": 1}}, "labels"),
        ({"slug": "Not A Slug"}, "slug"),
        ({"title": ""}, "title"),
    ],
)
def test_nonsense__is_refused_with_a_sentence_for_the_field(
    world: World, fields: dict[str, Any], wrong: str
) -> None:
    before = AlertRule.objects.count()
    with pytest.raises(Invalid) as refused:
        world.rule(**fields)
    assert not wrong or wrong in refused.value.details
    assert AlertRule.objects.count() == before


def test_same_slug_twice__is_a_conflict(world: World) -> None:
    world.rule()
    with pytest.raises(Conflict):
        world.rule()


# --- Trying -------------------------------------------------------------------------------------


def test_test_alert__goes_the_whole_way__marked(world: World) -> None:
    rule = world.rule()
    rules.try_rule(rule, world.workspace, actor=make.JOB)
    [sent], [over] = signals(), signals(RESOLVED)
    assert sent.payload["test"] is True
    assert sent.payload["hooks"] == rule.hooks
    assert sent.workspace_id == world.workspace.pk
    assert over.key == sent.key
    assert RuleChange.objects.get(rule=rule).kind == "tested"
    assert not RuleState.objects.filter(rule=rule).exists()
    assert AuditEvent.objects.filter(action="telemetry.test_rule").count() == 1


# --- Strangers ----------------------------------------------------------------------------------


def test_viewer__changes_nothing(world: World) -> None:
    rule = world.rule()
    viewer = make.actor(make.person(world.workspace, "viewer"))
    for attempt in (
        lambda: rules.change_rule(rule, actor=viewer, threshold=1.0),
        lambda: rules.switch_rule(rule, actor=viewer, active=False),
        lambda: rules.remove_rule(rule, actor=viewer),
        lambda: rules.copy_rule(shared(), world.workspace, actor=viewer),
        lambda: rules.try_rule(rule, world.workspace, actor=viewer),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_analyst__changes_the_workspaces_rules__never_the_shipped_ones(world: World) -> None:
    analyst = make.actor(make.person(world.workspace, "telemetry_analyst"))
    own = rules.copy_rule(shared(), world.workspace, actor=analyst)
    assert rules.change_rule(own, actor=analyst, threshold=20.0).threshold == 20.0
    attempts: tuple[Callable[[], Any], ...] = (
        lambda: rules.change_rule(shared(), actor=analyst, threshold=1.0),
        lambda: rules.switch_rule(shared(), actor=analyst, active=False),
        lambda: rules.create_rule(None, actor=analyst, slug="x", title="X",
                                  measure="tool.calls", threshold=1.0),
    )  # fmt: skip
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()


def test_other_workspace__sees_and_reaches_nothing(world: World) -> None:
    rule = world.rule(for_s=0)
    world.calls(bad=10)
    world.look()
    stranger = make.actor(make.person(make.workspace(), "workspace_admin"))
    assert not AlertRule.objects.visible_to(stranger).filter(pk=rule.pk).exists()
    assert not RuleState.objects.visible_to(stranger).filter(workspace=world.workspace).exists()
    assert not RuleChange.objects.visible_to(stranger).filter(workspace=world.workspace).exists()
    with pytest.raises(NotAllowed):
        rules.change_rule(rule, actor=stranger, threshold=1.0)
    with pytest.raises(NotAllowed):
        rules.try_rule(shared(), world.workspace, actor=stranger)


def test_the_installation__is_seen_by_those_who_look_after_it(world: World) -> None:
    owner = make.actor(make.person(world.workspace, "mission_owner"))
    lead = make.actor(make.person(world.workspace, "sre_liaison"))
    assert not AlertRule.objects.visible_to(owner).filter(scope="installation").exists()
    assert AlertRule.objects.visible_to(lead).filter(scope="installation").exists()

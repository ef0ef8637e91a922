"""Rules over what is reported: pending, firing, resolved, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from controlplane.access.models import Workspace
from controlplane.audit import services as audit
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import NotAllowed
from telemetry import measures, rollups
from telemetry.measures import Measure, Reading
from telemetry.models import AlertRule, RuleChange, RuleReadings, RuleState
from telemetry.models import Event as Reported
from telemetry.rules import refusals
from telemetry.rules import services as rules
from telemetry.rules.services import evaluating
from tests import make
from tests.kit.racing import race
from tests.kit.rules import FIRED, RESOLVED, World, signals

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    rules.adopt()
    return World(monkeypatch)


def test_five_percent_for_five_minutes__pending__firing__resolved(world: World) -> None:
    rule = world.rule(resolve_for_s=60)
    assert world.watch(300, good=90, bad=10) == ["pending"] * 20
    assert not signals()
    assert world.watch(15, good=90, bad=10) == ["firing"]
    world.passes(45)
    [signal] = signals()
    told = signal.payload
    assert signal.workspace_id == world.workspace.pk
    assert (told["rule"], told["severity"], told["test"]) == ("failing", "warning", False)
    assert (told["value"], told["threshold"], told["sample"]) == (10.0, 5.0, 500)
    assert "10 %" in told["sentence"]
    assert "above 5 % for 5 min" in told["sentence"]
    # Well again: the window forgets the failures, then a minute of calm.
    states = world.watch(480, good=100)
    assert states[0] == "firing"
    assert states[-1] == "ok"
    [over] = signals(RESOLVED)
    assert over.key == signal.key
    assert over.payload["resolved_at"] > told["fired_at"]
    kinds = list(RuleChange.objects.filter(rule=rule).order_by("at").values_list("kind", flat=True))
    assert kinds == ["fired", "resolved"]
    reported = Reported.objects.filter(event_type__startswith="alert_").order_by("occurred_at")
    assert list(reported.values_list("event_type", "operation")) == [
        ("alert_fired", "failing"),
        ("alert_resolved", "failing"),
    ]


def test_second_episode__is_told_anew_under_the_same_fingerprint(world: World) -> None:
    world.rule(for_s=0)
    for _ in range(2):
        world.watch(60, bad=100)
        world.watch(420, good=100)
    first, second = signals()
    assert first.payload["fingerprint"] == second.payload["fingerprint"]
    assert (first.payload["episode"], second.payload["episode"]) == (1, 2)
    assert len(signals(RESOLVED)) == 2


def test_restart__the_pending_clock_goes_on__a_pause_begins_anew(world: World) -> None:
    world.rule()
    world.watch(240, bad=10)
    world.passes(60)  # nobody looked for a minute: a restart
    world.calls(bad=10)
    world.look()
    assert world.status() == "firing"


def test_portal_away_for_ten_minutes__fires_only_after_it_watched_long_enough(
    world: World,
) -> None:
    world.rule()
    world.watch(120, bad=10)
    world.passes(600)
    assert world.watch(300, bad=10) == ["pending"] * 20
    assert world.watch(15, bad=10) == ["firing"]


def test_late_data__correct_earlier_readings(world: World) -> None:
    """Failures that are reported before the successes beside them do not fire."""
    world.rule()
    world.watch(120, bad=10)
    assert world.status() == "pending"
    world.calls(good=1000, at=world.now - timedelta(seconds=100))
    world.look()
    assert world.status() == "ok"


def test_no_data__is_no_data__neither_well_nor_ill(world: World) -> None:
    world.rule(for_s=0)
    world.look()
    assert world.status() == "no_data"
    assert not signals()


@pytest.mark.parametrize(
    ("no_data", "after"), [("keep", "firing"), ("ok", "ok"), ("fire", "firing")]
)
def test_data_ends_while_it_fires__as_the_rule_says(world: World, no_data: str, after: str) -> None:
    world.rule(for_s=0, no_data=no_data)
    world.watch(60, bad=10)
    assert world.status() == "firing"
    world.passes(900)
    world.look()
    assert world.status() == after


def test_silence__fires_where_silence_is_a_breach__but_only_of_what_spoke(world: World) -> None:
    world.rule(for_s=0, no_data="fire")
    world.look()
    assert world.status() == "no_data"
    world.watch(60, good=10)
    assert world.status() == "ok"
    world.passes(900)
    world.look()
    assert world.status() == "firing"
    assert "has no data" in signals()[0].payload["sentence"]


def test_too_small_a_sample__judges_nothing(world: World) -> None:
    world.rule(for_s=0, min_sample=20)
    world.watch(60, bad=19)
    assert world.status() == "no_data"
    assert "19 of the 20" in world.state().note
    world.calls(bad=1)
    world.look()
    assert world.status() == "firing"


def test_strictly_above__the_limit_itself_is_well(world: World) -> None:
    world.rule(for_s=0, threshold=10.0)
    world.watch(15, good=90, bad=10)
    assert world.status() == "ok"


def test_grouped__a_state_for_each_series(world: World) -> None:
    world.rule(for_s=0, group_by="toolkit")
    world.calls(good=10, toolkit="slack")
    world.calls(bad=10, toolkit="gmail")
    world.calls(bad=10, toolkit="hubspot")
    world.look()
    assert world.status() == "ok"
    assert {s: world.status(s) for s in ("slack", "gmail", "hubspot")} == {
        "slack": "-",  # was never out of order
        "gmail": "firing",
        "hubspot": "firing",
    }
    told = {signal.payload["series"] for signal in signals()}
    assert told == {"gmail", "hubspot"}
    assert len({signal.payload["fingerprint"] for signal in signals()}) == 2


def test_filters__narrow_the_question(world: World) -> None:
    world.rule(for_s=0, filters={"toolkit": ["slack"]})
    world.calls(bad=10, toolkit="gmail")
    world.calls(good=10, toolkit="slack")
    world.look()
    assert world.status() == "ok"


# --- One failing rule, many at once, little cost ------------------------------------------------


def test_one_rule_that_trips__is_in_error__the_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rule(for_s=0)
    broken = world.rule(slug="broken", title="Broken", measure="feedback.rating", for_s=0)

    def trip(*_: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    odd = Measure("feedback.rating", "Odd", "", "computed", compute=trip)
    monkeypatch.setitem(measures.MEASURES, "feedback.rating", odd)
    world.calls(bad=10)
    done = world.look()
    assert (done.fired, done.failed) == (1, 1)
    state = RuleState.objects.get(rule=broken)
    assert state.status == "error"
    assert "division by zero" in state.note
    assert RuleChange.objects.filter(rule=broken, kind="failed").count() == 1
    fine = Measure("feedback.rating", "Odd", "", "computed", compute=_zero)
    monkeypatch.setitem(measures.MEASURES, "feedback.rating", fine)
    world.passes(15)
    world.look()
    assert RuleState.objects.get(rule=broken).status == "ok"
    assert RuleChange.objects.filter(rule=broken, kind="mended").count() == 1


def _zero(*_: Any) -> list[dict[str, Reading]]:
    return [{"": Reading(0.0, 1)}]


def test_a_measure_that_is_gone__is_an_error_that_names_it(world: World) -> None:
    rule = world.rule(for_s=0)
    AlertRule.objects.filter(pk=rule.pk).update(measure="no.such")
    world.look()
    assert world.status() == "error"
    assert "no.such" in world.state().note


def test_pending_flaps__leave_no_audit_and_no_history(world: World) -> None:
    world.rule()
    world.watch(15, good=1)
    before = AuditEvent.objects.count()
    for _ in range(3):
        world.calls(bad=10)
        world.look()
        assert world.status() == "pending"
        world.passes(600)
        world.calls(good=10)
        world.look()
        assert world.status() == "ok"
        world.passes(600)
    assert AuditEvent.objects.count() == before
    assert not RuleChange.objects.exists()


def test_firing_and_resolved__are_audited(world: World) -> None:
    world.rule(for_s=0)
    world.watch(60, bad=10)
    world.watch(420, good=10)
    actions = AuditEvent.objects.filter(action__startswith="rulestate.").order_by("id")
    assert [each.action for each in actions] == ["rulestate.firing", "rulestate.ok"]


def test_a_week_long_window__is_looked_at_rarely(world: World) -> None:
    world.rule(window_s=7 * 86_400)
    assert world.look().rules == 1
    world.passes(15)
    assert world.look().rules == 0
    world.passes(300)
    assert world.look().rules == 1


def test_a_changed_rule__is_looked_at_at_once(world: World) -> None:
    rule = world.rule(window_s=7 * 86_400)
    world.look()
    world.passes(15)
    rules.change_rule(rule, actor=make.JOB, threshold=50.0)
    assert world.look().rules == 1


def test_all_shipped_rules_over_idle_workspaces__cost_few_statements(
    world: World, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    AlertRule.objects.all().update(is_active=True)
    make.workspace()
    world.look()
    world.passes(15)
    world.look()
    world.passes(15)
    with django_assert_max_num_queries(90):
        done = world.look()
    assert done.places == 3
    assert done.failed == 0


def test_readings__are_kept_for_whoever_looks(world: World) -> None:
    rule = world.rule(group_by="toolkit")
    world.calls(good=90, bad=10)
    world.look()
    kept = RuleReadings.objects.get(workspace=world.workspace)
    assert kept.at == world.now
    assert kept.seen[str(rule.pk)]["series"] == {"hubspot": [10.0, 100, 5.0]}


@pytest.mark.django_db(transaction=True)
def test_concurrent_evaluators__fire_once(world: World) -> None:
    world.rule(for_s=0)
    world.calls(bad=10)
    results = race(6, lambda n: evaluating.evaluate(world.now))
    assert not [each for each in results if isinstance(each, Exception)]
    assert len(signals(FIRED)) == 1
    assert RuleState.objects.filter(status="firing").count() == 1
    assert RuleChange.objects.filter(kind="fired").count() == 1


def test_news_and_state__stand_or_fall_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rule(for_s=0)
    world.calls(bad=10)

    def broken(*args: Any, **more: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("telemetry.rules.services.moving.remember", broken)
    world.look()
    assert not signals()
    assert world.status() != "firing"


def test_archived_workspace__is_left_alone(world: World) -> None:
    world.rule(for_s=0)
    world.calls(bad=10)
    world.workspace.archived_at = world.now
    world.workspace.save()
    world.look()
    assert not signals()


def test_workspace_archived_while_it_fires__resolved__and_fires_anew_when_it_is_back(
    world: World,
) -> None:
    """Another workspace's alert stands as it did."""
    world.rule(for_s=0)
    world.watch(60, bad=10)
    assert world.status() == "firing"
    Workspace.objects.filter(pk=world.workspace.pk).update(archived_at=world.now)
    world.passes(15)
    assert world.look().resolved == 1
    (told,) = signals(RESOLVED)
    assert told.payload["reason"] == "The workspace was archived."
    assert not RuleState.objects.filter(workspace=world.workspace).exclude(status="ok").exists()
    assert world.look().resolved == 0
    Workspace.objects.filter(pk=world.workspace.pk).update(archived_at=None)
    world.watch(60, bad=10)
    assert [each.payload["episode"] for each in signals()] == [1, 2]


def test_refusals_of_the_audit_log__are_reported_once__and_fire(world: World) -> None:
    stranger = make.actor(make.person(make.workspace(), "viewer"))
    rule = world.rule()
    for _ in range(30):
        with pytest.raises(NotAllowed) as refused:
            rules.change_rule(rule, actor=stranger, threshold=1.0)
        audit.record_denied(refused.value)
    AlertRule.objects.filter(slug="security-refusals").update(is_active=True)
    world.now = AuditEvent.objects.latest("id").at + timedelta(seconds=70)
    assert refusals.work(0) > 0
    assert refusals.work(0) == 0
    rollups.settle()
    world.look()
    [signal] = signals()
    assert (signal.payload["rule"], signal.payload["value"]) == ("security-refusals", 30)
    assert signal.workspace_id == world.workspace.pk

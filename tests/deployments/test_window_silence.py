"""While something is worked on its alerts fire and nobody is told. Afterwards they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.lib import clock
from deployments.maintenance import quiet, services
from deployments.models import MaintenanceWindow
from deployments.shown import windows as shown
from telemetry.models import AlertRule, RuleChange, RuleReadings, RuleState
from telemetry.rules import presented, silence
from telemetry.rules.judging import Judged
from telemetry.rules.machine import Pace
from telemetry.rules.services.moving import end, move
from tests.kit import settled
from tests.kit.deployments import fire
from tests.kit.maintenance import World, again, at
from tests.kit.rules import FIRED, RESOLVED, signals

pytestmark = pytest.mark.django_db
PACE = Pace()
BAD, GOOD = Judged("breach", 0.0, 3, 1.0), Judged("clear", 1.0, 3, 1.0)


class Scene(World):
    signed: MaintenanceWindow


@settled.once
def world() -> Scene:
    made = Scene()
    made.watcher()
    made.service()
    made.signed = made.approved_window()
    return made


class Going:
    """A window that has begun, and a rule that is looked at again and again."""

    def __init__(self, world: Scene, **given: Any) -> None:
        row = world.signed if not given else world.approved_window(**world.span(weeks=1), **given)
        self.world, self.now = world, row.starts_at
        with at(self.now):
            self.row = world.begun(row)
        self.rule = AlertRule.objects.get_or_create(
            workspace=None, slug="service-down",
            defaults={"title": "Service down", "measure": "service.up", "threshold": 1.0},
        )[0]  # fmt: skip
        self.rule.group_by, self.rule.severity = "code", "critical"

    def look(self, judged: Judged, series: str = "api", rule: AlertRule | None = None) -> Any:
        rule = rule or self.rule
        self.now += timedelta(minutes=1)
        place = self.row.workspace
        state = RuleState.objects.filter(rule=rule, workspace=place, series=series).first()
        with at(self.now):
            move(rule, place, series, state, judged, self.now, PACE)
        return RuleState.objects.get(rule=rule, workspace=place, series=series)

    def finish(self) -> MaintenanceWindow:
        with at(self.now):
            return services.finish(again(self.row), actor=self.world.actor)


def kinds(state: RuleState) -> list[str]:
    rows = RuleChange.objects.filter(rule=state.rule_id, series=state.series)
    return list(rows.order_by("pk").values_list("kind", flat=True))


def test_alert_during_it__fires_and_nobody_is_told(world: Scene) -> None:
    going = Going(world)
    state = going.look(BAD)
    assert (state.status, state.quiet_by) == ("firing", f"{going.row.ref} {going.row.title}")
    assert signals(FIRED) == []
    assert kinds(state) == ["quiet"]
    note = RuleChange.objects.get(kind="quiet").note
    assert going.row.ref in note
    # Its pages say so, and nothing asks anybody to look.
    with at(going.now):
        titles, more = shown.kept_quiet(again(going.row), world.actor)
        assert ([title for title, _ in titles], more) == ([f"{going.rule.title}: api"], 0)
        assert not presented.firing(world.actor, world.workspace.pk).told().exists()
        RuleReadings.objects.create(workspace=world.workspace, at=going.now)
        assert "kept quiet" in presented._calm(world.actor, world.workspace.pk).text
    assert shown.kept_quiet(again(going.row), World().actor) == ([], 0)


def test_still_firing_when_it_ends__is_told_then_once(world: Scene) -> None:
    going = Going(world)
    going.look(BAD)
    going.look(BAD)
    going.finish()
    state = going.look(BAD)
    going.look(BAD)
    assert state.quiet_by == ""
    [told] = signals(FIRED)
    assert told.payload["kept_quiet_by"].startswith(going.row.ref)
    assert datetime.fromisoformat(told.payload["fired_at"]) < going.now - timedelta(minutes=2)
    assert kinds(state) == ["quiet", "fired"]
    assert going.look(GOOD).status == "ok"
    assert len(signals(RESOLVED)) == 1


def test_well_again_before_it_ends__nobody_ever_hears_of_it(world: Scene) -> None:
    going = Going(world)
    going.look(BAD)
    state = going.look(GOOD)
    assert (state.status, state.quiet_by, state.quiet_link) == ("ok", "", "")
    assert signals(FIRED) == signals(RESOLVED) == []
    assert kinds(state) == ["quiet", "resolved"]
    # The next time it fires is told as ever, under its own number.
    going.finish()
    going.look(BAD)
    assert [signal.payload["episode"] for signal in signals(FIRED)] == [2]


def test_rule_that_is_removed__ends_what_was_quiet_quietly(world: Scene) -> None:
    going = Going(world)
    going.look(BAD)
    assert end(going.rule, at=going.now, reason="It was removed.") == 1
    assert signals(FIRED) == signals(RESOLVED) == []


def test_other_services_security_and_the_installation__sound(world: Scene) -> None:
    going = Going(world)
    assert going.look(BAD, "mail").quiet_by == ""
    loud = AlertRule(slug="x", group_by="service", labels={"category": "security"})
    state = RuleState(rule=loud, workspace=world.workspace, series="api")
    assert silence.kept(loud, state, going.now) is None
    loud.labels = {}
    assert silence.kept(loud, state, going.now) is not None
    state.workspace = None
    assert silence.kept(loud, state, going.now) is None
    state.workspace = World().workspace
    assert silence.kept(loud, state, going.now) is None


def test_rule_about_no_service__is_silent_only_where_everything_is(world: Scene) -> None:
    whole = Going(world, services=[])
    errors = AlertRule(slug="high-error-rate")
    state = RuleState(rule=errors, workspace=world.workspace)
    assert silence.kept(errors, state, whole.now) is not None
    errors.filters = {"env": ["staging"]}
    assert silence.kept(errors, state, whole.now) is None
    errors.filters = {"env": ["production"], "service": ["api", "mail"]}
    assert silence.kept(errors, state, whole.now) is not None
    errors.filters = {"env": ["production", "staging"]}
    assert silence.kept(errors, state, whole.now) is None


def test_some_of_the_services__keep_nothing_quiet(world: Scene) -> None:
    going = Going(world)
    both = AlertRule(slug="x", filters={"service": ["api", "mail"]})
    state = RuleState(rule=both, workspace=world.workspace)
    assert silence.kept(both, state, going.now) is None
    assert silence.kept(AlertRule(slug="x"), state, going.now) is None


def test_window_that_nobody_ended__does_not_silence_for_ever(world: Scene) -> None:
    going = Going(world)
    going.look(BAD)
    going.now = going.row.ends_at + timedelta(hours=1)
    assert going.look(BAD).quiet_by
    going.now = going.row.ends_at + timedelta(hours=4)
    assert going.look(BAD).quiet_by == ""
    assert len(signals(FIRED)) == 1


def test_keeper_that_fails__keeps_nothing_quiet(
    world: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(asked: silence.Concern) -> silence.Quiet | None:
        raise RuntimeError("no answer")

    monkeypatch.setattr(silence, "KEEPERS", [broken])
    going = Going(world)
    assert going.look(BAD).quiet_by == ""
    assert len(signals(FIRED)) == 1


def test_in_staging__production_sounds(world: Scene) -> None:
    with at(clock.now()):
        fire()
    going = Going(world, where="staging")
    assert quiet.silencing(silence.Concern(world.workspace.pk, ("api",), (), going.now)) is None
    asked = silence.Concern(world.workspace.pk, ("api",), ("staging",), going.now)
    assert quiet.silencing(asked) is not None

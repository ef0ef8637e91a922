"""One source of the schema, and what is told when the database or the code leaves it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.db.models.functions import Now

from controlplane.base.models import Signal
from controlplane.jobs import shown
from controlplane.jobs.models import JobRun
from controlplane.lib import clock
from deployments import alarms, schema, services
from deployments.gates import computing
from deployments.gates.looking import Look
from deployments.models import Step
from tests.kit.deployments import World, again, steps

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


def found(**kinds: list[str]) -> None:
    now = clock.now()
    JobRun.objects.create(due_at=now, name=schema.JOB, state="done", finished_at=now, counts=kinds)


def test_tables_changed_by_hand__are_found() -> None:
    assert (schema.missing_tables(), schema.missing_columns()) == ([], [])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE deployments_freeze ADD COLUMN sneaked text")
        cursor.execute("ALTER TABLE deployments_freeze DROP COLUMN reason")
        cursor.execute("ALTER TABLE deployments_adapter RENAME TO deployments_elsewhere")
    assert schema.missing_tables() == ["deployments_adapter"]
    assert schema.missing_columns() == [
        "deployments_freeze.reason is missing",
        "deployments_freeze.sneaked is of no model",
    ]


def test_migration_not_applied__is_found() -> None:
    assert schema.unapplied() == []
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE app = 'oncall' AND name = ("
            "SELECT max(name) FROM django_migrations WHERE app = 'oncall') RETURNING name"
        )
        [name] = cursor.fetchone()
    assert f"oncall.{name}" in schema.unapplied()


def test_drift__is_told_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "look", lambda: {"tables": ["work_item"], "columns": []})
    noon = clock.now().replace(hour=12)  # an hour later is the same day still
    with time_machine.travel(noon, tick=False) as now:
        for hours in (0, 1, 24):
            now.shift(timedelta(hours=hours))
            schema.check()
    signals = Signal.objects.filter(kind=schema.SIGNAL)
    assert [signal.payload["found"] for signal in signals] == [{"tables": ["work_item"]}] * 2
    monkeypatch.setattr(schema, "look", lambda: {"tables": [], "columns": []})
    schema.check()
    assert signals.count() == 2


@pytest.mark.slow
def test_this_release__agrees_with_itself() -> None:
    assert {name: items for name, items in schema.look().items() if items} == {}


def test_gate_and_alarm__say_what_the_last_look_found() -> None:
    world = World()
    row = world.prepared(kinds=("portal",))

    def gate() -> str:
        return computing.no_drift(Look(again(row))).state

    assert (gate(), list(alarms.drifted())) == ("waiting", [])  # nobody looked yet
    found(tables=[], columns=[])
    assert (gate(), list(alarms.drifted())) == ("passed", [])
    found(tables=["work_item"], columns=[])
    [alarm] = alarms.drifted()
    assert (gate(), alarm.critical) == ("failed", False)
    assert "tables are missing: work_item" in alarm.message
    assert "one source of the schema" in shown.runbook(alarm.kind)
    assert gate_of_another(world) == "not_applicable"


def gate_of_another(world: World) -> str:
    return computing.no_drift(Look(world.draft(release="2"))).state


def test_step_that_does_not_move__is_an_alarm() -> None:
    world = World()
    adapter = world.adapter()
    row = world.started()
    step = services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)
    assert list(alarms.stuck_steps()) == []
    rows = Step.objects.filter(pk=step.pk)
    long_ago = Now() - timedelta(minutes=5)
    rows.update(asked_at=long_ago)
    [alarm] = alarms.stuck_steps()
    assert "nobody begins it" in alarm.message
    assert "never run a second time" in shown.runbook(alarm.kind)
    services.block(again(row), actor=world.actor, reason="Not now.")
    assert list(alarms.stuck_steps()) == []  # it waits for people
    services.unblock(again(row), actor=world.actor)
    rows.update(started_at=Now(), lease_until=long_ago)
    [alarm] = alarms.stuck_steps()
    assert f"of {row.ref} is stuck: its worker is silent" in alarm.message
    services.stop_step(step, actor=world.actor, reason="Looked.")
    assert list(alarms.stuck_steps()) == []

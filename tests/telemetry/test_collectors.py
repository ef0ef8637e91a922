"""Gauges of the database, the engine and the catalogue: reported as events, one failing alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db import connection

from controlplane.access.models import Workspace
from controlplane.catalog.models import Environment, Probe
from controlplane.jobs import broker, heartbeats
from controlplane.lib import clock
from telemetry.collectors import GAUGES, Figure, jobs, portal, table
from telemetry.collectors.table import MINUTELY, QUICK, SLOW, collect
from telemetry.models import Event, Partition
from tests import make
from tests.kit import catalog
from tests.kit import telemetry as kit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> None:
    kit.forget()


def figures(workspace: Workspace | None = None) -> dict[tuple[str, str], float]:
    """What was reported: (gauge, of) -> value."""
    rows = Event.objects.of(workspace.pk if workspace else None).filter(event_type="gauge_reported")
    return {(row.operation, row.code): float(row.amount or 0) for row in rows}


def test_quick_gauges__reported_for_the_installation() -> None:
    heartbeats.write("beat", "h:1")
    counts = dict(jobs.quick() or {})
    assert counts["failed"] == ""
    found = figures()
    names = {name for name, _ in found}
    assert names >= {
        "db_connections",
        "db_connections_percent",
        "db_latency_ms",
        "queue_depth",
        "outbox_due",
        "beat_age_s",
        "telemetry_backlog",
    }
    assert 0 < found[("db_connections_percent", "")] < 100
    assert found[("db_latency_ms", "")] > 0
    assert {of for name, of in found if name == "queue_depth"} == set(broker.queue_depths())
    assert sum(value for (name, _), value in found.items() if name == "db_connections") >= 1
    assert Event.objects.values_list("service", flat=True).distinct().get() == "portal"
    assert Event.objects.filter(flags__gt=0).count() == 0


def test_beat_never_heard__no_figure() -> None:
    jobs.quick()
    assert ("beat_age_s", "") not in figures()


def test_slow_gauges__bloat_and_days_ahead() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    jobs.slow()
    found = figures()
    assert found[("partition_days_ahead", "")] == portal.days_ahead() >= 7
    assert all(0 <= value <= 100 for (name, _), value in found.items() if "percent" in name)


def test_days_ahead__a_gap_ends_them() -> None:
    tomorrow = clock.now().date() + timedelta(days=1)
    Partition.objects.filter(day=tomorrow + timedelta(days=2)).update(state="detached")
    assert portal.days_ahead() == 2
    Partition.objects.filter(day=tomorrow).update(state="detached")
    assert portal.days_ahead() == 0


def test_one_that_fails__leaves_the_others_and_is_seen(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(table, "GAUGES", dict(GAUGES))

    @table.gauge("tests_broken", unit="", every=QUICK)
    def broken() -> Iterable[Figure]:
        yield Figure(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column")

    counts = collect(QUICK)
    found = figures()
    assert counts["failed"] == "tests_broken"
    assert found[("collectors_failing", f"every {QUICK} s")] == 1
    assert found[("collector_failed", "tests_broken")] == 1
    assert ("tests_broken", "") not in found
    assert ("db_connections_percent", "") in found
    assert "telemetry.collector_failed" in {
        getattr(record, "event", "") for record in caplog.records
    }


def test_one_that_is_slow__is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "GAUGES", {})
    monkeypatch.setattr(table, "PATIENCE_MS", type("Short", (), {"value": 20}))

    @table.gauge("tests_slow", unit="", every=QUICK)
    def slow() -> Iterable[Figure]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")
        yield Figure(1)

    assert collect(QUICK)["failed"] == "tests_slow"


def test_one_that_never_ends__is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "GAUGES", {})
    monkeypatch.setattr(table, "MOST", type("Few", (), {"value": 5}))

    @table.gauge("tests_endless", unit="", every=QUICK)
    def endless() -> Iterable[Figure]:
        while True:
            yield Figure(1)

    collect(QUICK)
    assert Event.objects.filter(operation="tests_endless").count() == 5


def test_two_of_one_name__refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        table.gauge("queue_depth", unit="", every=QUICK)(list)


def test_services_and_breakers__each_workspace_its_own() -> None:
    here, there = make.workspace(), make.workspace()
    services = {slug: catalog.service(here, slug=slug) for slug in ("shop", "desk", "new")}
    other = catalog.service(there, slug="shop")
    now = clock.now()
    for service, health in (
        (services["shop"], "up"),
        (services["desk"], "down"),
        (services["new"], "unknown"),
        (other, "up"),
    ):
        probe = catalog.probe(service)
        Probe.objects.filter(pk=probe.pk).update(health=health, last_at=now)
    integration = catalog.integration(here, slug="mail")
    broken = catalog.broken(here, slug="chat")
    counts = collect(MINUTELY)
    assert counts["workspaces"] == 2
    assert figures(here) == {
        ("service_up", "shop"): 1.0,
        ("service_up", "desk"): 0.0,
        ("breaker_open", integration.slug): 0.0,
        ("breaker_open", broken.slug): 1.0,
    }
    assert figures(there) == {("service_up", "shop"): 1.0}
    assert ("service_up", "shop") not in figures()


def test_service_in_two_environments__down_in_one__is_down() -> None:
    workspace = make.workspace()
    service = catalog.service(workspace, slug="shop")
    one = catalog.probe(service)
    other = Environment.objects.of(workspace).exclude(pk=one.environment_id)[0]
    two = catalog.probe(service, where=other.slug)
    now = clock.now()
    Probe.objects.filter(pk=one.pk).update(health="down", last_at=now)
    Probe.objects.filter(pk=two.pk).update(health="up", last_at=now)
    collect(MINUTELY)
    assert figures(workspace) == {("service_up", "shop"): 0.0}


def test_silent_probe__says_nothing() -> None:
    workspace = make.workspace()
    probe = catalog.probe(catalog.service(workspace, slug="shop"))
    long_ago = clock.now() - timedelta(hours=3)
    Probe.objects.filter(pk=probe.pk).update(health="up", last_at=long_ago, on_since=long_ago)
    collect(MINUTELY)
    assert figures(workspace) == {}


def test_strangers__see_no_figure_of_the_installation() -> None:
    workspace = make.workspace()
    collect(SLOW)
    viewer = make.actor(make.person(workspace, "viewer"))
    operator = make.actor(make.person(workspace, "primary_operator"))
    assert not Event.objects.visible_to(viewer).exists()
    assert Event.objects.visible_to(operator).exists()

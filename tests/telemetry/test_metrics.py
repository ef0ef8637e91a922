"""Telemetry on `/metrics`: counted where it happens, and no zeros of what is not there yet."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from controlplane.jobs import measures, metrics
from controlplane.lib import clock
from controlplane.lib.errors import Unavailable
from telemetry import counters, pressure
from telemetry.ingest import report
from telemetry.models import Dirty
from tests import make
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db


def value(name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return 0.0


def test_batch__counted_by_sender_and_fate() -> None:
    name = "controlplane_telemetry_events_total"
    fates = ("accepted", "duplicate", "rejected")
    before = {fate: value(name, sender="job", fate=fate) for fate in fates}
    batches = value("controlplane_telemetry_ingest_duration_seconds_count", sender="job")
    good = event()
    tell(make.workspace(), [good, good, event(), event(at=clock.now() + timedelta(days=2))])
    after = {fate: value(name, sender="job", fate=fate) - before[fate] for fate in fates}
    assert after == {"accepted": 2, "duplicate": 1, "rejected": 1}
    told = value("controlplane_telemetry_ingest_duration_seconds_count", sender="job")
    assert told == batches + 1


def test_redactions__counted_by_kind() -> None:
    before = value("controlplane_telemetry_redactions_total", kind="email")
    tell(make.workspace(), [event(message="mail ada@example.org and bob@example.org")])
    assert value("controlplane_telemetry_redactions_total", kind="email") == before + 2


def test_asked_to_wait__counted(monkeypatch: pytest.MonkeyPatch) -> None:
    before = value("controlplane_telemetry_turned_away_total")
    monkeypatch.setattr(pressure, "MOST", type("None_", (), {"value": 0}))
    Dirty.objects.create(bucket=clock.now())
    here = make.workspace()
    person = make.person(here, "telemetry_analyst")
    pressure.forget()
    with pytest.raises(Unavailable):
        report(make.actor(person), here, [{"event": "intent_submitted"}])
    assert value("controlplane_telemetry_turned_away_total") == before + 1


def test_readings__how_far_behind_and_ahead() -> None:
    assert value("controlplane_telemetry_partitions_ahead") >= 7
    Dirty.objects.create(bucket=clock.now())
    assert value("controlplane_telemetry_backlog", grain="minute") >= 1


def test_reserved_names__are_on_no_page_until_somebody_counts() -> None:
    """Whoever takes one takes it as it was meant."""
    known = {family.name: family for family in REGISTRY.collect()}
    shown = {
        family.name for family in text_string_to_metric_families(metrics.exposition().decode())
    }
    for name, meant in counters.RESERVED.items():
        reading = measures.READINGS.get(name)
        if reading is not None:
            assert (meant.type, meant.labels) == ("gauge", reading.labels)
        elif name in known:
            assert known[name].type == meant.type
        else:
            assert name not in shown


def test_names_of_the_playbooks__are_there() -> None:
    metrics.observe_request(method="GET", route="/tests", status=200, seconds=0.1)
    shown = {
        family.name for family in text_string_to_metric_families(metrics.exposition().decode())
    }
    assert shown >= {
        "controlplane_http_requests",
        "controlplane_http_request_duration_seconds",
        "controlplane_answer_duration_seconds",
        "controlplane_queue_depth",
        "controlplane_heartbeat_age_seconds",
        "controlplane_db_connection_attempts",
        "controlplane_db_connection_failures",
        "controlplane_rows_due",
    }


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool__has_nothing_to_say_of_telemetry() -> None:
    tell(make.workspace(), [event(message="mail ada@example.org")])
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=metrics.exposition(),
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr

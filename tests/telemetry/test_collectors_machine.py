"""What a machine reports of itself: once, whatever dies when; later, when the database is away."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from controlplane.base.middleware import kind_of
from controlplane.jobs import hands, heartbeats, metrics
from controlplane.lib import clock
from telemetry.collectors import counted, host, machine, pool
from telemetry.ingest import report
from telemetry.models import Event
from tests.kit import telemetry as kit

pytestmark = pytest.mark.django_db
NOW = clock.now().replace(microsecond=0) - timedelta(minutes=30)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, settings: Any) -> None:
    kit.forget()
    settings.STATE_DIR = str(tmp_path)


def turn(seconds: float) -> int:
    return machine.take_turn(lambda: NOW + timedelta(seconds=seconds))


def gauges() -> dict[tuple[str, str], float]:
    rows = Event.objects.of(None).filter(event_type="gauge_reported")
    return {(row.operation, row.code): float(row.amount or 0) for row in rows}


def answered(kind: str, status: int, seconds: float, times: int = 1) -> None:
    for _ in range(times):
        metrics.observe_request(
            method="GET", route="/tests", status=status, seconds=seconds, kind=kind
        )


def reported() -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for row in Event.objects.of(None).filter(event_type="request_completed"):
        found[(row.operation, row.code, row.status)] += row.weight
    return found


# --- Gauges -------------------------------------------------------------------------------------


def test_first_turn__disk_and_memory() -> None:
    assert turn(0) > 0
    found = gauges()
    assert 0 < found[("disk_used_percent", "state")] < 100
    assert ("cpu_percent", "") not in found, "there is nothing yet to compare with"
    if Path("/proc/meminfo").exists():
        assert 0 < found[("memory_used_percent", "")] < 100
    row = Event.objects.of(None).filter(operation="disk_used_percent")[0]
    assert row.context["host"] == host.name()
    assert row.service == "portal"
    assert row.flags == 0


def test_turns__no_more_often_than_each_quarter_of_a_minute() -> None:
    assert turn(0)
    assert turn(5) == turn(14) == 0
    assert turn(15)
    assert turn(-3600), "a clock set back must not silence the machine"


def test_full_disk__is_told_all_the_same_and_nothing_counts_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turn(0)
    answered("api", 200, 0.04, 5)

    def full(*given: Any, **named: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(machine, "_unwritten_at", None)
        patched.setattr(os, "replace", full)
        before = Event.objects.of(None).filter(operation="disk_used_percent").count()
        assert turn(60)
        assert turn(65) == 0
        assert turn(80)
        after = Event.objects.of(None).filter(operation="disk_used_percent").count()
        assert after > before
        assert not reported(), "nobody could note that it was told"
    turn(140)
    turn(200)
    assert sum(reported().values()) == 5


def test_lock__one_process_at_a_time() -> None:
    turn(0)
    lock = next(machine.folder().glob("*.lock"))
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert turn(60) == 0
    assert turn(60)


def test_processor__from_the_difference_of_two_looks(tmp_path: Path) -> None:
    state: dict[str, Any] = {}
    (tmp_path / "stat").write_text("cpu 100 0 100 800 0 0 0 0 0 0\n")
    assert list(host.processor(state, tmp_path)) == []
    (tmp_path / "stat").write_text("cpu 160 0 110 830 0 0 0 0 0 0\n")
    assert list(host.processor(state, tmp_path)) == [("cpu_percent", "%", 70.0, "")]
    (tmp_path / "stat").write_text("cpu 1 0 1 8 0 0 0 0 0 0\n")
    assert list(host.processor(state, tmp_path)) == [], "the machine was started anew"


def test_machine_without_proc__says_less_and_fails_nowhere(tmp_path: Path) -> None:
    away = tmp_path / "none"
    assert list(host.memory(away)) == []
    assert list(host.processor({}, away)) == []
    assert host.resident(os.getpid(), away) is None
    assert {name for name, _, _, _ in host.disks()} == {"disk_used_percent"}


def test_processes__memory_by_role_of_those_that_live_here() -> None:
    heartbeats.write("web", heartbeats.instance())
    heartbeats.write("worker", "elsewhere:1")
    heartbeats.write("beat", f"{heartbeats.instance().rpartition(':')[0]}:999999999")
    turn(0)
    roles = {of: value for (name, of), value in gauges().items() if name == "process_rss_bytes"}
    assert set(roles) <= {"web"}
    if host.resident(os.getpid()):
        assert roles["web"] > 10_000_000


# --- Answers ------------------------------------------------------------------------------------


def test_answers__reported_by_kind_and_status_with_their_durations() -> None:
    answered("api", 200, 0.04, 7)
    turn(0)
    assert not reported(), "what was counted before anybody looked is nobody's minute"
    answered("api", 200, 0.04, 30)
    answered("api", 404, 0.002, 2)
    answered("page", 503, 1.2, 3)
    answered("probe", 200, 0.001, 50)
    turn(60)
    assert reported() == {
        ("api", "2xx", "success"): 30,
        ("api", "4xx", "success"): 2,
        ("page", "5xx", "error"): 3,
    }
    api = Event.objects.get(operation="api", code="2xx")
    assert 30 <= (api.duration_ms or 0) <= 40
    turn(120)
    assert sum(reported().values()) == 35


def test_answers__several_buckets__each_with_what_is_its_own() -> None:
    turn(0)
    answered("api", 200, 0.0012, 5)
    answered("api", 200, 0.18, 2)
    answered("api", 200, 99.0, 1)
    turn(60)
    rows = Event.objects.filter(operation="api").order_by("duration_ms")
    assert [(row.weight, row.duration_ms > 100) for row in rows] == [
        (5, False),
        (2, True),
        (1, True),
    ]
    assert rows[2].duration_ms > 30_000


def test_counters__that_began_anew__count_from_zero() -> None:
    assert counted.grown({"a": 10.0, "b": 5.0, "c": 1.0}, {"a": 12.0, "b": 2.0, "d": 3.0}) == {
        "a": 2.0,
        "b": 2.0,
        "d": 3.0,
    }


def test_killed_before_it_was_told__told_once_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turn(0)
    answered("api", 200, 0.01, 4)

    def killed(*_: Any) -> bool:
        raise SystemExit

    tell = machine._tell
    monkeypatch.setattr(machine, "_tell", killed)
    with pytest.raises(SystemExit):
        turn(60)
    assert not reported()
    monkeypatch.setattr(machine, "_tell", tell)
    turn(120)
    assert reported() == {("api", "2xx", "success"): 4}


def test_killed_after_it_was_told__nothing_counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    turn(0)
    answered("api", 200, 0.01, 4)
    written = machine._write
    saved: list[dict[str, Any]] = []

    def write(path: Path, state: dict[str, Any]) -> None:
        if saved and not state["spool"]:
            raise SystemExit
        saved.append(state)
        written(path, json.loads(json.dumps(state)))

    monkeypatch.setattr(machine, "_write", write)
    with pytest.raises(SystemExit):
        turn(60)
    monkeypatch.setattr(machine, "_write", written)
    before = Event.objects.count()
    assert reported() == {("api", "2xx", "success"): 4}
    turn(80)
    assert reported() == {("api", "2xx", "success"): 4}
    assert Event.objects.count() > before


def test_broken_file__begins_anew() -> None:
    turn(0)
    file = next(machine.folder().glob("*.json"))
    file.write_text("{broken")
    assert turn(60)


# --- The database away --------------------------------------------------------------------------


class Pool:
    """A pool as psycopg's: what it counts."""

    def __init__(self, **stats: int) -> None:
        self.stats = {"pool_max": 4, "pool_size": 3, "pool_available": 1, **stats}

    def get_stats(self) -> dict[str, int]:
        return self.stats


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> dict[str, Pool]:
    found: dict[str, Pool] = {}
    monkeypatch.setattr(pool, "_pools", lambda: found)
    return found


def test_pool__how_full_the_fullest_is(pools: dict[str, Pool]) -> None:
    pools["default"] = Pool()
    pool.look()
    turn(0)
    assert gauges()[("db_pool_used_percent", "")] == 50


def test_outage__known_afterwards_with_its_times(
    pools: dict[str, Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = pools["default"] = Pool(requests_num=10)
    pool.look()
    turn(0)

    def away(*_: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(machine, "report", away)
    for minute in (1, 2):
        ours.stats["requests_num"] = 10 + minute * 20
        ours.stats["requests_errors"] = minute * 15
        pool.look()
        assert turn(minute * 60) == 0
    monkeypatch.setattr(machine, "report", report)
    ours.stats["requests_num"] += 40
    pool.look()
    turn(180)
    rows = Event.objects.filter(operation="db_connection_failures_percent").order_by("occurred_at")
    told = [(row.occurred_at, row.amount, row.context["failures"]) for row in rows]
    assert told == [
        (NOW + timedelta(minutes=1), 75.0, 15),
        (NOW + timedelta(minutes=2), 75.0, 15),
        (NOW + timedelta(minutes=3), 0.0, 0),
    ]


def test_long_outage__the_newest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "KEPT", type("Few", (), {"value": 8}))

    def away(*_: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(machine, "report", away)
    for minute in range(10):
        turn(minute * 60)
    state = json.loads(next(machine.folder().glob("*.json")).read_text())
    assert len(state["spool"]) == 8
    newest = max(datetime.fromisoformat(event["occurred_at"]) for event in state["spool"])
    assert newest == NOW + timedelta(minutes=9)


def test_what_fails_beside_the_watch__silences_no_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(component: str) -> None:
        raise ValueError(component)

    seen: list[str] = []
    monkeypatch.setattr(hands, "_beside", [broken, seen.append])
    heart = hands.Watcher("web")
    heartbeats._last.clear()
    heart()
    assert seen == ["web"]
    assert heartbeats.living("web")
    assert "beside the watch" in caplog.text


def test_every_process_looks() -> None:
    assert machine.look in hands._beside


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/health", "probe"),
        ("/api/v1/telemetry/events", "ingest"),
        ("/api/v1/telemetry/series", "api"),
        ("/api/v1/work/bd", "bd"),
        ("/admin/", "page"),
        ("/desk/", "desk"),
        ("/", "page"),
    ],
)
def test_kinds_of_routes(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_a_request__is_counted_under_its_kind(client: Client) -> None:
    turn(0)
    client.get("/api/v1/no-such-thing")
    turn(60)
    assert reported()[("api", "4xx", "success")] == 1

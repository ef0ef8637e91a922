"""What the watch finds, what it makes of it, and whom it tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import F
from django.db.models.functions import Now

from controlplane.jobs import alarms, direct, engine, heartbeats, leases, watch
from controlplane.jobs.models import EngineCycle, Heartbeat, ScheduledJob, Timer, WatchAlarm
from controlplane.jobs.watch import Finding
from controlplane.lib import clock
from tests import make
from tests.kit.racing import race
from tests.kit.watching import SILENT, ago, subjects

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "HANDLERS", [])
    monkeypatch.setattr(watch, "PROBES", {})
    monkeypatch.setattr(direct, "_known_admins", frozenset())


@pytest.fixture
def told() -> list[tuple[str, str]]:
    heard: list[tuple[str, str]] = []

    @alarms.on_alarm
    def tell(found: Sequence[WatchAlarm], moment: str) -> None:
        heard.append((", ".join(alarm.subject for alarm in found), moment))

    return heard


def everything_alive() -> None:
    for component in watch.expected():
        heartbeats.write(component, "host:1")
    engine._due()
    EngineCycle.objects.update(ok_at=Now())


# --- The verdict -------------------------------------------------------------------------------


def test_everything_alive__nothing_to_say() -> None:
    everything_alive()
    assert watch.verdict() == []


@pytest.mark.parametrize("component", ["web", "stream", "worker", "beat", "tick"])
def test_silent_component__found(component: str) -> None:
    everything_alive()
    ago(component, heartbeats.STALE.value + 1)
    assert subjects("component") == {component}


def test_one_of_two_workers_silent__component_lives() -> None:
    everything_alive()
    heartbeats.write("worker", "host:2")
    Heartbeat.objects.filter(instance="host:2").update(at=Now() - timedelta(hours=1))
    assert subjects("component") == set()


def test_fresh_installation__nothing_seen_yet_is_found() -> None:
    assert subjects("component") == set(watch.expected())


def test_component_not_run_on_purpose__not_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(watch.EXPECTED.env_name, "web, worker")
    assert watch.expected() == ("web", "worker")


def test_stalled_module__found_with_its_error() -> None:
    everything_alive()
    EngineCycle.objects.filter(module="jobs.timers").update(
        ok_at=Now() - timedelta(seconds=60), last_error="ValueError: no"
    )
    (finding,) = watch.verdict()
    assert (finding.kind, finding.subject) == ("engine", "jobs.timers")
    assert "ValueError: no" in finding.message


def test_overdue_timer__found_as_lag_and_dead_one_as_dead() -> None:
    everything_alive()
    past = clock.now() - timedelta(minutes=5)
    Timer.objects.create(kind="t", key="late", due_at=past, ready_at=past)
    Timer.objects.create(kind="t", key="dead", due_at=past, ready_at=past, state=leases.DEAD)
    found = {f.kind: f for f in watch.verdict()}
    assert set(found) == {"lag", "dead"}
    assert found["lag"].critical
    assert not found["dead"].critical


def test_silent_job__found_after_its_time_also_when_switched_off() -> None:
    everything_alive()
    long_ago = clock.now() - timedelta(days=400)
    ScheduledJob.objects.create(
        name="jobs.clean_up",
        schedule="x",
        next_run_at=clock.now(),
        first_seen_at=long_ago,
        enabled=False,
    )
    (finding,) = watch.verdict()
    assert (finding.kind, finding.subject) == ("job", "jobs.clean_up")
    assert "switched off" in finding.message
    ScheduledJob.objects.update(last_ok_at=clock.now())
    assert watch.verdict() == []


def test_probe__adds_findings__broken_one_is_a_finding() -> None:
    everything_alive()

    @watch.probe("tests.fine")
    def fine() -> Iterator[Finding]:
        yield Finding("channel", "slack", "fails")

    @watch.probe("tests.broken")
    def broken() -> Iterator[Finding]:
        Timer.objects.get(pk=-1)
        yield Finding("never", "", "")

    assert {(f.kind, f.subject) for f in watch.verdict()} == {
        ("channel", "slack"),
        ("probe", "tests.broken"),
    }


# --- Alarms ------------------------------------------------------------------------------------


def test_finding__opens_one_alarm_told_once(told: list[tuple[str, str]]) -> None:
    alarms.settle([SILENT])
    alarms.settle([SILENT])
    assert told == [("beat", "opened")]
    alarm = WatchAlarm.objects.get()
    assert (alarm.tellings, alarm.closed_at, alarm.told_directly_at) == (1, None, None)


def test_gone__closes_after_a_calm_and_says_so(told: list[tuple[str, str]]) -> None:
    alarms.settle([SILENT])
    alarms.settle([])
    assert WatchAlarm.objects.get().closed_at is None, "one good look is no recovery"
    WatchAlarm.objects.update(seen_at=Now() - timedelta(seconds=alarms.CALM.value + 1))
    alarms.settle([])
    alarms.settle([])
    assert told == [("beat", "opened"), ("beat", "closed")]


def test_back_again__is_a_new_alarm(told: list[tuple[str, str]]) -> None:
    alarms.settle([SILENT])
    WatchAlarm.objects.update(closed_at=Now())
    alarms.settle([SILENT])
    assert WatchAlarm.objects.count() == 2
    assert told == [("beat", "opened")] * 2


def test_still_open_after_an_hour__critical_is_told_again(told: list[tuple[str, str]]) -> None:
    minor = Finding("job", "x", "silent", critical=False)
    alarms.settle([SILENT, minor])
    WatchAlarm.objects.update(told_at=Now() - timedelta(seconds=alarms.REMIND.value + 1))
    alarms.settle([SILENT, minor])
    assert told == [("beat, x", "opened"), ("beat", "reminded")]


@pytest.mark.django_db(transaction=True)
def test_many_processes_at_once__one_tells(told: list[tuple[str, str]]) -> None:
    for _ in range(3):
        WatchAlarm.objects.all().delete()
        told.clear()
        race(4, lambda _: alarms.settle([SILENT]))
        assert told == [("beat", "opened")]


@pytest.mark.django_db(transaction=True)
def test_look__one_process_a_turn(told: list[tuple[str, str]]) -> None:
    looks = race(4, lambda _: alarms.look())
    assert [look is not None for look in looks].count(True) == 1


def test_teller_died_while_speaking__another_tells_after_its_lease(
    told: list[tuple[str, str]],
) -> None:
    alarms._keep_open(SILENT)
    WatchAlarm.objects.update(teller_until=Now() + timedelta(seconds=30))
    alarms.settle([SILENT])
    assert told == []
    WatchAlarm.objects.update(teller_until=Now() - timedelta(seconds=1))
    alarms.settle([SILENT])
    assert told == [("beat", "opened")]


# --- One cause, one notice ---------------------------------------------------------------------


WORKER = Finding("component", "worker", "the worker process is silent for 16 s.")
STALLED = [Finding("engine", f"module.{n}", f"last ran {n} s ago") for n in range(5)]
LATE = Finding("lag", "notify.outbox", "900 due rows, the oldest for 40 s.")
PATIENCE = alarms.TOGETHER.value + 1


def earlier(seconds: float) -> None:
    """As if so much time had gone since anything was told."""
    back = timedelta(seconds=seconds)
    WatchAlarm.objects.exclude(told_at=None).update(told_at=F("told_at") - back)


def test_worker_dead__its_modules_and_queues_follow__one_notice(
    told: list[tuple[str, str]], admin_address: str
) -> None:
    """Each stands still at its own second; all of it is one dead process."""
    found = [WORKER]
    for late in (*STALLED, LATE):
        alarms.settle(found)
        found.append(late)
    alarms.settle(found)
    earlier(PATIENCE)
    alarms.settle(found)
    assert told == [("worker", "opened")]
    assert [message.subject for message in mail.outbox] == ["[portal] component: worker"]
    assert WatchAlarm.objects.open().count() == 7, "the console shows them all"


def test_worker_dead_for_an_hour__the_reminder_names_what_came_of_it(
    told: list[tuple[str, str]], admin_address: str
) -> None:
    alarms.settle([WORKER])
    alarms.settle([WORKER, *STALLED[:2], LATE])
    earlier(alarms.REMIND.value + 1)
    alarms.settle([WORKER, *STALLED[:2], LATE])
    assert len(told) == 2
    assert told[1][0].split(", ")[0] == "worker", "the cause gives the notice its name"
    assert set(told[1][0].split(", ")) == {"worker", "module.0", "module.1", "notify.outbox"}
    assert LATE.message in mail.outbox[-1].body


def test_worker_back__what_stays_broken_is_told(told: list[tuple[str, str]]) -> None:
    alarms.settle([WORKER, LATE])
    alarms.settle([WORKER, LATE, STALLED[0]])
    WatchAlarm.objects.exclude(subject="module.0").update(
        seen_at=Now() - timedelta(seconds=alarms.CALM.value + 1)
    )
    alarms.settle([STALLED[0]])
    assert told == [
        ("worker, notify.outbox", "opened"),
        ("worker, notify.outbox", "closed"),
        ("module.0", "opened"),
    ]


def test_engine_stalls_module_by_module__the_first_at_once_the_rest_together(
    told: list[tuple[str, str]],
) -> None:
    for count in range(1, 6):
        alarms.settle(STALLED[:count])
    assert told == [("module.0", "opened")]
    earlier(PATIENCE)
    alarms.settle(STALLED)
    assert told[1:] == [("module.1, module.2, module.3, module.4", "opened")]


def test_something_else_meanwhile__is_not_held_back(told: list[tuple[str, str]]) -> None:
    alarms.settle([WORKER])
    alarms.settle([WORKER, STALLED[0], Finding("audit", "seal", "the chain is broken.")])
    assert told == [("worker", "opened"), ("seal", "opened")]


def test_very_many_at_once__named_up_to_a_limit(admin_address: str) -> None:
    many = [Finding("engine", f"m{n}", "stands") for n in range(100)]
    alarms.settle(many)
    (sent,) = mail.outbox
    assert sent.subject == "[portal] engine: m0 and 99 more"
    assert "and 80 more, in the console" in sent.body


# --- The direct way ----------------------------------------------------------------------------


@pytest.fixture
def admin_address() -> str:
    ws = make.workspace()
    make.person(ws, "viewer")
    address = make.person(ws, "workspace_admin").email
    direct.remember_admins()
    return address

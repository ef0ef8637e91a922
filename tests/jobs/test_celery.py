"""Tasks, messages, nudges and the beat table."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any, cast

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper

from controlplane.access import policy
from controlplane.audit.models import AuditEvent
from controlplane.celery import BEAT
from controlplane.jobs import broker, engine, forks, hands, heartbeats, nudges, tasks, timers
from controlplane.jobs.celery_app import TICKS, WORK, app
from controlplane.jobs.celery_task import PortalTask
from controlplane.jobs.models import Heartbeat, JobRun
from controlplane.jobs.registry import JOBS
from controlplane.lib import clock, context
from controlplane.lib.errors import NotAllowed
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture(autouse=True)
def empty_queues() -> None:
    connection = broker.client()
    connection.delete(TICKS, WORK)
    connection.close()


def take(queue: str) -> Any:
    """The next message, as a worker would receive it."""
    with app.connection_for_read() as connection:
        simple = connection.SimpleQueue(queue)
        message = simple.get(timeout=5)
        message.ack()
        simple.close()
    return message


def task(**options: Any) -> PortalTask:
    """A task that leaves no trace in the application's own list."""

    class Probe(PortalTask):
        name = f"tests.{id(options)}"
        expires = 5
        time_limit = 5

        def run(self) -> None: ...

    for name, value in options.items():
        setattr(Probe, name, value)
    Probe.bind(cast("Any", app))
    return Probe()


# --- The task base -----------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [{"countdown": 5}, {"eta": clock.now()}])
def test_delay_in_the_broker__refused(delay: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="set a timer"):
        tasks.tick.apply_async(**delay)


def test_retry_in_the_broker__refused() -> None:
    with pytest.raises(NotImplementedError):
        tasks.tick.retry()


def test_task_without_expires__refused_when_defined() -> None:
    with pytest.raises(ImproperlyConfigured):
        task(expires=None)


def test_task_without_a_time_limit__gets_the_applications() -> None:
    assert task(time_limit=None).time_limit == app.conf.task_time_limit


def test_every_task__has_limits_and_its_own_queue() -> None:
    ours = [entry for name, entry in app.tasks.items() if not name.startswith("celery.")]
    assert ours
    for entry in ours:
        assert isinstance(entry, PortalTask), entry.name
        assert entry.time_limit, entry.name
        assert entry.expires, entry.name


def test_context__travels_with_the_message() -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with context.bind(request_id="req-1", correlation_id="cor-1", trace_id=trace):
        tasks.tick.apply_async(kwargs={"sender": "nudge"}, expires=5)
    assert take(TICKS).headers["portal"] == {
        "request_id": "req-1",
        "correlation_id": "cor-1",
        "trace_id": trace,
    }


def test_worker__binds_what_the_message_carries() -> None:
    seen: list[context.Context] = []
    probe = task(run=lambda self: seen.append(context.current()))
    probe.push_request(portal={"request_id": "req-1", "address": "forged"}, is_eager=True, id="t1")
    try:
        probe()
    finally:
        probe.pop_request()
    assert (seen[0].request_id, seen[0].correlation_id) == ("req-1", "req-1")
    assert (seen[0].source, seen[0].address) == ("job", "")


def test_refusal_in_a_task__reaches_the_audit() -> None:
    ws = make.workspace()
    actor = make.actor(make.person(ws, "viewer"))
    probe = task(run=lambda self: policy.require(actor, "workspace.manage", ws))
    probe.push_request(is_eager=True, id="t1")
    try:
        with pytest.raises(NotAllowed):
            probe()
    finally:
        probe.pop_request()
    assert AuditEvent.objects.get(outcome="denied").action == "workspace.manage"


# --- Messages ----------------------------------------------------------------------------------


def test_each_message__arrives_in_its_own_queue_only() -> None:
    tasks.tick.apply_async(expires=5)
    assert broker.queue_depths() == {TICKS: 1, WORK: 0}


def test_job_run__sent_with_the_limits_of_its_job() -> None:
    run = JobRun.objects.create(name="jobs.clean_up", due_at=clock.now())
    tasks.send_run(run)
    message = take(WORK)
    limit = JOBS["jobs.clean_up"].time_limit
    assert message.headers["timelimit"] == [limit + 10, limit]
    assert message.payload[0] == [run.pk]


def test_hints_nobody_takes__are_dropped_beyond_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(broker.QUEUE_CAP.env_name, "3")
    for _ in range(5):
        tasks.tick.apply_async(expires=5)
    assert broker.drop_void_hints() == 5
    assert broker.drop_void_hints() == 0


def test_tick__from_beat_is_a_sign_of_life__a_nudge_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "MODULES", {})
    heartbeats._last.clear()
    tasks.tick(sender="nudge")
    assert not Heartbeat.objects.exists()
    tasks.tick(sender="beat")
    assert Heartbeat.objects.get().component == "tick"


def test_beat_table__ticks_only_and_every_entry_expires() -> None:
    assert BEAT["engine tick"]["schedule"] == 1.0
    for entry in BEAT.values():
        assert entry["task"] == "jobs.tick"
        assert entry["options"]["expires"] <= 60  # type: ignore[index]


# --- Nudges ------------------------------------------------------------------------------------


def test_many_commits__share_a_hint() -> None:
    said = threading.Semaphore(0)
    count: list[int] = []

    def publish() -> None:
        count.append(1)
        said.release()

    nudger = nudges.Nudger(publish)
    for _ in range(100):
        nudger.poke()
    assert said.acquire(timeout=5)
    assert len(count) < 10


def test_broker_away__hint_is_logged_and_swallowed(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> None:
        raise ConnectionError("no broker")

    assert not nudges.Nudger(refuse).say()
    assert "no broker" in caplog.text


def test_nudge__only_after_commit_and_only_for_what_is_due(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    poked: list[int] = []
    monkeypatch.setattr(nudges._nudger, "poke", lambda: poked.append(1))
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            timers.set_timer("tests.n", key="now", due_at=clock.now())
        assert poked == []
        timers.set_timer("tests.n", key="later", due_at=clock.now() + timedelta(hours=1))
    assert poked == [1]


# --- Processes ---------------------------------------------------------------------------------


def test_forked_child__forgets_its_parents_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = {DEFAULT_DB_ALIAS: object()}
    monkeypatch.setattr(DatabaseWrapper, "_connection_pools", pools)
    child = connections[DEFAULT_DB_ALIAS].copy()
    child.connection = closed = _Untouchable()
    monkeypatch.setattr(connections, "all", lambda initialized_only=False: [child])
    forks.forget_connections()
    assert pools == {}
    assert child.connection is None
    assert closed.calls == []


class _Untouchable:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        raise AssertionError(f"the parent's connection was used: {name}")


def test_start__once_per_process_again_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(hands, "_begin", lambda loop: begun.append(loop.name))
    monkeypatch.setattr(hands, "_started", {})
    hands.start("web")
    hands.start("web")
    monkeypatch.setattr("controlplane.jobs.hands.os.getpid", lambda: -1)
    hands.start("web")
    assert begun == ["watch-web", "watch-web"]


def test_beat_that_sends_nothing__is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("controlplane.jobs.hands.time.monotonic", lambda: now)
    sending = hands._Sending()
    assert sending.lately()
    now += heartbeats.STALE.value + 1
    assert not sending.lately()
    sending()
    assert sending.lately()


def test_soft_limit__is_an_exception_a_row_can_report() -> None:
    """Celery raises it inside the handler: it must be caught like any failure, or the row would
    only come back with its lease."""
    assert issubclass(SoftTimeLimitExceeded, Exception)

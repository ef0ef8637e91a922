"""Supervisors as processes: at once, never twice within a lease, and killed at the worst moment."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from controlplane.embedded.processes import wait_until
from controlplane.jobs.models import Heartbeat
from controlplane.lib import clock
from controlplane.lib.dsn import with_database
from missions.threads import numbers
from missions.threads.models import WakeRun, WakeTrigger
from missions.threads.waking import commands, hosts, runbooks, supervisor, watching
from missions.threads.waking.supervisor import Supervisor
from tests.kit.receivers import Receiver, http_receiver
from tests.kit.source import ROOT
from tests.kit.waking import Night, program

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]

HANG = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def night(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Night:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    monkeypatch.setenv("CONTROLPLANE_OUTGOING_ALLOW", "127.0.0.1")
    return Night()


@contextmanager
def running() -> Iterator[Supervisor]:
    made = Supervisor()
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def process(**env: str) -> Iterator[subprocess.Popen[bytes]]:
    url = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    child = subprocess.Popen(
        [sys.executable, "manage.py", "wake_supervisor"], cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, **env},
    )  # fmt: skip
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def comes(rows: QuerySet[Any], seconds: float = 30) -> bool:
    """Is there such a row, soon? The pool of the tests is small: nobody holds on while waiting."""

    def there() -> bool:
        found = rows.all().exists()
        connection.close()
        return found

    return wait_until(there, seconds)


@pytest.mark.slow
def test_message__wakes_at_once_by_the_news_alone(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rhythm is a minute here: only the news of a wake can be so quick."""
    monkeypatch.setenv(numbers.TICK_SECONDS.env_name, "60")
    with http_receiver() as runtime, running() as made:
        night.webhook(runtime.url)
        assert comes(Heartbeat.objects.filter(component="waker"))
        night.post()
        assert wait_until(lambda: len(runtime.received) == 1, 10)
        # A connection that broke is made anew, and what came meanwhile is found.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE query = 'LISTEN threads_wake' AND datname = current_database()"
            )
            assert cursor.fetchone() == (1,)
        night.ack()
        night.talk.asleep()
        night.talk.post("executioner", to={"role": "reviewer"})
        assert wait_until(lambda: len(runtime.received) == 2, 15)
        assert made.name.startswith(hosts.host()[:60])
    assert not Heartbeat.objects.filter(component="waker").exists()


@pytest.mark.slow
def test_two_supervisors__deliver_each_once(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(numbers.TRIGGERS_PER_MINUTE.env_name, "1000")
    monkeypatch.setenv(numbers.PARALLEL.env_name, "2")
    monkeypatch.setenv(numbers.TICK_SECONDS.env_name, "0.05")
    with http_receiver() as runtime:
        night.webhook(runtime.url)
        for n in range(12):
            thread = night.talk.begin(title=f"Thread {n}")
            night.talk.post("executioner", thread=thread, to={"role": "reviewer"})
        ids = {str(row.uid) for row in night.talk.wakes(night.talk.reviewer)}
        with running(), running():
            assert wait_until(lambda: len(runtime.received) >= 12, 30)
        told = [each.headers["Idempotency-Key"] for each in runtime.received]
    assert sorted(told) == sorted(ids), "each once"


@pytest.mark.slow
def test_killed_in_mid_delivery__is_taken_over_when_the_lease_ends(night: Night) -> None:
    gate = threading.Event()
    with http_receiver() as runtime:
        _hold(runtime, gate)
        night.webhook(runtime.url)
        with process() as child:
            row = night.post()
            assert wait_until(lambda: len(runtime.received) == 1, 30)
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        gate.set()
        assert WakeTrigger.objects.get(pk=row.pk).state == "leased"
        assert night.turn() == [], "its lease stands"
        night.later(numbers.WAKE_LEASE_SECONDS.value + 1)
        assert night.turn() == ["unanswered"]
        night.later(3)
        assert night.turn() == ["live"]
        first, second = (each.headers["Idempotency-Key"] for each in runtime.received)
    assert first == second == str(row.uid)
    assert WakeTrigger.objects.get(pk=row.pk).live_tries == 2


def _hold(runtime: Receiver, gate: threading.Event) -> None:
    answer = runtime.answer_for

    def held(path: str) -> Any:
        gate.wait(30)
        return answer(path)

    runtime.answer_for = held  # type: ignore[method-assign]


def test_answer_before_the_call_ends__is_heard(night: Night) -> None:
    with http_receiver() as runtime:
        night.webhook(runtime.url)
        answer = runtime.answer_for

        def beat_first(path: str) -> Any:
            night.beat()
            connection.close()
            return answer(path)

        runtime.answer_for = beat_first  # type: ignore[method-assign]
        row = night.post()
        assert night.turn() == ["live"]
    row.refresh_from_db()
    assert (row.status, row.acked_by, row.result) == ("delivered", "heartbeat", "triggered")


@pytest.mark.slow
def test_asked_to_stop__it_ends_its_commands_and_goes(night: Night) -> None:
    allowed = json.dumps({"default": {"spawn": [*program(HANG), "{prompt}"]}})
    with process(**{commands.ENVIRONMENT: allowed}) as child:
        night.post()
        assert comes(WakeRun.objects.filter(pid__isnull=False))
        run = WakeRun.objects.get()
        assert hosts.same(run.pid, run.process_started)
        os.kill(child.pid, signal.SIGTERM)
        assert child.wait(20) == 0
    run.refresh_from_db()
    assert run.status == "killed"
    assert not hosts.same(run.pid, run.process_started)
    assert not Heartbeat.objects.filter(component="waker").exists()


@pytest.mark.slow
def test_killed__its_commands_are_found_by_the_next(night: Night) -> None:
    allowed = json.dumps({"default": {"spawn": [*program(HANG), "{prompt}"]}})
    with process(**{commands.ENVIRONMENT: allowed}) as child:
        night.post()
        assert comes(WakeRun.objects.filter(pid__isnull=False))
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    run = WakeRun.objects.get()
    assert hosts.same(run.pid, run.process_started), "it outlived its supervisor"
    with running():
        assert comes(WakeRun.objects.filter(status="orphaned"))
    assert not hosts.same(run.pid, run.process_started)


def test_once__does_what_is_due_and_says_so(night: Night) -> None:
    night.session()
    night.post()
    out = StringIO()
    call_command("wake_supervisor", "--once", stdout=out)
    assert out.getvalue().strip() == "live: 1"


def test_ticks__are_logged_by_their_names(
    night: Night, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Supervisor()
    with caplog.at_level("INFO", logger=supervisor.__name__):
        made.tick()
        night.session()
        night.post()
        made.tick()
        made.settle()
        made.tick()
        monkeypatch.setattr(made, "claim", lambda: 1 // 0)
        assert made.tick() == 1.0
    made.close()
    events = [getattr(each, "event", "") for each in caplog.records]
    assert [e for e in events if e] == [
        "tick.idle", "tick.completed", "tick.completed", "tick.failed",
    ]  # fmt: skip
    failed = next(each for each in caplog.records if getattr(each, "event", "") == "tick.failed")
    assert vars(failed)["context"]["runbook"] == [runbooks.FAILED]


def test_runbooks__are_named_by_what_a_tick_met_and_stand_there() -> None:
    assert runbooks.of({"live": 3, "settle": 1, "dead": 0}) == []
    met = runbooks.of(dict.fromkeys(("dead", "failed", "defer", "hold", "held", "unanswered"), 1))
    assert len(met) == 3
    for each in (runbooks.FAILED, *met):
        page, _, anchor = each.partition("#")
        heads = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^a-z0-9_ -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert anchor in anchors


def test_watch__tells_of_a_silent_one_and_of_wakes_that_nobody_takes(night: Night) -> None:
    assert list(watching.waker()) == [], "no agents, nobody missed"
    night.post()
    night.later(31)
    (late,) = watching.waker()
    assert (late.kind, late.critical) == ("lag", False)
    Heartbeat.objects.create(
        component="waker", instance="h:1", version="x", at=clock.now() - timedelta(minutes=1)
    )
    WakeTrigger.objects.update(ready_at=Now())
    (silent,) = watching.waker()
    assert "silent for 6" in silent.message

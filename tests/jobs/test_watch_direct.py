"""What the watch does when nobody would be told the usual way, and its signs of life."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError

from controlplane.jobs import alarms, direct, hands, heartbeats, watch
from controlplane.jobs.models import Heartbeat, Timer, WatchAlarm
from controlplane.jobs.watch import Finding
from controlplane.lib import http
from tests import make
from tests.kit.watching import SILENT

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


# --- The direct way ----------------------------------------------------------------------------


@pytest.fixture
def admin_address() -> str:
    ws = make.workspace()
    make.person(ws, "viewer")
    address = make.person(ws, "workspace_admin").email
    direct.remember_admins()
    return address


def test_beat_died_but_engine_turns__told_by_the_usual_way_only(
    told: list[tuple[str, str]], admin_address: str
) -> None:
    alarms.settle([SILENT])
    assert told == [("beat", "opened")]
    assert mail.outbox == []


def test_engine_stands_still__admins_get_a_mail_directly(
    told: list[tuple[str, str]], admin_address: str
) -> None:
    alarms.settle([SILENT, Finding("engine", "outbox", "last ran 60 s ago")])
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == ([admin_address], "[portal] component: beat and 1 more")
    assert SILENT.message in sent.body
    assert "engine outbox: last ran 60 s ago" in sent.body
    assert WatchAlarm.objects.filter(told_directly_at=None).count() == 0


@pytest.mark.parametrize(
    "finding",
    [
        Finding("component", "worker", "the worker process is silent for 16 s."),
        Finding("lag", "notify.outbox", "900 due rows, the oldest for 40 s."),
    ],
)
def test_nobody_would_send_in_time__admins_get_a_mail_directly(
    told: list[tuple[str, str]], admin_address: str, finding: Finding
) -> None:
    """Seen before the engine counts as stalled, and told only once: the usual way alone would
    leave the message lying in the very queue that stands still."""
    alarms.settle([finding])
    assert told == [(finding.subject, "opened")]
    assert [message.to for message in mail.outbox] == [[admin_address]]


def test_handler_fails__mail_goes_directly_and_once(admin_address: str) -> None:
    @alarms.on_alarm
    def fail(found: Sequence[WatchAlarm], moment: str) -> None:
        Timer.objects.get(pk=-1)

    alarms.settle([SILENT])
    alarms.settle([SILENT])
    assert [message.subject for message in mail.outbox] == ["[portal] component: beat"]


def test_minor_finding__never_mailed_directly(admin_address: str) -> None:
    alarms.settle([Finding("dead", "jobs.timers", "1 row", critical=False)])
    assert mail.outbox == []


def test_database_away__one_process_of_the_machine_mails_and_recovery_rearms(
    admin_address: str, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STATE_DIR = tmp_path
    watchers = [hands.Watcher("web"), hands.Watcher("worker")]
    now = 1000.0
    monkeypatch.setattr("controlplane.jobs.hands.time.monotonic", lambda: now)

    def away(*_: Any) -> None:
        raise OperationalError("the server went away")

    with monkeypatch.context() as broken:
        broken.setattr(hands.Watcher, "_look", away)
        for _ in range(3):
            for watcher in watchers:
                with pytest.raises(OperationalError):
                    watcher()
            now += hands.DATABASE_AWAY.value
    assert [message.subject for message in mail.outbox] == ["[portal] database: away"]
    assert not watchers[0].healthy
    monkeypatch.setattr(hands.Watcher, "_look", lambda self: setattr(self, "healthy", True))
    now -= hands.DATABASE_AWAY.value
    watchers[0]()
    mark = direct.OncePerMachine("database")
    assert mark.path.exists(), "another process may still see it away"
    now += direct.CALM.value
    watchers[0]()
    assert not mark.path.exists()


def test_told_once__what_no_mail_server_took_is_told_again_and_nobody_contradicts(
    settings: Any, tmp_path: Any
) -> None:
    settings.STATE_DIR = tmp_path
    now, answers, said = 1000.0, [False, True, True], list[str]()
    one, other = (direct.OncePerMachine("trouble", now=lambda: now) for _ in range(2))

    def say() -> bool:
        said.append("told")
        return answers.pop(0)

    assert not one.tell(say)
    assert other.tell(say), "the first could not: whoever looks next says it"
    assert not one.tell(say)
    assert not other.over(), "somebody saw it just now"
    now += direct.CALM.value - 1
    one.tell(say)
    now += 2
    assert not other.over(), "and sees it still"
    now += direct.CALM.value
    answers.append(True)
    assert other.over(say)
    assert not one.over(say)
    assert said == ["told"] * 3
    now = 1.0  # the machine was started anew, and the mark was left
    one.tell(say)
    now = 0.5
    assert one.over()


def _killed() -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return False


def test_told_once__by_one_that_is_killed_while_it_tells__another_tells(
    settings: Any, tmp_path: Any
) -> None:
    settings.STATE_DIR = tmp_path
    mark = direct.OncePerMachine("trouble")
    pid = os.fork()
    if not pid:
        mark.tell(_killed)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert mark.path.exists()
    assert mark.tell(lambda: True)


def test_watcher__young_process__beats_but_does_not_judge_yet(
    told: list[tuple[str, str]],
) -> None:
    heartbeats._last.clear()
    watcher = hands.Watcher("worker")
    watcher()
    assert Heartbeat.objects.filter(component="worker").exists()
    assert told == []
    watcher.started -= hands.GRACE.value
    watcher()
    ((subjects, moment),) = told
    assert "beat" in subjects.split(", ")
    assert moment == "opened"
    assert not watcher.healthy


def test_outward_sign_of_life__stops_when_unwell(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def called(method: str, url: str, **_: Any) -> http.Response:
        asked.append(url)
        return http.Response(200, {}, b"")

    monkeypatch.setattr(http, "request", called)
    monkeypatch.setattr(direct, "_next_ping", float("-inf"))
    assert not direct.ping(healthy=True), "no address, no ping"
    settings.DEADMAN_URL = "https://watch.example.org/1"
    assert not direct.ping(healthy=False)
    assert direct.ping(healthy=True)
    assert not direct.ping(healthy=True), "once a minute"
    assert asked == ["https://watch.example.org/1"]


def test_alarms__not_shown_to_who_may_not_see_jobs() -> None:
    alarms.settle([SILENT])
    ws = make.workspace()
    rows = WatchAlarm.objects
    assert rows.visible_to(make.actor(make.person(ws, "primary_operator"))).exists()
    assert not rows.visible_to(make.actor(make.person(ws, "viewer"))).exists()


# --- Signs of life -----------------------------------------------------------------------------


def test_beat__throttled_per_process_and_component() -> None:
    heartbeats._last.clear()
    assert heartbeats.beat("web", "h:1")
    assert not heartbeats.beat("web", "h:1")
    assert heartbeats.beat("worker", "h:1")
    assert Heartbeat.objects.count() == 2


def test_loop__survives_errors_and_stops() -> None:
    turns: list[int] = []

    def work() -> None:
        turns.append(1)
        raise ValueError

    loop = hands.Loop("t", 0.001, work)
    loop.start()
    for _ in range(1000):
        if len(turns) > 2:
            break
        loop._stop.wait(0.005)
    loop.stop()
    assert len(turns) > 2

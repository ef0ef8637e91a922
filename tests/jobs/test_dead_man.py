"""The outward sign of life, at a server that listens: it comes while all is well, and its silence
is the alarm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from controlplane.jobs import alarms, direct, engine, hands, heartbeats, watch
from controlplane.jobs.models import EngineCycle, WatchAlarm
from tests.kit.receivers import Receiver, http_receiver

pytestmark = pytest.mark.django_db


class Outside:
    """Whoever watches from elsewhere, and the signs that reached it."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.url = f"{receiver.url}/ping/1"

    @property
    def signs(self) -> list[str]:
        return [one.path for one in self.receiver.received]


@pytest.fixture
def outside(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    monkeypatch.setattr(alarms, "HANDLERS", [])
    monkeypatch.setattr(watch, "PROBES", {})
    monkeypatch.setattr(direct, "_known_admins", frozenset())
    monkeypatch.setattr(direct, "_next_ping", float("-inf"))
    for default in (direct.PING_EVERY, direct.PING_AGAIN, alarms.LOOK_EVERY):
        monkeypatch.setenv(default.env_name, "0")
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        found = Outside(receiver)
        settings.DEADMAN_URL = found.url
        yield found


def well() -> None:
    for component in watch.expected():
        heartbeats.write(component, "host:1")
    engine._due()
    EngineCycle.objects.get_or_create(module="watch")
    # What the rows got from this process's clock lies behind the transaction's own.
    EngineCycle.objects.update(ok_at=Now(), not_before=Now())


def judging() -> hands.Watcher:
    watcher = hands.Watcher("web")
    watcher.started -= hands.GRACE.value
    return watcher


def test_sign__comes_while_all_is_well_and_stops_when_the_engine_stalls(outside: Outside) -> None:
    well()
    watcher = judging()
    watcher()
    watcher()
    assert outside.signs == ["/ping/1"] * 2
    EngineCycle.objects.filter(module="jobs.timers").update(ok_at=Now() - timedelta(minutes=5))
    watcher()
    watcher()
    assert len(outside.signs) == 2, "silence"
    well()
    WatchAlarm.objects.update(seen_at=Now() - timedelta(minutes=1))
    watcher()
    assert len(outside.signs) == 3, "and again when it turns"


def test_process_that_just_started__is_no_sign_of_life_of_what_stands_still(
    outside: Outside,
) -> None:
    well()
    EngineCycle.objects.filter(module="jobs.timers").update(ok_at=Now() - timedelta(minutes=5))
    judging()()
    assert outside.signs == []
    hands.Watcher("web")()
    assert outside.signs == []


def test_other_processes__give_no_sign(outside: Outside) -> None:
    well()
    watcher = hands.Watcher("worker")
    watcher()
    assert outside.signs == []


def test_deaf_outside__stops_nothing(outside: Outside, settings: Any) -> None:
    well()
    settings.DEADMAN_URL = "http://127.0.0.1:9/"
    watcher = judging()
    watcher()
    assert watcher.healthy
    assert outside.signs == []


def test_sign_that_is_refused__is_sent_again_and_said_when_it_lasts(outside: Outside) -> None:
    well()
    outside.receiver.answer_by_path["/ping/1"] = 404
    assert not direct.ping(healthy=True)
    assert not direct.ping(healthy=True)
    assert len(outside.signs) == 2, "tried again"
    (found,) = watch.deaf_outside()
    assert "404" in found.message
    assert not found.critical, "or no sign would ever be sent again"
    del outside.receiver.answer_by_path["/ping/1"]
    assert direct.ping(healthy=True)
    assert list(watch.deaf_outside()) == []


def test_one_that_is_refused__says_nothing_while_others_are_taken(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(direct.PING_EVERY.env_name)
    assert direct.ping(healthy=True)
    monkeypatch.setattr(direct, "_next_ping", float("-inf"))
    outside.receiver.will_answer(503)
    assert not direct.ping(healthy=True)
    assert list(watch.deaf_outside()) == []

"""Every door of a portal under kills: first the clients and the auditor are proved, then it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.http.response import HttpResponseBase
from django.test import Client as Browser
from django.test.utils import override_settings

from controlplane.base.models import Signal
from controlplane.console.chaos_doors import Plan, Told, auditing, hold, world
from controlplane.console.chaos_doors.doors import DOORS, Answer, Client, Door, Writers
from controlplane.console.chaos_doors.trial import SHARES
from controlplane.lib import clock
from incidents.paging import numbers

SECONDS = float(os.environ.get("CHAOS_SECONDS", "12"))
SEED = int(os.environ.get("CHAOS_SEED", "7"))


class Inside(Client):
    """The same client, whose requests go to the application itself."""

    def send(self, method: str, path: str, body: Any = None, headers: Any = None) -> Answer:
        given = dict(headers or {})
        browser = Browser(REMOTE_ADDR="127.0.0.1", enforce_csrf_checks=True)
        for pair in filter(None, given.pop("Cookie", "").split("; ")):
            name, _, value = pair.partition("=")
            browser.cookies[name] = value
        answer: HttpResponseBase = browser.generic(
            method, path, b"" if body is None else _json(body), "application/json", headers=given
        )
        return Answer(answer.status_code, answer.json())  # type: ignore[attr-defined]


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.fixture
def client(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
    monkeypatch.setattr(numbers, "WAIT_LEAST", SimpleNamespace(value=1))
    with override_settings(REQUIRE_SECOND_FACTOR=False):
        yield Inside(0, world.make())


def raw() -> Any:
    connection.ensure_connection()
    return connection.connection


def test_every_door__takes_its_key_again_and_stores_it_once(client: Inside) -> None:
    accepted: dict[str, list[str]] = {}
    for door in DOORS:
        for number in (0, 0, 1):
            answer = door.write(client, door.key(number))
            assert answer.well, (door.name, answer)
        accepted[door.name] = [door.key(0), door.key(1)]
    found = auditing.audit(raw(), accepted, Counter())
    assert found.lost == []
    assert found.doubled == []
    assert found.gaps == []
    assert found.stored == {door.name: 2 for door in DOORS}


def test_auditor__finds_what_is_lost_and_what_is_there_twice(client: Inside) -> None:
    for key in ("chaos-threads-00000", "chaos-threads-00001"):
        (threads,) = (door for door in DOORS if door.name == "threads")
        assert threads.write(client, key).well
    path = f"/api/v1/threads/{client.world['thread']}/messages"
    again = {"body": "chaos-threads-00001", "idempotency_key": "another"}
    assert client.send("POST", path, again, client.as_agent()).well
    accepted = {"threads": ["chaos-threads-00000", "chaos-threads-00007"], "api": ["chaos-api-0"]}
    found = auditing.audit(raw(), accepted, Counter())
    assert found.lost == ["chaos-api-0", "chaos-threads-00007"]
    assert found.doubled == ["chaos-threads-00001"]


def test_stranger__is_no_door(client: Inside) -> None:
    """Who holds the keys of another place is refused for good, and that is told."""
    stranger = Inside(0, {**client.world, "person": "cp_local_none", "agent": "cp_local_none"})
    for door in DOORS:
        if door.name != "alerts":  # its key is its address
            assert door.write(stranger, door.key(0)).status == 401, door.name


def test_writers__send_again_until_it_is_taken_and_tell_what_was_refused() -> None:
    said = iter([Answer(503, None), Answer(0, "ConnectionResetError"), Answer(201, {})])
    door = Door("api", lambda client, key: next(said), "")
    with patch("controlplane.console.chaos_doors.doors.PAUSE_S", 0.0):
        writers = Writers(Client(0, {}))
        assert writers._until_taken(door, "k")
        assert writers.refused == {"api: 503": 1, "api: ConnectionResetError": 1}
        never = Door("api", lambda client, key: Answer(403, {"no": 1}), "")
        assert not writers._until_taken(never, "k")
    assert list(writers.wrong) == ['api: 403 {"no": 1}']


def test_victims__every_kind_and_as_many_as_asked() -> None:
    assert set(Plan(kills=len(SHARES)).victims(Random(1))) == set(SHARES)
    assert len(Plan(kills=5).victims(Random(2))) == 5
    assert len(Plan(kills=60).victims(Random(3))) == 60


def test_told__is_content_only_when_nothing_is_missing() -> None:
    told = Told(Plan(seed=3), accepted={door.name: 1 for door in DOORS})
    assert told.missed() == []
    told.audit.lost = ["chaos-api-00001"]
    told.audit.doubled = ["chaos-threads-00002"]
    told.left, told.calm_s = {"outbox": 2}, 240.0
    told.accepted["flags"] = 0
    told.log = "1 row altered"
    assert told.missed() == [
        "1 lost: chaos-api-00001 (seed 3)",
        "1 stored twice: chaos-threads-00002 (seed 3)",
        "doors that took nothing: flags",
        "not done 240 s after the last kill, stuck: outbox 2",
        "the audit log is not whole: 1 row altered",
    ]


@pytest.mark.django_db
def test_what_is_left__is_told_with_its_reason__and_what_is_dead_is_missed() -> None:
    soon, never = clock.now() + timedelta(minutes=2), clock.now() + timedelta(days=900)
    tried = {"kind": "flags.changed", "attempts": 3, "last_error": "DeadlockDetected: again"}
    Signal.objects.create(key="late", ready_at=soon, **tried)
    Signal.objects.create(key="parked", ready_at=never, kind="flags.changed")
    Signal.objects.create(key="dead", state="dead", kind="flags.told", last_error="Broken: no")
    assert auditing.unfinished(raw()) == {"signals": 1}
    (line,) = auditing.why(raw())
    assert line.startswith("signals: 1 × flags.changed, waiting, tried 3 times, due in ")
    assert line.endswith("DeadlockDetected: again")
    told = Told(Plan(seed=3), accepted={door.name: 1 for door in DOORS})
    told.audit = auditing.audit(raw(), {}, Counter())
    assert told.missed() == ["1 dead: flags.told: Broken: no (seed 3)"]


@pytest.mark.chaos
@pytest.mark.slow
def test_kills_at_random_on_every_door__nothing_lost_nothing_doubled() -> None:
    told = hold(Plan(seconds=SECONDS, kills=8, seed=SEED))
    assert told.missed() == []
    assert sum(told.kills.values()) >= 4

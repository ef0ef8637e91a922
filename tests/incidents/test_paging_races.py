"""Engines at once, somebody who answers while a step is taken, and engines that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Count
from django.db.models.functions import Now

from controlplane.embedded.processes import wait_until
from controlplane.lib.dsn import with_database
from controlplane.notify.models import Delivery, OutboxMessage
from incidents.models import EscalationRun, Incident, Page, PolicyVersion
from incidents.paging import answering, stepping
from tests import make
from tests.kit.incidents import Watchroom, role
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]
ROOT = Path(__file__).resolve().parents[2]
ROLES = ("primary_operator", "secondary_operator", "engineering_lead")


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def _burning(room: Watchroom, count: int, *, wait_s: int) -> None:
    """Incidents whose ladder names three people, every step due at once when `wait_s` is 0."""
    row = room.policy(*((60, [role(slug)]) for slug in ROLES), repeats=0)
    steps = [{"targets": [role(slug)], "wait_s": wait_s} for slug in ROLES]
    version = PolicyVersion.objects.create(
        policy=row, number=2, steps=steps, repeats=0, catch_all=[role("workspace_admin")],
        made_by_ref="tests",
    )  # fmt: skip
    incidents = Incident.objects.bulk_create(
        Incident(workspace=room.workspace, ref=f"INC-{1000 + n}", title=f"It fails {n}",
                 severity="sev1", origin="alert", created_by="tests")
        for n in range(count)
    )  # fmt: skip
    EscalationRun.objects.bulk_create(
        EscalationRun(workspace=room.workspace, incident=each, policy=version, why="opened",
                      next_at=each.opened_at - timedelta(seconds=1))
        for each in incidents
    )  # fmt: skip


def _work(_: int) -> int:
    return stepping.work(time.monotonic() + 20)


def _doubled() -> int:
    rows = Page.objects.values("run", "round", "step", "target").annotate(n=Count("pk"))
    return rows.filter(n__gt=1).count()


def test_engines_at_once__take_each_step_once(room: Watchroom) -> None:
    _burning(room, 60, wait_s=0)
    results = race(4, _work)
    assert not [each for each in results if isinstance(each, Exception)]
    while stepping.step_batch():
        pass
    pages = Page.objects.exclude(user=None)
    assert pages.count() == 60 * 4  # the catch-all too
    assert _doubled() == 0
    assert Delivery.objects.filter(method="email").count() == 60 * 4
    assert OutboxMessage.objects.filter(topic="notify.deliver").count() == 60 * 4


def test_answer_while_steps_are_taken__nobody_is_called_afterwards(room: Watchroom) -> None:
    _burning(room, 40, wait_s=0)
    incidents = list(Incident.objects.filter(ref__startswith="INC-1"))
    actor = make.actor(room.primary)

    def act(number: int) -> int:
        if number < 2:
            return _work(number)
        for each in incidents[number - 2 :: 2]:
            answering.answered(each, actor=actor, way="link")
        return 0

    results = race(4, act)
    assert not [each for each in results if isinstance(each, Exception)], results
    assert not EscalationRun.objects.filter(status="running").exists()
    assert not Page.objects.filter(status__in=["calling", "sent", "delivered"]).exists()
    assert not Page.objects.filter(next_at__isnull=False).exists()
    assert not Delivery.objects.filter(state="waiting").exists()


@contextmanager
def _engine() -> Iterator[subprocess.Popen[bytes]]:
    url = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    child = subprocess.Popen(
        [sys.executable, "manage.py", "engine", "--loop"], cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "EMAIL_URL": "dummymail://"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@pytest.mark.slow
def test_killed_engines__lose_no_page_and_double_none(room: Watchroom) -> None:
    """Real engine processes, killed again and again while the steps of 60 runs are taken and what
    they send is sent."""
    chance = random.Random(18)
    _burning(room, 60, wait_s=1)
    wanted = 60 * 4
    connection.close()

    def done() -> bool:
        rows = Page.objects.exclude(user=None).count()
        connection.close()
        return rows >= wanted

    kills = 0
    for _ in range(6):
        with _engine() as child:
            began = Page.objects.count()
            connection.close()

            def moved(before: int = began) -> bool:
                rows = Page.objects.count()
                connection.close()
                return rows > before

            wait_until(moved, 40)
            time.sleep(chance.uniform(0, 0.4))
            os.kill(child.pid, signal.SIGKILL)
            kills += 1
            child.wait()
        if done():
            break
    with _engine():
        assert wait_until(done, 120)
        assert wait_until(_sent, 180)
    assert kills
    assert Page.objects.exclude(user=None).count() == wanted
    assert _doubled() == 0
    assert not Page.objects.exclude(user=None).filter(notification=None).exists()


def _sent() -> bool:
    """What a killed sender had claimed waits for its lease; the test does not."""
    OutboxMessage.objects.filter(state="leased").update(ready_at=Now())
    left = Delivery.objects.filter(method="email").exclude(state="sent").exists()
    connection.close()
    return not left

"""Supervisors by hand: each turn claims what is due and takes it one step, in this thread. Time is
moved under the rows, for it is the database's clock that is compared with."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F

from controlplane.access.models import Agent
from controlplane.jobs import leases
from missions.threads import numbers, services
from missions.threads.models import (
    AgentPulse,
    Participant,
    RuntimeSession,
    WakeAttempt,
    WakeRun,
    WakeTrigger,
)
from missions.threads.waking import commands
from missions.threads.waking.delivering import Place, deliver
from missions.threads.waking.due import takeable
from missions.threads.waking.runs import Keeper
from missions.threads.waking.services import settling
from tests.kit.threads import Talk

SECRET = "s" * 32
_MOMENTS: dict[Any, tuple[str, ...]] = {
    WakeTrigger: (
        *("ready_at", "created_at", "sent_at", "deferred_since", "finished_at", "acked_at"),
    ),
    WakeAttempt: ("created_at",),
    WakeRun: ("started_at", "deadline_at", "ended_at"),
    AgentPulse: ("seen_at",),
    Participant: ("read_at",),
    RuntimeSession: ("beat_at", "operator_busy_until", "connected_at", "connected_until"),
}


@contextmanager
def lifted(*models: Any) -> Iterator[None]:
    """Without what the database holds to of wakes: of what can't happen, or only with time."""
    tables = [model._meta.db_table for model in models or (WakeTrigger, WakeAttempt, WakeRun)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def lose_wakes(**which: Any) -> None:
    """As if nobody had been woken."""
    with lifted():
        WakeTrigger.objects.filter(**which).delete()


def move(by: timedelta) -> None:
    """All of it is longer ago."""
    with lifted():
        for model, names in _MOMENTS.items():
            for name in names:
                rows = model.objects.filter(**{f"{name}__isnull": False})
                rows.update(**{name: F(name) - by})


class Night:
    """Agents that sleep, and one supervisor."""

    def __init__(self, talk: Talk | None = None) -> None:
        self.talk = talk or Talk()
        self.place = Place("test:1:a", Keeper())

    def turn(self, place: Place | None = None) -> list[str]:
        """What was done with each that is due."""
        done = []
        for _ in range(100):
            rows = self.claim()
            if not rows:
                break
            done += [deliver(row, place or self.place) for row in rows]
        return done

    def claim(self) -> list[WakeTrigger]:
        return leases.claim(
            takeable().filter(agent=self.talk.reviewer),
            limit=20,
            lease_seconds=numbers.WAKE_LEASE_SECONDS.value,
            on_bury=settling.bury,
        )

    def later(self, seconds: float) -> None:
        move(timedelta(seconds=seconds))

    def post(self, **given: Any) -> WakeTrigger:
        """A message for the reviewer alone, who sleeps."""
        self.talk.post("executioner", to={"role": "reviewer"}, **given)
        return self.wake

    @property
    def wake(self) -> WakeTrigger:
        return self.talk.wakes(self.talk.reviewer)[-1]

    @property
    def tries(self) -> list[tuple[str, str]]:
        rows = WakeAttempt.objects.filter(trigger__agent=self.talk.reviewer).order_by("pk")
        return list(rows.values_list("path", "result"))

    def session(self, name: str = "s1", agent: Agent | None = None, **given: Any) -> RuntimeSession:
        values = {"runtime": "codex", "adapter": "pull", **given}
        if values["adapter"] == "webhook":
            values["secret"] = SECRET
        return services.register_runtime(
            agent or self.talk.reviewer, name, actor=self.talk.operator, **values
        )

    def webhook(self, url: str, name: str = "s1", **given: Any) -> RuntimeSession:
        return self.session(name, adapter="webhook", target=url, **given)

    def beat(self, name: str = "s1") -> None:
        services.heartbeat(name, actor=self.talk.by("reviewer"), runtime="codex")

    def ack(self, seq: int = 1) -> None:
        services.ack_read(self.talk.thread.uid, seq, actor=self.talk.by("reviewer"))


@contextmanager
def allowing(monkeypatch: pytest.MonkeyPatch, **templates: Any) -> Iterator[None]:
    monkeypatch.setenv(commands.ENVIRONMENT, json.dumps(templates))
    yield


def program(code: str) -> list[str]:
    """Python as the runtime; what comes after it are its arguments."""
    return [sys.executable, "-c", code]

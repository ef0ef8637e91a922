"""Rows of threads for the walk over every transition table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models

from controlplane.lib import clock
from missions.threads.models import WakeRun
from tests.kit.stateful import NEEDS, builds
from tests.kit.threads import Talk


@builds("threads.thread")
def thread() -> models.Model:
    return Talk().thread


def _thread(row: models.Model, to: str) -> dict[str, Any]:
    return {"status_reason": "walk" if to == "blocked" else "", "blocked_by": ""}


NEEDS["threads.thread"] = _thread


@builds("threads.wakerun")
def wake_run() -> models.Model:
    talk = Talk()
    talk.post("executioner")
    (wake,) = talk.wakes(talk.reviewer)
    return WakeRun.objects.create(
        workspace=talk.workspace, trigger=wake, agent=talk.reviewer, path="spawn", host="here",
        supervisor="here:1", deadline_at=clock.now() + timedelta(minutes=15),
    )  # fmt: skip


def _wake_run(row: models.Model, to: str) -> dict[str, Any]:
    return {"ended_at": None if to == "running" else clock.now()}


NEEDS["threads.wakerun"] = _wake_run

"""The watcher goes on, whatever becomes of its connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError, connection, transaction

from deployments.flags.serving import watching
from deployments.flags.serving.store import Store

pytestmark = pytest.mark.django_db(transaction=True)
SILENT = "SELECT pg_sleep(12)"  # no word comes back: nothing else tells a dead server from here


class Silenced(Store):
    """The database falls silent once, in the midst of a look."""

    def __init__(self, look: Callable[[], None]) -> None:
        super().__init__()
        self.look, self.looks, self.again = look, 0, threading.Event()
        self.failure: Exception | None = None

    def refresh(self) -> None:
        self.looks += 1
        if self.looks > 1:
            super().refresh()
            self.again.set()
            return
        try:
            self.look()
        except Exception as error:
            self.failure = error
            raise


def ask() -> None:
    with connection.cursor() as cursor:
        cursor.execute(SILENT)


def ask_in_a_transaction() -> None:
    with transaction.atomic():
        ask()


@pytest.fixture(params=[ask, ask_in_a_transaction])
def watched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Silenced]:
    monkeypatch.setenv("CONTROLPLANE_FLAGS_DEADLINE_SECONDS", "0.5")
    monkeypatch.setenv("CONTROLPLANE_FLAGS_LOOK_SECONDS", "0.1")
    store = Silenced(request.param)
    watcher = watching.Watcher(store)
    watcher.start()
    yield store
    watcher.stop()
    assert not watcher.alive
    with connection.cursor() as cursor:  # the server sleeps on: nobody told it that we left
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query = %s AND datname = current_database()",
            [SILENT],
        )


def test_silent_database__holds_the_watcher_for_its_deadline_only(watched: Silenced) -> None:
    began = time.monotonic()
    assert watched.again.wait(timeout=8)
    assert time.monotonic() - began < 5
    assert isinstance(watched.failure, OperationalError)
    assert "has not answered" in str(watched.failure)


def test_quiet_channel__is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for news may take longer than an answer may."""
    monkeypatch.setenv("CONTROLPLANE_FLAGS_DEADLINE_SECONDS", "0.1")
    monkeypatch.setenv("CONTROLPLANE_FLAGS_LOOK_SECONDS", "0.4")
    store = Silenced(lambda: None)
    watcher = watching.Watcher(store)
    watcher.start()
    assert store.again.wait(timeout=8)
    assert store.failure is None
    assert watcher.alive
    watcher.stop()

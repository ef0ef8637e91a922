from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils.log import log_response

from controlplane.jobs import broker, engine, health, heartbeats, watch
from controlplane.jobs.models import EngineCycle, Heartbeat, Timer
from controlplane.lib import clock

pytestmark = pytest.mark.django_db(transaction=True)
OUTSIDE = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(health, "_last", None)
    monkeypatch.setattr(health, "_migrated", set())
    yield
    # A look that was given up goes on; the next test must not take it for its own.
    for thread in threading.enumerate():
        if thread.name.startswith("ready-"):
            thread.join(10)


@pytest.fixture
def alive() -> None:
    for component in watch.expected():
        heartbeats.write(component, "host:1")
    engine._due()
    EngineCycle.objects.update(ok_at=Now())


def failing() -> list[str]:
    return health.look().failing


def test_health__always_ok_and_asks_no_database(
    client: Client, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        response = client.get("/health")
    assert (response.status_code, response.json()["status"]) == (200, "ok")


def test_stream_health__answers(client: Client) -> None:
    assert client.get("/stream/health").json()["component"] == "stream"


def test_ready__everything_works__200(client: Client, alive: None) -> None:
    response = client.get("/ready")
    assert response.status_code == 200, response.json()
    assert response.json()["failing"] == []
    assert set(response.json()["checks"]) == {
        *("web", "stream", "worker", "beat", "tick"),
        *("database", "migrations", "broker", "engine", "lag"),
    }


@pytest.mark.parametrize("component", ["stream", "worker", "beat", "tick"])
def test_ready__component_silent__503_and_its_name(
    client: Client, alive: None, component: str, caplog: pytest.LogCaptureFixture
) -> None:
    Heartbeat.objects.filter(component=component).update(at=Now() - timedelta(minutes=1))
    response = client.get("/ready")
    assert (response.status_code, response.json()["failing"]) == (503, [component])
    assert response["Retry-After"] == "5"
    assert not [each for each in caplog.records if each.levelname == "ERROR"], "it is no error"


def test_error_of_another_page__is_logged(caplog: pytest.LogCaptureFixture) -> None:
    request = RequestFactory().get("/ready/not")
    for path, status in (("/ready", 500), ("/ready/not", 503), ("/ready", 503)):
        request.path = path
        answer = HttpResponse(status=status)
        log_response("%s", path, response=answer, request=request)
    assert [each.getMessage() for each in caplog.records] == ["/ready", "/ready/not"]


def test_ready__engine_stands_still(alive: None) -> None:
    EngineCycle.objects.filter(module="outbox").update(ok_at=Now() - timedelta(minutes=1))
    assert failing() == ["engine"]


def test_ready__rows_wait_too_long(alive: None) -> None:
    past = clock.now() - timedelta(minutes=5)
    Timer.objects.create(kind="t", key="late", due_at=past, ready_at=past)
    assert failing() == ["lag"]


def test_ready__migration_missing(alive: None) -> None:
    applied = MigrationRecorder.Migration.objects.get(app="jobs", name__startswith="0001")
    applied.delete()
    try:
        report = health.look()
    finally:
        applied.save(force_insert=True)
    assert report.failing == ["migrations"]
    assert "jobs.0001" in next(c.detail for c in report.checks if c.name == "migrations")
    assert failing() == []


@pytest.mark.slow
def test_ready__broker_gone(alive: None, settings: Any) -> None:
    settings.REDIS_URL = "redis+socket:///nonexistent/valkey.sock?virtual_host=0"
    assert failing() == ["broker"]


@pytest.fixture
def mute_server() -> Iterator[int]:
    """Accepts and never answers, like a stopped process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_ready__broker_hangs__answers_in_time(alive: None, settings: Any, mute_server: int) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{mute_server}/0"
    started = time.monotonic()
    assert failing() == ["broker"]
    assert time.monotonic() - started < 3


def test_ready__database_gone__web_still_answers(
    client: Client, alive: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {**connections.databases["default"], "HOST": "/nonexistent", "OPTIONS": {}}
    monkeypatch.setitem(connections.databases, "default", gone)
    response = client.get("/ready")
    assert (response.status_code, response.json()["failing"]) == (503, ["database"])


def test_look_hangs__is_given_up_and_not_started_again() -> None:
    let_go, starts = threading.Event(), []

    def hang() -> list[health.Check]:
        starts.append(1)
        let_go.wait(10)
        return [health.Check("slow", True)]

    bounded = health.Bounded("slow", hang)
    for _ in range(3):
        bounded.begin()
        assert bounded.result(time.monotonic() + 0.01) == [
            health.Check("slow", False, "does not answer")
        ]
    assert starts == [1]
    let_go.set()
    assert bounded.result(time.monotonic() + 5) == [health.Check("slow", True)]


def test_answers_within_a_second_share_one_look(alive: None) -> None:
    first = health.report()
    Heartbeat.objects.all().delete()
    assert health.report() is first


def test_details__only_for_local_or_token(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "scrape-me"
    assert "details" in client.get("/ready").json()
    assert "details" not in client.get("/ready", **OUTSIDE).json()  # type: ignore[arg-type]
    told = client.get("/ready", headers={"Authorization": "Bearer scrape-me"}, **OUTSIDE)  # type: ignore[arg-type]
    assert "details" in told.json()


def test_ready__only_reads(client: Client) -> None:
    assert client.post("/ready").status_code == 405


def test_broker__socket_in_a_folder_with_a_space__is_found(settings: Any) -> None:
    settings.REDIS_URL = "redis+socket:///srv/my%20portal/valkey.sock?virtual_host=3"
    used = broker.client().connection_pool.connection_kwargs
    assert (used["path"], used["db"]) == ("/srv/my portal/valkey.sock", 3)

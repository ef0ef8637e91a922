"""What the minutely look reads, counts once and does, also when two look at the same moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from controlplane.jobs.registry import JOBS
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, InvalidTransition
from deployments.canary import services as canary
from deployments.canary import sources
from deployments.canary.services.looking import read, tick
from deployments.canary.services.trying import try_source
from deployments.canary.ticks import tick_all
from deployments.flags.models.serving import ImpactSample
from deployments.flags.services.impact import Sample, keep
from deployments.models import Rollout, RolloutSample
from tests.kit.racing import race
from tests.kit.rollouts import MINUTE, World, fresh, later, look, step_of

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def from_telemetry(world: World) -> Rollout:
    """Running, with a baseline that the portal's own events gave."""
    at = clock.now() - 10 * MINUTE
    world.send(20, answer="off", at=at, duration_ms=100.0)
    world.send(1, answer="off", at=at, status="error", duration_ms=120.0)
    rollout = canary.take_baseline(world.plan(source="telemetry"), actor=world.actor)
    return canary.start(rollout, actor=world.actor)


# --- The portal's telemetry ----------------------------------------------------------------------


def test_telemetry__baseline_of_those_without_it(from_telemetry: Rollout) -> None:
    assert from_telemetry.baseline is not None
    figures = from_telemetry.baseline.figures
    assert figures["requests"] == 21
    assert figures["error_rate"] == pytest.approx(1 / 21)
    assert from_telemetry.slow_ms == pytest.approx(2 * figures["p95_ms"])


def test_telemetry__both_sides_counted_and_each_minute_once(
    world: World, from_telemetry: Rollout
) -> None:
    with later(1):
        at = clock.now()
        world.send(8, answer="on", at=at)
        world.send(2, answer="Blue", at=at, duration_ms=5_000.0)
        world.send(1, answer="on", at=at, status="info", duration_ms=None)  # nothing was asked
        world.send(5, answer="disabled", at=at)
        world.send(3, answer="on", at=at, env="production")
    for _ in range(2):
        rollout = look(from_telemetry, 3)
    sample = RolloutSample.objects.get(step=step_of(rollout), n__gt=0)
    assert (sample.n, sample.slow, sample.others) == (10, 2, 5)
    assert step_of(rollout).numbers["requests"] == 10


def test_telemetry__a_violation_in_the_cohort_rolls_back(
    world: World, from_telemetry: Rollout
) -> None:
    with later(1):
        world.send(
            1,
            answer="off",
            event="validator_alert_raised",
            at=clock.now(),
            context={"severity": "high", "safeguard_id": "tone"},
        )
    assert look(from_telemetry, 3).status == "running"
    with later(4):
        world.send(
            1,
            event="validator_alert_raised",
            at=clock.now(),
            context={"severity": "high", "safeguard_id": "tone"},
        )
    rollout = look(from_telemetry, 6)
    assert (rollout.status, step_of(rollout).rule) == ("rolled_back", "safeguard")


def test_telemetry__of_another_workspace_is_not_read(world: World, from_telemetry: Rollout) -> None:
    elsewhere = World()
    with later(1):
        elsewhere.send(50, answer="on", at=clock.now(), status="error")
    assert look(from_telemetry, 3).status == "running"
    assert not RolloutSample.objects.filter(n__gt=0).exists()


def test_figures_that_stop__held_once_then_asked(from_telemetry: Rollout) -> None:
    for minutes in (6, 7, 8):
        rollout = look(from_telemetry, minutes)
    assert (rollout.status, step_of(rollout).rule) == ("held", "no_data")
    assert rollout.events.filter(what="hold").count() == 1
    rollout = look(rollout, 40)
    assert (rollout.status, step_of(rollout).verdict) == ("held", "ask")
    assert rollout.events.filter(what="ask").count() == 1


def test_after_a_time_without_workers__caught_up_in_pieces(
    world: World, from_telemetry: Rollout
) -> None:
    with later(2):
        world.send(4, at=clock.now())
    rollout = look(from_telemetry, 200)
    assert rollout.read_until is not None
    assert from_telemetry.read_until is not None
    assert rollout.read_until - from_telemetry.read_until == timedelta(hours=1)
    assert step_of(rollout).numbers["requests"] == 4


# --- Impact metrics ------------------------------------------------------------------------------


def impact(world: World, answer: str, *, errors: int, slow: int, n: int = 100) -> list[Sample]:
    labels = {world.flag.flag_name: answer}
    buckets = {"0.1": n - slow, "0.5": n - slow, "2": n, "+Inf": n}
    return [
        Sample("shop", "took", "histogram", labels, value=9.0, count=n, buckets=buckets),
        Sample("shop", "failed", "counter", labels, value=float(errors)),
    ]


def test_impact__counted_from_what_sdks_send_and_not_from_browsers(world: World) -> None:
    asking = {"latency": "took", "errors": "failed", "unit": "s"}
    place = world.staging.pk
    before = clock.now() - 5 * MINUTE
    keep(place, before, impact(world, "disabled", errors=1, slow=4))
    rollout = canary.take_baseline(world.plan(source="impact", asking=asking), actor=world.actor)
    assert rollout.baseline is not None
    assert rollout.baseline.figures["error_rate"] == 0.01
    assert rollout.slow_ms == 200  # twice the bucket that holds 95 of 100
    rollout = canary.start(rollout, actor=world.actor)
    with later(1):
        keep(place, clock.now(), impact(world, "enabled", errors=1, slow=3))
        keep(place, clock.now(), impact(world, "disabled", errors=0, slow=0, n=50))
        keep(place, clock.now(), impact(world, "enabled", errors=90, slow=0), source="frontend")
    assert ImpactSample.objects.filter(source="frontend").exists()
    rollout = look(rollout, 3)
    sample = RolloutSample.objects.get(step=step_of(rollout), n__gt=0)
    assert (sample.n, sample.errors, sample.slow, sample.others) == (100, 1, 3, 50)


# --- A Prometheus server -------------------------------------------------------------------------


class _Prometheus(BaseHTTPRequestHandler):
    answers: dict[str, Any] = {}
    asked: list[tuple[str, str]] = []

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query = parse_qs(sent)["query"][0]
        self.asked.append((query, self.headers.get("Authorization", "")))
        answer = self.answers.get(query.split("{")[0])
        status = answer if isinstance(answer, int) and answer >= 400 else 200
        rows = [] if answer is None else [{"metric": {}, "value": [0, str(answer)]}]
        if isinstance(answer, list):
            rows = [{"metric": {}, "value": [0, str(each)]} for each in answer]
        body = json.dumps({"data": {"resultType": "vector", "result": rows}}).encode()
        body = answer if isinstance(answer, bytes) else body
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def prometheus(settings: Any) -> Iterator[tuple[str, type[_Prometheus]]]:
    handler = type("Prometheus", (_Prometheus,), {"answers": {}, "asked": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()
    thread.join()


def from_prometheus(world: World, url: str) -> Rollout:
    queries = {
        "requests": 'asked{flag="$flag",window="$window"}',
        "errors": "failed{}",
        "p95_ms": "p95{}",
        "baseline_requests": "asked_before{}",
        "baseline_error_rate": "rate_before{}",
        "baseline_p95_ms": "p95_before{}",
    }
    asking = {"url": url, "token": "t0ken", "queries": queries}
    rollout = world.plan(source="prometheus", asking=asking)
    return canary.start(canary.take_baseline(rollout, actor=world.actor), actor=world.actor)


def test_prometheus__asked_with_names_in_place_and_its_token(
    world: World, prometheus: tuple[str, Any]
) -> None:
    url, server = prometheus
    server.answers.update(asked_before="900", rate_before=0.01, p95_before=100, asked=40, failed=1)
    rollout = from_prometheus(world, url)
    assert rollout.slow_ms == 200
    rollout = look(rollout, 2)
    sample = RolloutSample.objects.get(step=step_of(rollout))
    assert (sample.n, sample.errors) == (40, 1)
    asked = [query for query, _ in server.asked if query.startswith("asked{")]
    assert asked[0].startswith('asked{flag="new-planner",window="')
    assert {said for _, said in server.asked} == {"Bearer t0ken"}


def test_prometheus__a_reported_p95_beyond_twice_the_baseline_rolls_back(
    world: World, prometheus: tuple[str, Any]
) -> None:
    url, server = prometheus
    server.answers.update(p95_before=100, asked=40, failed=0, p95=201)
    rollout = look(from_prometheus(world, url), 2)
    assert (rollout.status, step_of(rollout).rule) == ("rolled_back", "asserted")


@pytest.mark.parametrize(
    "answer", [500, [1, 2], "NaN", None, "1e30", b"[" * 90_000, b"[]", b'{"data": 1}']
)
def test_prometheus__down_or_odd__is_no_figures_and_no_failure(
    world: World, prometheus: tuple[str, Any], answer: Any
) -> None:
    url, server = prometheus
    rollout = from_prometheus(world, url)
    server.answers["asked"] = answer
    rollout = look(rollout, 6)
    assert (rollout.status, step_of(rollout).rule) == ("held", "no_data")


def test_prometheus__one_that_trips_the_portal__keeps_nobody_else_from_being_looked_at(
    world: World, prometheus: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, server = prometheus
    odd = from_prometheus(world, url)
    world.flag = world.make("second")
    second = from_prometheus(world, url)
    server.answers.update(asked=40, failed=0)
    ask = sources.prometheus._ask_all

    def trips(rollout: Rollout, *args: Any) -> Any:
        if rollout.pk == odd.pk:
            raise RecursionError
        return ask(rollout, *args)

    monkeypatch.setattr(sources.prometheus, "_ask_all", trips)
    with later(6):
        assert tick_all() == {"keep": 1, "hold": 1}
    assert RolloutSample.objects.get(n=40).step.rollout_id == second.pk
    assert "its source could not be read" in step_of(fresh(odd)).reason


def test_prometheus__a_long_query_is_asked_and_a_name_in_the_address_refused(
    world: World, prometheus: tuple[str, Any]
) -> None:
    url, server = prometheus
    server.answers["asked"] = 3
    queries = {"requests": "asked{" + "x" * 1_900 + "}", "errors": "failed{}"}
    rollout = world.plan(source="prometheus", asking={"url": url, "queries": queries})
    tried = try_source(rollout, actor=world.actor)
    assert (tried.trouble, tried.reading and tried.reading.figures.n) == ("", 3)
    for wrong in ("http://me:secret@example.org", "https://example.org/" + "x" * 2_040):
        with pytest.raises(Invalid) as refused:
            world.plan(source="prometheus", asking={"url": wrong, "queries": queries})
        assert list(refused.value.details) == ["asking.url"]


def test_prometheus__that_hangs__is_waited_for_once_and_not_for_each_query(
    world: World, prometheus: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, server = prometheus
    rollout = from_prometheus(world, url)
    server.asked.clear()
    monkeypatch.setattr(sources.prometheus, "SERVER_SECONDS", SimpleNamespace(value=0.0))
    _, trouble = read(fresh(rollout), clock.now() - MINUTE, clock.now())
    assert "took too long" in trouble
    assert server.asked == []


# --- At once -------------------------------------------------------------------------------------


def test_job__looks_at_every_rollout_and_goes_on_past_one_that_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "canary.tick" in JOBS
    world.running()
    second = world.running(flag=world.make("second"))
    broken = fresh(world.running(flag=world.make("third")))
    Rollout.objects.filter(pk=broken.pk).update(limits={"judge": "nobody"})
    with later(1):
        assert tick_all() == {"keep": 2, "failed": 1}
    assert fresh(second).status == "running"


@pytest.mark.django_db(transaction=True)
def test_promotion_and_rollback_in_one_moment__one_after_the_other(world: World) -> None:
    rollout = world.running(automatic=False)
    world.post(rollout, n=500)

    def move(number: int) -> str:
        if number % 2:
            return canary.roll_back(rollout, actor=world.actor, reason="Now.").status
        return canary.promote(rollout, actor=world.actor, override="Now.").status

    results = race(4, move)
    rollout = fresh(rollout)
    assert rollout.status == "rolled_back"
    assert world.settings()["on"] is False
    assert results.count("rolled_back") == 1
    for result in results:
        assert isinstance(result, str | InvalidTransition), result
    began = rollout.events.filter(what="began").count()
    assert began == 1 + results.count("running")


@pytest.mark.django_db(transaction=True)
def test_two_workers_look_at_once__each_minute_counts_once(world: World) -> None:
    at = clock.now() - 10 * MINUTE
    world.send(20, answer="off", at=at)
    rollout = canary.take_baseline(world.plan(source="telemetry"), actor=world.actor)
    rollout = canary.start(rollout, actor=world.actor)
    world.send(5, answer="on", at=clock.now() + MINUTE)
    seen = fresh(rollout)
    now = clock.now() + 3 * MINUTE
    results = race(3, lambda number: tick(seen, now=now))
    assert sorted(results) == ["counted", "counted", "keep"], results
    assert step_of(fresh(rollout)).numbers["requests"] == 5

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from controlplane.jobs import engine, heartbeats, measures, metrics, metrics_files

pytestmark = pytest.mark.django_db
OUTSIDE: dict[str, Any] = {"REMOTE_ADDR": "203.0.113.9"}


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def values() -> Callable[..., float]:
    """What one look says. In a long run there are thousands of series, so tests look seldom."""
    found = samples(metrics.exposition().decode())
    return lambda name, **labels: found.get((name, frozenset(labels.items())), 0.0)


def value(name: str, **labels: str) -> float:
    return values()(name, **labels)


def test_exposition__parses_and_every_name_is_ours() -> None:
    metrics.observe_request(method="GET", route="/ready", status=200, seconds=0.01)
    families = list(text_string_to_metric_families(metrics.exposition().decode()))
    assert {family.name for family in families} >= {
        "controlplane_http_requests",
        "controlplane_http_request_duration_seconds",
        "controlplane_rows_lag_seconds",
    }
    assert all(family.name.startswith("controlplane_") for family in families)
    assert all(family.documentation for family in families)


def test_request__counted_by_route_method_and_status() -> None:
    labels = {"method": "GET", "route": "/tests/<id>", "status": "200"}
    before = value("controlplane_http_requests_total", **labels)
    metrics.observe_request(method="GET", route="/tests/<id>", status=200, seconds=0.3)
    after = values()
    assert after("controlplane_http_requests_total", **labels) == before + 1
    bucket = {"method": "GET", "route": "/tests/<id>", "le": "0.5"}
    assert after("controlplane_http_request_duration_seconds_bucket", **bucket) >= 1


def test_every_request_is_counted_by_its_pattern(client: Client) -> None:
    labels = {"method": "GET", "route": "/health", "status": "200"}
    before = value("controlplane_http_requests_total", **labels)
    client.get("/health")
    assert value("controlplane_http_requests_total", **labels) == before + 1


def test_rows__read_at_scrape_time() -> None:
    engine._due()
    heartbeats.write("worker", "h:1")
    found = values()
    assert 0 <= found("controlplane_heartbeat_age_seconds", component="worker") < 30
    assert found("controlplane_rows_due", module="jobs.timers") == 0
    assert found("controlplane_watch_alarms_open", critical="yes") == 0
    assert found("controlplane_scrape_failed_readings") == 0


def test_broken_reading__counted_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "READINGS", dict(measures.READINGS))

    @measures.reading("controlplane_tests_broken", "Always fails.")
    def broken() -> measures.Values:
        raise ValueError

    heartbeats.write("worker", "h:1")
    found = values()
    assert found("controlplane_scrape_failed_readings") == 1
    assert found("controlplane_heartbeat_age_seconds", component="worker") >= 0


def test_reading__name_without_prefix_or_twice__refused() -> None:
    with pytest.raises(ValueError, match="begin with"):
        measures.reading("tests_wrong", "x")
    with pytest.raises(ValueError, match="twice"):
        measures.reading("controlplane_rows_due", "x")(lambda: [])


_COUNT_IN_A_PROCESS = """
import django; django.setup()
from controlplane.jobs import metrics
metrics.observe_request(method="GET", route="/elsewhere", status=200, seconds=0.1)
"""


@pytest.mark.slow
def test_other_processes__summed_and_dead_ones_folded_into_one_file() -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(metrics.FOLDER)}
    labels = {"method": "GET", "route": "/elsewhere", "status": "200"}
    before = value("controlplane_http_requests_total", **labels)
    argv = [sys.executable, "-c", _COUNT_IN_A_PROCESS]
    both = [subprocess.Popen(argv, env=environment) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert value("controlplane_http_requests_total", **labels) == before + 2
    assert value("controlplane_http_requests_total", **labels) == before + 2
    pids = {path.stem.rpartition("_")[2] for path in metrics.FOLDER.glob("*.db")}
    assert pids <= {"0", metrics_files.identity()}


def test_fold__living_process_keeps_its_file(tmp_path: Path) -> None:
    (tmp_path / f"counter_{metrics_files.identity()}.db").touch()
    assert metrics_files.fold_dead(tmp_path) == 0


def test_page__local_or_token__others_see_nothing(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", **OUTSIDE).status_code == 404
    wrong = client.get("/metrics", headers={"Authorization": "Bearer x"}, **OUTSIDE)
    assert wrong.status_code == 404, "no token is configured: an empty one must not match"
    settings.METRICS_TOKEN = "scrape-me"
    for header, status in [
        ("Bearer scrape-me", 200),
        ("bearer scrape-me", 200),
        ("Basic scrape-me", 404),
        ("Bearer scrape-m", 404),
        ("Bearer", 404),
    ]:
        answer = client.get("/metrics", headers={"Authorization": header}, **OUTSIDE)
        assert answer.status_code == status, header


def test_page__forged_forwarding_header__still_a_stranger(client: Client) -> None:
    forged = client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}, **OUTSIDE)
    assert forged.status_code == 404
    behind_proxy = client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1, 203.0.113.9"})
    assert behind_proxy.status_code == 404


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool__has_nothing_to_say() -> None:
    metrics.observe_request(method="GET", route="/ready", status=200, seconds=0.01)
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=metrics.exposition(),
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr

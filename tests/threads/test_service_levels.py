"""The floor that the rollout agreed on: a run of the measurement, and the one that is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from missions.threads.benches import report
from missions.threads.benches.driving import Heard
from tests.kit.source import ROOT

KEPT = ROOT / "docs" / "pilot_sli_baseline.json"
KEYS = {
    "measuredAt", "iterations", "thresholds", "post", "read", "trigger", "postToVisibleP95Ms",
    "messageToWakeTriggerP95Ms",
}  # fmt: skip
CALLS = {"attempts", "successes", "failures", "successRate", "p95LatencyMs"}


def complete(found: dict[str, Any]) -> None:
    assert found.keys() >= KEYS
    for name in ("post", "read", "trigger"):
        assert found[name].keys() >= CALLS
        assert found[name]["attempts"] == found[name]["successes"] + found[name]["failures"]
    assert found["thresholds"] == report.THRESHOLDS
    assert found["iterations"] > 0
    assert found["missed"] == report.missed(found) == []


@pytest.mark.slow
def test_floor__is_met_over_http(tmp_path: Path) -> None:
    """In processes of its own; the command fails when a level is missed."""
    file = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "threads", "--seconds", "0.3", "--rows", "6",
         "--json", str(file)],
        cwd=ROOT, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]
    assert "| posts, 6 clients, one thread |" in done.stdout
    complete(json.loads(file.read_text()))


def test_kept_report__names_every_figure_and_meets_the_floor() -> None:
    complete(json.loads(KEPT.read_text()))


def heard(posts: int = 0, failed: int = 0, visible: float = 5.0) -> Heard:
    return Heard(
        post=[2.0] * posts, read=[1.0] * posts, visible=[visible] * posts,
        failed_posts=[500] * failed, seconds=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "wakes", "lost", "wrong"),
    [
        (heard(1_000, 10), [50.0], 0, []),
        (heard(1_000, 11), [50.0], 0, ["post"]),
        (heard(100, visible=2_001.0), [50.0], 0, ["postToVisibleP95Ms"]),
        (heard(100), [3_001.0], 0, ["messageToWakeTriggerP95Ms"]),
        (heard(100), [50.0] * 9, 1, ["trigger"]),
        (heard(100), [], 0, ["messageToWakeTriggerP95Ms"]),
        (heard(), [50.0], 0, ["post", "read", "postToVisibleP95Ms"]),
    ],
)
def test_missed__names_what_was_missed(
    said: Heard, wakes: list[float], lost: int, wrong: list[str]
) -> None:
    made = report.made([said], wakes, lost)
    assert [each.partition(":")[0] for each in made["missed"]] == wrong


def test_percentile__is_a_value_that_was_measured() -> None:
    assert report.percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.0
    assert report.percentile([4.0, 1.0, 3.0, 2.0], 0.95) == 4.0

"""Measurements report ratios, repeat their data, and touch no database but their own."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from controlplane.base import bench
from controlplane.base.bench import Row, Run


@pytest.fixture
def small() -> Iterator[list[list[float]]]:
    drawn: list[list[float]] = []

    @bench.register("tests", doc="two figures")
    def measure(run: Run) -> Iterator[Row]:
        drawn.append([run.rng.random() for _ in range(3)])
        yield Row("with", 250.0, "/s", "without", 1000.0, "a note")
        yield Row("alone", 3.5, "ms")

    yield drawn
    del bench.BENCHES["tests"]


def test_row__ratio_to_its_own_baseline() -> None:
    assert Row("a", 250.0, "/s", "b", 1000.0).ratio == 0.25
    assert Row("a", 250.0, "/s").ratio is None


def test_run__same_data_each_time(small: list[list[float]]) -> None:
    bench.run("tests", Run())
    bench.run("tests", Run())
    assert small[0] == small[1]


def test_register__name_twice__refused(small: object) -> None:
    with pytest.raises(ValueError, match="twice"):
        bench.register("tests")(lambda run: [])


def test_reports__markdown_and_json(small: object) -> None:
    results = {"tests": bench.run("tests", Run())}
    text = bench.as_markdown({"cores": 2}, results)
    assert "| with (a note) | 250 /s | without: 1,000 /s | 0.25 |" in text
    assert "| alone | 3.50 ms |  |  |" in text
    rows = json.loads(bench.as_json({"cores": 2}, results))["benches"]["tests"]
    assert [row["ratio"] for row in rows] == [0.25, None]


def test_discover__finds_the_kernels() -> None:
    assert "kernel" in bench.discover()


@pytest.mark.parametrize("arguments", [["nothing"], ["kernel", "--seconds", "0"]])
def test_command__nonsense__says_what_there_is(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("bench", *arguments)


def test_command__no_name__lists(small: object) -> None:
    out = StringIO()
    call_command("bench", stdout=out)
    assert "tests: two figures" in out.getvalue()


def test_cpu_and_wall__works_take_turns() -> None:
    order: list[str] = []
    bench.cpu_and_wall([lambda: order.append("a"), lambda: order.append("b")], 0.0, rounds=3)
    assert order == ["a", "b"] * 4


def test_quiet__lines_are_made_and_go_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    made: list[str] = []

    class Formatter(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            made.append(record.getMessage())
            return record.getMessage()

    handler = logging.StreamHandler()
    handler.setFormatter(Formatter())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with bench.quiet():
            root.error("within")
        root.error("after")
    finally:
        root.removeHandler(handler)
    assert made == ["within", "after"]
    said = capsys.readouterr().err
    assert "after" in said
    assert "within" not in said


@pytest.mark.slow
def test_command__kernel__prints_every_figure(tmp_path: object) -> None:
    """In a process of its own: it forks, and points every connection to another database."""
    import os
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "kernel", "--seconds", "0.1", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "CONTROLPLANE_NO_BOOTSTRAP": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # The figures are for people: no line of a thousand measured requests stands among them.
    assert '"http.request"' not in done.stderr
    report = json.loads(done.stdout)
    figures = " ".join(row["figure"] for row in report["benches"]["kernel"])
    for part in ("8 writers", "outbox", "timers", "signals", "CPU", "wall"):
        assert part in figures
    assert all(row["ratio"] > 0 for row in report["benches"]["kernel"])

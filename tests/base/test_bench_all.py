"""All measurements in one report: what fails, hangs or isn't reached hides nobody else."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from controlplane.base import bench, bench_all
from controlplane.base.bench import Row, Run
from controlplane.base.bench_all import NOT_REACHED, Part


@pytest.fixture
def several() -> Iterator[list[str]]:
    before = dict(bench.BENCHES)

    @bench.register("t-good", doc="works", own=True)
    def good(run: Run) -> Iterator[Row]:
        run.report["seen"] = run.seconds
        yield Row("one", 2.0, "ms", "nothing", 1.0)

    @bench.register("t-bad", doc="falls over", own=True)
    def bad(run: Run) -> Iterator[Row]:
        run.missed.append("t-bad: too slow")
        yield Row("lost", 1.0, "ms")
        raise RuntimeError("no luck")

    @bench.register("t-dies", doc="is killed", own=True)
    def dies(run: Run) -> list[Row]:
        os._exit(3)

    @bench.register("t-last", doc="works", own=True)
    def last(run: Run) -> Iterator[Row]:
        yield Row("two", 3.0, "ms")

    yield ["t-good", "t-bad", "t-dies", "t-last"]
    bench.BENCHES.clear()
    bench.BENCHES.update(before)


def test_one_that_fails__hides_nobody(several: list[str]) -> None:
    parts = {
        part.name: part
        for part in bench_all.measure_all(several, Run(seconds=0.5), 60, lambda line: None)
    }
    assert [part.rows[0].value for part in (parts["t-good"], parts["t-last"])] == [2.0, 3.0]
    assert parts["t-good"].report == {"seen": 0.5}
    assert parts["t-bad"].failed == "RuntimeError: no luck"
    assert parts["t-dies"].failed == "its process ended with 3"
    assert bench_all.wrong(list(parts.values())) == [
        "t-bad: RuntimeError: no luck",
        "t-dies: its process ended with 3",
        "t-bad: too slow",
    ]


def test_one_that_hangs__is_ended_and_the_rest_is_not_reached(several: list[str]) -> None:
    @bench.register("t-hangs", doc="hangs", own=True)
    def hangs(run: Run) -> list[Row]:
        time.sleep(60)
        return []

    found = list(bench_all.measure_all(["t-hangs", "t-good"], Run(), 0.3, lambda line: None))
    assert [part.failed for part in found] == ["stopped after 0 s", NOT_REACHED]
    assert not found[1].reached
    text = bench_all.as_markdown(ABOUT, found)
    assert "2 measurements, 1 failed, 1 not reached." in text


def test_one_that_takes_too_long__leaves_time_for_the_others(several: list[str]) -> None:
    @bench.register("t-hangs", doc="hangs", own=True)
    def hangs(run: Run) -> list[Row]:
        time.sleep(60)
        return []

    said: list[str] = []
    found = list(bench_all.measure_all(["t-hangs", "t-good"], Run(), 60, said.append, each=0.3))
    assert said == ["measuring t-hangs …", "measuring t-good …"]
    assert [part.failed for part in found] == ["stopped after 0 s", ""]


ABOUT = {"cores": 2, "load": [0.1, 0.1, 0.1]}
PARTS = [
    Part("kernel", "what it costs", [Row("a", 3.0, "ms", "b", 1.0)], seconds=12.3),
    Part("graph", "a graph", failed="RuntimeError: no luck"),
    Part("load", "users", [Row("c", 1.0, "ms")], {"p95": 1}, ["load: p95 300 ms, at most 200"]),
]


def test_report__as_markdown__says_what_failed_before_the_figures() -> None:
    text = bench_all.as_markdown(ABOUT, PARTS)
    assert "3 measurements, 1 failed." in text
    assert "- graph: RuntimeError: no luck" in text
    assert "- load: p95 300 ms, at most 200" in text
    assert "| a | 3.00 ms | b: 1.00 ms | 3.00 |" in text
    assert text.index("no luck") < text.index("## kernel")
    assert "busy" not in text
    busy = bench_all.as_markdown({**ABOUT, "load": [4.0, 4.0, 4.0]}, PARTS)
    assert "load 4 on 2 cores" in busy


def test_report__as_document__has_each_outcome() -> None:
    found = bench_all.as_document(PARTS)
    assert found["outcomes"]["kernel"] == {"seconds": 12.3, "failed": None, "missed": []}
    assert found["outcomes"]["graph"]["failed"] == "RuntimeError: no luck"
    assert found["reports"]["load"] == {"p95": 1}

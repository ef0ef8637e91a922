"""Sums over the files of all processes: the same as the client's own, and of what is asked."""

from __future__ import annotations

import fcntl
import math
import os
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

from controlplane.jobs import metrics_files, metrics_sums

PID = 1  # lives for as long as the machine does


def write(folder: Path, file: str, *values: tuple[str, float]) -> None:
    stored: Any = MmapedDict(str(folder / f"{file}.db"))  # type: ignore[no-untyped-call]
    for key, value in values:
        stored.write_value(key, value, 0.0)
    stored.close()


def key(family: str, sample: str, about: str = "About it.", **labels: str) -> str:
    return mmap_key(family, sample, list(labels), list(labels.values()), about)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two processes, and what is left of others."""
    odd = 'a "quoted" \\ name\nof two lines'
    for number, file in enumerate(("0", str(PID)), start=1):
        write(
            tmp_path, f"counter_{file}",
            (key("asked", "asked_total", route=odd, method="GET"), 2.0 * number),
            (key("asked", "asked_total", route="/b", method="GET"), 0.5),
            (key("asked_again", "asked_again_total"), 7),
        )  # fmt: skip
        for place in ("x", "y"):
            write(
                tmp_path, f"histogram_{file}",
                (key("took", "took_sum", place=place), 1.5),
                *((key("took", "took_bucket", place=place, le=le), 1.0 * number)
                  for le in ("+Inf", "0.5", "10.0", "2.5")),
                (key("took_long", "took_long_sum"), 1),
                (key("took_long", "took_long_bucket", le="+Inf"), 1),
            )  # fmt: skip
    write(tmp_path, f"gauge_livemax_{PID}", (key("used", "used", database="default"), 41.0))
    write(tmp_path, "gauge_livemax_0", (key("used", "used", database="default"), 17.0))
    write(tmp_path, f"gauge_all_{PID}", (key("size", "size"), 3.0))
    return tmp_path


def by_the_client(folder: Path) -> str:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    return generate_latest(registry).decode()


def test_text__reads_as_the_client_s_own(folder: Path) -> None:
    ours = metrics_sums.text(metrics_sums.families(folder))
    assert sorted(ours.splitlines()) == sorted(by_the_client(folder).splitlines())
    assert 'took_bucket{le="2.5",place="x"} 6.0' in ours
    assert 'took_count{place="x"} 12.0' in ours
    assert 'used{database="default"} 41.0' in ours


def test_text__a_help_that_was_worded_anew__one_line_for_a_series(folder: Path) -> None:
    """Two lines of one series would make the scraper refuse the whole page."""
    write(folder, "counter_2", (key("asked_again", "asked_again_total", "Other words."), 5))
    write(
        folder, "histogram_2",
        (key("took_long", "took_long_bucket", "Other words.", le="+Inf"), 5),
    )  # fmt: skip
    own = metrics_sums.text(metrics_sums.families(folder)).splitlines()
    lines = {line for line in by_the_client(folder).splitlines() if not line.startswith("#")}
    assert sorted(line for line in own if not line.startswith("#")) == sorted(lines)
    assert "asked_again_total 19.0" in own


def test_families__of_one_type_and_name__nothing_else_is_read(folder: Path) -> None:
    (folder / "counter_2.db").write_bytes(b"no such file")
    [took] = metrics_sums.families(folder, "histogram", {"took"})
    assert took.name == "took"
    assert {sample.labels.get("place") for sample in took.samples} == {"x", "y"}
    [used] = metrics_sums.families(folder, "gauge", {"used"})
    assert [sample.value for sample in used.samples] == [41.0]
    assert metrics_sums.families(folder, "gauge", {"nothing"}) == []


def test_values_beyond_numbers__in_the_words_of_the_format(tmp_path: Path) -> None:
    write(tmp_path, f"counter_{PID}", (key("much", "much_total"), math.inf))
    assert "much_total +Inf" in metrics_sums.text(metrics_sums.families(tmp_path))
    assert metrics_sums.text([]) == ""


def test_reading__no_file_is_folded_meanwhile(folder: Path) -> None:
    """One that were would count twice, or be gone before it was read."""
    write(folder, "counter_999999999", (key("asked_again", "asked_again_total"), 1))
    with metrics_files.reading(folder):
        assert not (folder / "counter_999999999.db").exists(), "folded before"
        write(folder, "counter_999999998", (key("asked_again", "asked_again_total"), 1))
        assert metrics_files.fold_dead(folder) == 0
    with (folder / "lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        with metrics_files.reading(folder):  # two readers stand in nobody's way
            assert (folder / "counter_999999998.db").exists()
    assert metrics_files.fold_dead(folder) == 1


def test_fold__other_containers_of_the_folder__only_when_they_fall_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Process ids begin anew in each container: 999999999 is nobody here and somebody there."""
    counted = (key("asked", "asked_total"), 3.0)
    there, here = "counter_other-box.999999999", f"counter_{metrics_files.identity()}"
    for file in (there, here):
        write(tmp_path, file, counted)
    theirs, long_ago = tmp_path / f"{there}.db", (0, 0)

    def asked() -> float:
        found = metrics_sums.families(tmp_path, "counter", ["asked"])
        return sum(sample.value for each in found for sample in each.samples)

    assert asked() == 6
    os.utime(theirs, long_ago)
    with monkeypatch.context() as their:
        their.setattr(metrics_files, "_HERE", "other-box")
        their.setattr(metrics_files, "_touched", -math.inf)
        their.setattr(os, "kill", lambda pid, signal: None)
        their.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        metrics_files.keep_alive()
    assert asked() == 6
    assert theirs.exists(), "they said that they are there"
    os.utime(theirs, long_ago)
    assert asked() == 6
    assert not theirs.exists()
    assert (tmp_path / "counter_0.db").exists()
    assert (tmp_path / f"{here}.db").exists()

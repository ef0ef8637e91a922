"""What was measured stands in the pages of docs/ that speak of it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from controlplane.base import bench_docs
from tests.kit.source import ROOT

ABOUT = {"at": "2026-01-02T10:00:00+00:00", "cores": 2, "processor": "a chip", "load": [0.1]}
PAGE = """Before.

<!-- measured: acts -->
old
<!-- end -->

<!-- measured: other -->
kept
<!-- end -->
"""


def test_write__fills_its_marks_and_leaves_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "scaling.md"
    page.parent.mkdir()
    page.write_text(PAGE)
    (tmp_path / "docs" / "plain.md").write_text("No marks.\n")
    blocks = {"acts": "| a |\n|---|\n| 1 |", "nowhere": "x"}
    assert list(bench_docs.write(tmp_path, ABOUT, blocks)) == [Path("docs/scaling.md")]
    assert page.read_text() == PAGE.replace(
        "old", "Measured 2026-01-02 on 2 cores of a chip.\n\n| a |\n|---|\n| 1 |"
    )
    assert list(bench_docs.write(tmp_path, ABOUT, blocks)) == []


def test_filled__sentence__says_where_after_it__and_that_the_machine_was_busy() -> None:
    text = bench_docs.filled(PAGE, {**ABOUT, "load": [3.0]}, {"acts": "It bears 5."})
    assert "It bears 5. Measured 2026-01-02 on 2 cores of a chip. The machine was busy" in text


def test_pages__have_a_place_for_what_the_measurements_tell() -> None:
    found = bench_docs.places((ROOT / "docs" / "scaling.md").read_text(encoding="utf-8"))
    assert found == [
        "load-baseline", "load-baseline2x", "load-peak", "load-stress", "growth", "acts"
    ]  # fmt: skip

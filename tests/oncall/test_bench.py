"""The measurement runs, names what it compares with, and says which goal it missed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from controlplane.base import bench
from controlplane.oncall import arithmetic, benches


@pytest.mark.django_db
def test_bench__names_its_baselines() -> None:
    rows = list(benches.measure(bench.Run(seconds=0.05, rows=3)))
    assert [row.figure for row in rows if not row.baseline or not row.baseline_value] == []
    assert len(rows) == 5


@pytest.mark.django_db
def test_goal__that_no_machine_reaches__is_told_as_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "LOOKS_A_SECOND", SimpleNamespace(value=10**12))
    monkeypatch.setattr(benches, "RENDER_MS", SimpleNamespace(value=0))
    run = bench.Run(seconds=0.02, rows=1)
    list(benches.measure(run))
    assert len(run.missed) == 3


def test_five_layers__render_without_a_gap() -> None:
    until = benches.FROM + 365 * benches.DAY
    found = arithmetic.shifts(benches.five_layers(), benches.FROM, until)
    assert not [one for one in found if one.is_gap]
    assert {one.layer for one in found} == {1, 2, 3, 4, 5}

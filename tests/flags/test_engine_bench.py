"""The engine that passes the public cases is the one that is fast."""

from __future__ import annotations

import pytest

from controlplane.base.bench import Run
from deployments.flags.benches import engine


@pytest.mark.slow
def test_engine__beside_the_public_sdk__ten_times_the_evaluations_of_a_cpu_second() -> None:
    rows = list(engine.measure(Run(seconds=0.05)))
    ratios = {(row.figure, row.baseline): row.ratio or 0.0 for row in rows}
    assert {baseline for _, baseline in ratios} == {engine.SDK, engine.UNDER}
    assert min(ratios.values()) >= 10, ratios

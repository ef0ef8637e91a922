"""The measurement of the engine: what it compares answers alike, and each figure has a base."""

from __future__ import annotations

import pytest

from controlplane.base.bench import Run
from deployments.flags.benches import engine


@pytest.mark.slow
def test_measurement__each_figure_beside_both_engines_of_the_sdks() -> None:
    rows = list(engine.measure(Run(seconds=0.05)))
    assert {row.baseline for row in rows} == {engine.SDK, engine.UNDER}
    for row in rows:
        assert row.ratio, row

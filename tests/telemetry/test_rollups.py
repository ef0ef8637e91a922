"""Rollups are what a recomputation from the events gives."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.lib import clock
from telemetry import rollups
from telemetry.models import Dirty, MissionDay, RollupDay, RollupHour, RollupMinute
from tests import make
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db


def test_settle__sums_of_every_grain() -> None:
    workspace = make.workspace()
    at = clock.now() - timedelta(hours=3)
    tell(workspace, [event(at=at, duration_ms=100.0, count=3), event(at=at, duration_ms=200.0)])
    counts = rollups.settle()
    assert (counts.minutes, counts.hours, counts.days, counts.missions) == (1, 1, 1, 1)
    assert not Dirty.objects.exists()
    for grain in (RollupMinute, RollupHour, RollupDay):
        row = grain.objects.get()
        assert (row.total, row.durations, row.duration_sum) == (4, 4, 500.0)
        assert row.counts == [3, 1]
    assert MissionDay.objects.get().total == 4

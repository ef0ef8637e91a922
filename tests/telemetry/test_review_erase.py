"""What is erased is gone wherever it lay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from telemetry import erasing, partitions, rollups
from telemetry.partitions import closing, tables
from tests import make
from tests.kit.days import days_ago, forget_days, midnight, opened, put

pytestmark = pytest.mark.django_db(transaction=True)
OLD = 200


def test_day_that_waits_to_be_dropped__is_erased_as_well() -> None:
    """A closed day's table stands alone until the clean-up drops it: its events are still there."""
    ours, others = make.workspace(), make.workspace()
    day = days_ago(OLD)
    assert opened(day)
    try:
        at = midnight(day) + timedelta(hours=3)
        put(ours, [at], mission="M-1")
        put(ours, [at], mission="M-2")
        put(others, [at], mission="M-1")
        rollups.settle()
        assert partitions.close_old(midnight(days_ago(OLD - 1))) == [day]
        assert erasing.erase_events(make.JOB, ours, mission="M-1", reason="asked for") == 1
        assert erasing.erase_events(make.JOB, ours, reason="asked for") == 1
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT workspace_id FROM {tables.name_of(day)}")
            assert cursor.fetchall() == [(others.pk,)]
        assert closing.drop(day)
    finally:
        forget_days(days_ago(OLD - 20))

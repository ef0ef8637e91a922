"""Events come back from a backup with their days, and the portal goes on with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.backups import restoring, services
from telemetry import rollups
from tests import make
from tests.kit.telemetry import event, tell

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def empty(tmp_path: Path, settings: Any) -> Iterator[restoring.Where]:
    settings.STATE_DIR = tmp_path
    with restoring.scratch() as where:
        yield where


def test_events__restored_with_their_days_and_open_for_more(empty: restoring.Where) -> None:
    workspace = make.workspace()
    tell(workspace, [event() for _ in range(7)])
    rollups.settle()
    report = services.run_backup(make.JOB)
    assert report.ok, report.error
    found = restoring.restore_into(Path(report.location), empty)
    assert found.fault == ""
    with restoring.connect(empty) as restored:
        assert restored.execute("SELECT count(*) FROM telemetry_events").fetchone() == (7,)
        days = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry_events'::regclass"
        noted = "SELECT count(*) FROM telemetry_partition WHERE state = 'open'"
        assert restored.execute(days).fetchone() == restored.execute(noted).fetchone()
        assert (
            restored.execute(
                "INSERT INTO telemetry_events SELECT * FROM telemetry_events ON CONFLICT DO NOTHING"
            ).rowcount
            == 0
        )
        last = "(SELECT max(day) + 1 FROM telemetry_partition)"
        assert restored.execute(f"SELECT telemetry_open_day({last})").fetchone() == (True,)

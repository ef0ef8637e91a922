"""A Wednesday noon in Berlin, and somebody who manages schedules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from controlplane.access.models import Workspace
from tests import make

NOON = "2026-11-04T11:00:00+00:00"


@pytest.fixture
def here(db: None) -> Workspace:
    return make.workspace(time_zone="Europe/Berlin")


@pytest.fixture
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller

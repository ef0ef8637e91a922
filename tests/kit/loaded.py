"""The world of simulated users, small, within the one transaction of a test."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from controlplane.console.benches.load import world
from missions.benches.checks import fill
from missions.benches.team import Team


def small(monkeypatch: pytest.MonkeyPatch, *, agents: int = 4) -> dict[str, Any]:
    for name, few in (("EVENTS", 200), ("ITEMS", 2_000), ("INCIDENTS", 3), ("FLAGS", 50)):
        monkeypatch.setattr(world, name, few)
    monkeypatch.setattr(world, "fill_missions", _fill)
    return world.make(people=2, agents=agents, missions=6)


def _fill(team: Team, many: int) -> int:
    """Bulk asks for its constraints at once, which would hold for the whole of a test."""
    found = fill(team, many)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return found

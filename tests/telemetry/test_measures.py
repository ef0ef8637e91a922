"""Figures over rollups: what they are of, and that no data is no figure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telemetry import measures, rollups
from tests import make
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.lib.clock.now", lambda: NOW)


def call(at: datetime = NOW - HOUR, **fields: Any) -> dict[str, Any]:
    context = {"toolkit": "hubspot", "action": "create", "duration_ms": 100, "outcome": "success"}
    context |= fields.pop("context", {})
    return event("composio_tool_call", at=at, context=context, **fields)


def told(*events: dict[str, Any]) -> int:
    workspace = make.workspace()
    tell(workspace, events)
    rollups.settle()
    return workspace.pk


def value(slug: str, workspace: int | None, **more: Any) -> float | None:
    found = measures.read(measures.get(slug), workspace, NOW - 3 * HOUR, NOW, **more)
    return found[""].value


def test_nothing_reported__no_measure_has_a_figure() -> None:
    workspace = make.workspace().pk
    found = measures.read_many(measures.MEASURES.values(), workspace, NOW - 48 * HOUR, NOW)
    assert found.keys() == measures.MEASURES.keys()
    assert {each[""].value for each in found.values()} == {None}
    lines = measures.series_many(measures.MEASURES.values(), workspace, NOW - 48 * HOUR, NOW)
    assert all(line.empty for line in lines.values())
    kinds = {measures.get(slug).state(each[""]) for slug, each in found.items()}
    assert kinds == {"no_data"}


def test_tool_calls__rates_and_groups() -> None:
    workspace = told(
        *(call() for _ in range(18)),
        call(context={"outcome": "error", "toolkit": "slack"}),
        call(context={"outcome": "error", "toolkit": "slack"}),
    )
    assert value("tool.error_rate", workspace) == 10.0
    assert value("tool.calls", workspace) == 20
    found = measures.read(
        measures.get("tool.error_rate"), workspace, NOW - 3 * HOUR, NOW, group_by="toolkit"
    )
    assert {name: reading.value for name, reading in found.items()} == {"hubspot": 0, "slack": 100}
    assert value("tool.error_rate", workspace, filters={"toolkit": "slack"}) == 100
    assert value("tool.error_rate", workspace, filters={"toolkit": ["nobody"]}) is None

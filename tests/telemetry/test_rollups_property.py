"""In whatever order events come, come again or go: rollups are what recomputing gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.lib import clock
from telemetry import rollups
from telemetry.erasing import erase_events
from telemetry.models import Dirty, Event, RollupDay, RollupHour, RollupMinute
from tests import make
from tests.kit.rollups import expected, missions, stored, stored_missions
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db

NAMES = ("composio_tool_call", "composio_tool_call_error", "gauge_reported", "odd_one", "odd_two")


def told(number: int, base: datetime, draw: Callable[[Any], Any]) -> dict[str, Any]:
    """The same number is the same event at the same time: sent again, it is known."""
    minute = draw(st.sampled_from([0, 1, 4, 9, 12, 58, 61, 700, 1438, 1445]))
    name = draw(st.sampled_from(NAMES))
    context: dict[str, Any] = {"action": draw(st.sampled_from(["create", "send"]))}
    if name == "composio_tool_call":
        context["outcome"] = draw(st.sampled_from(["success", "failed"]))
        context["token_usage"] = draw(st.integers(0, 9_000))
        context["meta_tool"] = "COMPOSIO_MULTI_EXECUTE_TOOL"
    if name == "gauge_reported":
        context |= {"name": "queue_depth", "value": draw(st.integers(-5, 5)) / 4, "of": "celery"}
    return event(
        name,
        at=base + timedelta(minutes=minute, seconds=draw(st.integers(0, 59))),
        event_id=str(UUID(int=number + 1)),
        mission_id=draw(st.sampled_from([None, "MIS-1", "MIS-2"])),
        correlation_id=draw(st.sampled_from([None, "req-1", "req-2"])),
        toolkit=draw(st.sampled_from(["hubspot", "gmail", "slack", ""])),
        count=draw(st.sampled_from([None, 1, 7])),
        duration_ms=draw(st.sampled_from([None, 0.0, 0.5, 1.0, 99.9, 12_345.6, 1e12])),
        context=context,
    )


@st.composite
def stories(draw: Callable[[Any], Any]) -> tuple[list[dict[str, Any]], list[Any]]:
    base = (clock.now() - timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    events = [told(number, base, draw) for number in range(draw(st.integers(1, 24)))]
    pick = st.lists(st.integers(0, len(events) - 1), min_size=1, max_size=8)
    step = st.one_of(
        st.tuples(st.just("send"), st.sampled_from([0, 1, None]), pick),
        st.tuples(st.just("erase"), st.sampled_from(["MIS-1", "MIS-2", ""])),
        st.just(("roll",)),
        st.just(("settle",)),
    )
    return events, draw(st.lists(step, min_size=1, max_size=12))


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories())
def test_rollups__equal_recomputation(story: tuple[list[dict[str, Any]], list[Any]]) -> None:
    events, steps = story
    with transaction.atomic():
        workspaces = [make.workspace(), make.workspace()]
        for step in steps:
            if step[0] == "send":
                workspace = None if step[1] is None else workspaces[step[1]]
                tell(workspace, [events[number] for number in step[2]])
            elif step[0] == "erase":
                erase_events(make.JOB, workspaces[0], mission=step[1], reason="a test")
            elif step[0] == "roll":
                rollups.roll(2)
            else:
                rollups.settle()
        rollups.settle()
        agree()
        transaction.set_rollback(True)


def agree() -> None:
    assert not Dirty.objects.exists()
    for grain in (RollupMinute, RollupHour, RollupDay):
        assert stored(grain) == expected(grain)
    assert stored_missions() == missions()


def test_names_without_end__collapsed_into_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_MOST_GROUPS", "3")
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_MOST_UNKNOWN_EVENTS", "2")
    workspace = make.workspace()
    at = datetime.combine(clock.now().date() - timedelta(days=1), datetime.min.time(), UTC)
    tell(
        workspace,
        [
            *(event(at=at, toolkit=f"toolkit-{n % 7}", count=n + 1) for n in range(9)),
            *(event(f"made_up_{n}", at=at, count=n % 3 + 1) for n in range(6)),
        ],
    )
    rollups.settle()
    assert stored(RollupMinute) == expected(RollupMinute, groups=3, unknown=2)
    names = set(RollupMinute.objects.values_list("event_type", "toolkit"))
    assert ("composio_tool_call", "(other)") in names
    assert ("(other)", "") in names
    assert len(names) == 4 + 3
    assert sum(RollupMinute.objects.values_list("total", flat=True)) == 45 + 12
    assert RollupDay.objects.count() == 7
    assert connection.in_atomic_block
    assert Event.objects.count() == 15

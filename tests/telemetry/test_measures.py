"""Figures over rollups: what they are of, and that no data is no figure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.lib.errors import Invalid
from telemetry import measures, rollups
from telemetry.measures import Measure, Reading, Selection
from telemetry.models import RollupMinute
from telemetry.rules.shipped import RULES
from tests import make
from tests.kit.measuring import DAY, HOUR, call, gauge, noon, told, value
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> Iterator[datetime]:
    at = noon()
    with time_machine.travel(at, tick=False):
        yield at


def groups(slug: str, pk: int, now: datetime, by: str) -> dict[str, float | None]:
    found = measures.read(measures.get(slug), pk, now - 3 * HOUR, now, group_by=by)
    return {name: reading.value for name, reading in found.items()}


def test_nothing_reported__no_measure_has_a_figure(now: datetime) -> None:
    workspace = make.workspace().pk
    found = measures.read_many(measures.MEASURES.values(), workspace, now - 2 * DAY, now)
    assert found.keys() == measures.MEASURES.keys()
    assert {each[""].value for each in found.values()} == {None}
    assert {measures.get(slug).state(each[""]) for slug, each in found.items()} == {"no_data"}
    lines = measures.series_many(measures.MEASURES.values(), workspace, now - 2 * DAY, now)
    assert all(line.empty for line in lines.values())


def test_whole_table__few_statements(now: datetime) -> None:
    workspace = make.workspace().pk
    rolled = [each for each in measures.MEASURES.values() if each.statistic not in _ELSEWHERE]
    rolled = [each for each in rolled if not each.installation]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        measures.series_many(rolled, workspace, now - DAY, now)
    # Sums and histograms, as many selections at once as a mask has bits.
    assert len(queries) <= 4
    some = [measures.get(name) for name in ("tool.calls", "tool.error_rate", "requests.p95")]
    with CaptureQueriesContext(connection) as queries:
        measures.series_many(some, workspace, now - DAY, now)
    assert len(queries) == 2
    with CaptureQueriesContext(connection) as queries:
        measures.series(measures.get("tool.error_rate"), workspace, now - DAY, now)
    assert len(queries) == 1


_ELSEWHERE = {"missions", "missions_share", "active", "computed"}


def test_tool_calls__rates_and_groups(now: datetime) -> None:
    at = now - HOUR
    slack = {"toolkit": "slack"}
    good = [call(at) for _ in range(18)]
    workspace = told([*good, *(call(at, outcome="error", context=slack) for _ in range(2))])
    window = (now - 3 * HOUR, now)
    assert value("tool.error_rate", workspace, *window) == 10.0
    assert value("tool.success_rate", workspace, *window) == 90.0
    assert value("tool.calls", workspace, *window) == 20
    assert groups("tool.error_rate", workspace.pk, now, "toolkit") == {"hubspot": 0, "slack": 100}
    assert value("tool.error_rate", workspace, *window, filters={"toolkit": "slack"}) == 100
    assert value("tool.error_rate", workspace, *window, filters={"toolkit": ["nobody"]}) is None
    assert value("tool.error_rate", workspace, *window, filters={"toolkit": []}) is None


def test_failure_told_of_twice__counts_once(now: datetime) -> None:
    at = now - HOUR
    error = {"toolkit": "hubspot", "action": "create", "error_code": "RATE_LIMIT_EXCEEDED"}
    pair = [
        call(at, outcome="error", correlation_id="req-7"),
        event("composio_tool_call_error", at=at, correlation_id="req-7", context=error),
    ]
    alone = event("composio_tool_call_error", at=at, correlation_id="req-8", context=error)
    workspace = told([*(call(at) for _ in range(8)), *pair, alone])
    window = (now - 2 * HOUR, now)
    assert value("tool.calls", workspace, *window) == 10
    assert value("tool.failures", workspace, *window) == 2
    assert value("tool.error_rate", workspace, *window) == 20.0
    assert value("tool.rate_limits", workspace, *window) == 1.0  # two in two hours
    said = told([*(call(at) for _ in range(3)), call(at, outcome="rate_limit")])
    assert value("tool.rate_limits", said, now - 2 * HOUR, now) == 0.5


def test_looking_for_tools__is_the_search_of_the_tool_router(now: datetime) -> None:
    at = now - HOUR
    looked = {"query": "crm", "toolkit_count": 3, "latency_ms": 400, "coverage_estimate": 90}
    other = {**looked, "meta_tool": "SOMETHING_ELSE"}
    plan = {"toolkit": "composio", "meta_tool": "COMPOSIO_CREATE_PLAN"}
    found = [event("composio_discovery", at=at, context=looked) for _ in range(3)]
    lost = event("composio_discovery", at=at, status="error", context=looked)
    strange = event("composio_discovery", at=at, context=other)
    workspace = told([*found, lost, strange, call(at, context=plan)])
    search, made = "COMPOSIO_SEARCH_TOOLS", "COMPOSIO_CREATE_PLAN"
    assert groups("router.calls", workspace.pk, now, "operation") == {search: 4, made: 1}
    assert groups("router.success_rate", workspace.pk, now, "operation")[search] == 75.0
    assert groups("router.error_rate", workspace.pk, now, "operation")[search] == 25.0
    window = (now - 3 * HOUR, now)
    assert value("tool.calls", workspace, *window) == 1, "who looks for a tool calls none"
    assert value("router.calls", make.workspace(), *window) is None


def test_rare_things__none_of_them_is_a_figure_only_where_somebody_reports(now: datetime) -> None:
    silent, quiet = make.workspace(), told([call(now - HOUR)])
    assert value("tool.rate_limits", silent, now - 2 * HOUR, now) is None
    assert value("tool.rate_limits", quiet, now - 2 * HOUR, now) == 0
    assert value("oauth.failure_rate", quiet, now - 2 * HOUR, now) is None


def test_window__half_open_to_the_minute(now: datetime) -> None:
    workspace = told([call(now - HOUR), call(now - 30 * timedelta(minutes=1))])
    assert value("tool.calls", workspace, now - HOUR, now - timedelta(minutes=30)) == 1
    assert value("tool.calls", workspace, now - HOUR, now - timedelta(minutes=29)) == 2
    assert value("tool.calls", workspace, now - timedelta(minutes=59), now) == 1


def test_gauges__worst_and_newest(now: datetime) -> None:
    at = now - timedelta(minutes=9)
    workspace = make.workspace()
    tell(
        None,
        [
            gauge("queue_depth", 7, at, of="celery"),
            gauge("queue_depth", 120, at + timedelta(minutes=1), of="mail"),
            gauge("db_connections", 9, at, of="idle"),
            gauge("db_connections", 4, at + timedelta(minutes=2), of="idle"),
        ],
    )
    rollups.settle()
    assert value("queue.depth", None, now - HOUR, now) == 120
    assert value("queue.depth", workspace, now - HOUR, now) == 120  # of the portal, whoever asks
    found = measures.read(measures.get("db.connections"), None, now - HOUR, now, group_by="code")
    assert found == {"idle": Reading(4.0, 2)}


def test_missions__counted_once_and_shared(now: datetime) -> None:
    at = now - DAY
    events = []
    for number in range(4):
        mission = {"mission_id": f"MIS-{number}"}
        events += [event("execution_started", at=at, **mission) for _ in range(2)]
        if number < 3:
            events.append(event("mission_completed", at=at + HOUR, **mission))
    events.append(event("mission_completed", at=at + HOUR, mission_id="MIS-77"))
    workspace = told(events)
    assert value("missions.completed", workspace, now - 2 * DAY, now) == 4
    assert value("missions.completion_rate", workspace, now - 2 * DAY, now) == 75.0
    assert value("funnel.execution", workspace, now - 2 * DAY, now) == 4
    assert value("missions.completed", workspace, now - HOUR, now) is None


def test_stages__gone_on_and_how_long(now: datetime) -> None:
    start = now - 3 * DAY
    events = []
    for number in range(4):
        mission = {"mission_id": f"MIS-{number}", "stage": None}
        events.append(event("intent_submitted", at=start, **mission))
        if number < 3:
            at = start + (number + 1) * HOUR
            events.append(event("toolkit_connected", at=at, **mission))
    workspace = told(events)
    found = measures.read_many(
        [measures.get("stage.completion"), measures.get("stage.time_p50")],
        workspace.pk,
        now - 4 * DAY,
        now,
        group_by="stage",
    )
    assert found["stage.completion"]["define"] == Reading(75.0, 4)
    assert found["stage.completion"]["prepare"] == Reading(0.0, 3)
    assert found["stage.time_p50"]["define"].value == 2.0
    assert value("stage.completion", workspace, now - 4 * DAY, now) == 0.0
    assert value("stage.completion", workspace, now - HOUR, now) is None


def test_ratings_and_effort(now: datetime) -> None:
    rated = [
        event("feedback_submitted", at=now - HOUR, context={"rating": 5, "effort_saved_hours": 2}),
        event("feedback_submitted", at=now - HOUR, context={"rating": 2, "effort_saved_hours": 1}),
    ]
    workspace = told(rated)
    assert value("feedback.rating", workspace, now - DAY, now) == 3.5
    assert value("feedback.effort_saved", workspace, now - DAY, now) == 3.0


def test_memory__growth_over_an_hour(now: datetime) -> None:
    tell(
        None,
        [
            gauge("process_rss_bytes", 100 * 2**20, now - timedelta(minutes=70), of="web"),
            gauge("process_rss_bytes", 150 * 2**20, now - timedelta(minutes=10), of="web"),
            gauge("process_rss_bytes", 90 * 2**20, now - timedelta(minutes=10), of="beat"),
        ],
    )
    rollups.settle()
    assert value("process.growth", None, now - HOUR, now) == pytest.approx(50.0)


def test_memory__growth_of_a_workspaces_services(now: datetime) -> None:
    def size(mib: int, minutes: int, service: str) -> dict[str, Any]:
        at = now - timedelta(minutes=minutes)
        return gauge("process_rss_bytes", mib * 2**20, at, service=service)

    leaks = [size(100, 70, "agent-service"), size(140, 10, "agent-service")]
    workspace = told([*leaks, size(200, 70, "frontend"), size(202, 10, "frontend")])
    told([size(100, 70, "agent-service"), size(900, 10, "agent-service")])  # somebody else's
    rollups.settle()
    assert value("service.memory", workspace, now - HOUR, now) == pytest.approx(202.0)
    grown = value("service.memory_growth", workspace, now - HOUR, now)
    assert grown == pytest.approx(40.0)
    rule = RULES["memory-growth"]
    assert (rule["measure"], rule["group_by"]) == ("service.memory_growth", "service")
    assert grown is not None
    assert grown > rule["threshold"] > 1.0  # it tells of this one, and not of the front end


def test_active__only_the_last_quarter_of_an_hour(now: datetime) -> None:
    lately = now - timedelta(minutes=5)
    workspace = told(
        [
            event(at=lately, user_id="ada"),
            event(at=lately, user_id="ada"),
            event(at=lately, user_id="bob"),
            event(at=now - HOUR, user_id="eve"),
        ]
    )
    assert value("people.active", workspace, now - DAY, now) == 2
    line = measures.series(measures.get("people.active"), workspace.pk, now - DAY, now)
    assert [point.value for point in line.groups[""]][-2:] == [None, 2]


def test_states__by_the_stricter_number() -> None:
    measure = measures.get("tool.error_rate")
    assert measure.state(Reading(4.0, 100)) == "good"
    assert measure.state(Reading(7.0, 100)) == "warn"
    assert measure.state(Reading(11.0, 100)) == "bad"
    assert measure.state(Reading(50.0, 3)) == "low_sample"
    assert measure.state(Reading(None, 0)) == "no_data"
    undo = measures.get("undo.success")
    assert [undo.state(Reading(x, 100)) for x in (99.0, 96.0, 90.0)] == ["good", "warn", "bad"]


def test_define__refuses_what_can_not_be_read() -> None:
    def wrong(**more: Any) -> Measure:
        return Measure("x.y", "X", "", more.pop("statistic", "count"), **more)

    with pytest.raises(ValueError, match="no dimensions"):
        measures.define(wrong(of=Selection(("log",), {"mission": ("M",)})))
    with pytest.raises(ValueError, match="share"):
        measures.define(wrong(statistic="ratio", of=Selection(("log",))))
    with pytest.raises(ValueError, match="which events"):
        measures.define(wrong())
    with pytest.raises(ValueError, match="twice"):
        measures.define(Measure("tool.calls", "X", "", "count", Selection(("log",))))


# --- Baselines ----------------------------------------------------------------------------------


def ratio_days(now: datetime, *days: tuple[int, int]) -> list[dict[str, Any]]:
    """(discoveries, calls) of each day, the last one today."""
    events = []
    for back, (discoveries, calls) in enumerate(reversed(days)):
        at = now - back * DAY - HOUR
        if discoveries:
            events.append(event("composio_discovery", at=at, count=discoveries))
        events.append({**call(at), "count": calls})
    return events


def test_discovery_ratio__the_rule(now: datetime) -> None:
    usual = [(10, 40)] * 13
    workspace = told(ratio_days(now, *usual, (35, 40)))
    found = measures.discovery_ratio(workspace.pk)
    assert (found.verdict, found.ratio, found.baseline) == ("deviation", 0.875, 0.25)
    fine = told(ratio_days(now, *usual, (15, 40)))
    assert measures.discovery_ratio(fine.pk).verdict == "ok"
    few = told(ratio_days(now, *usual, (4, 4)))
    assert measures.discovery_ratio(few.pk).verdict == "insufficient_sample"
    young = told(ratio_days(now, *[(10, 40)] * 5, (35, 40)))
    assert measures.discovery_ratio(young.pk).verdict == "insufficient_baseline"
    noisy = told(ratio_days(now, *usual[1:], (4, 4), (10, 40)))
    found = measures.discovery_ratio(noisy.pk)
    assert (found.verdict, found.usable_days) == ("ok", 12)


def test_baselines__same_hours_and_daily_medians(now: datetime) -> None:
    events = []
    for week, count in ((1, 10), (2, 20), (3, 90), (4, 40)):
        at = now - timedelta(weeks=week) + timedelta(minutes=10)
        events.append({**call(at, context={"duration_ms": count}), "count": count})
    workspace = told(events)
    calls = measures.get("tool.calls")
    assert measures.baseline(calls, workspace.pk, now) == Reading(30.0, 4)
    assert measures.baseline(calls, workspace.pk, now + HOUR).value is None
    daily = measures.baseline(measures.get("tool.p50"), workspace.pk, now, "median")
    assert daily.value == pytest.approx(30, rel=0.03)
    assert measures.baseline(calls, make.workspace().pk, now).value is None


# --- Strangers ----------------------------------------------------------------------------------


def test_other_workspaces__not_added_in(now: datetime) -> None:
    told([call(now - HOUR)])
    other = told([call(now - HOUR), call(now - HOUR)])
    assert value("tool.calls", other, now - 2 * HOUR, now) == 2
    assert value("tool.calls", None, now - 2 * HOUR, now) is None


def test_long_ago__hours_are_the_finest(now: datetime) -> None:
    start = now - 20 * DAY
    at = start + timedelta(minutes=10)
    workspace = told([call(at)])
    RollupMinute.objects.filter(bucket__lt=now - 15 * DAY).delete()
    assert value("tool.calls", workspace, start + timedelta(minutes=5), now) == 1
    assert value("tool.calls", workspace, start, start + timedelta(minutes=30)) == 1
    line = measures.series(measures.get("tool.calls"), workspace.pk, start, start + 2 * HOUR)
    assert (line.step, [point.value for point in line.groups[""]]) == (HOUR, [1, 0])
    with pytest.raises(Invalid):
        measures.series(
            measures.get("tool.calls"), workspace.pk, start, now, step=measures.STEPS["15m"]
        )


@pytest.mark.parametrize("days", [1, 7, 30, 90])
def test_every_measure__along_every_usual_time(now: datetime, days: int) -> None:
    workspace = told([event("feedback_submitted", at=now - HOUR, context={"rating": 4})])
    with CaptureQueriesContext(connection) as queries:
        found = measures.series_many(
            measures.MEASURES.values(), workspace.pk, now - days * DAY, now
        )
    assert len(queries) < 40
    assert found["feedback.rating"].groups[""][-1].value == 4


def test_stages__a_tool_call_while_preparing_is_no_execution(now: datetime) -> None:
    """Agents call tools and give signs of life in every stage."""
    workspace = make.workspace()
    mission = {"mission_id": "MIS-1", "stage": None}
    start = now - 6 * HOUR
    tell(
        workspace,
        [
            event("intent_submitted", at=start, **mission),
            event("composio_discovery", at=start + HOUR, **mission),
            event("composio_tool_call", at=start + HOUR, **{**mission, "stage": "prepare"}),
            event("session_heartbeat", at=start + HOUR, **{**mission, "stage": "prepare"}),
            event("plan_ranked", at=start + 3 * HOUR, **mission),
            event("execution_started", at=start + 4 * HOUR, **mission),
        ],
    )
    rollups.settle()
    found = measures.read(
        measures.get("stage.time_p50"), workspace.pk, start - HOUR, now, group_by="stage"
    )
    hours = {stage: reading.value for stage, reading in found.items()}
    assert hours == {"define": 1.0, "prepare": 2.0, "plan_approve": 1.0}


def test_counted_by_code__the_codes_of_events_beside_it_are_no_groups(now: datetime) -> None:
    workspace = make.workspace()
    at = now - HOUR
    asked = {"safeguard_id": "s", "override_reason": "deadline", "approver_role": "gv"}
    tell(
        workspace,
        [
            event("execution_started", at=at, context={"outcome": "success"}),
            event("validator_override_requested", at=at, context=asked),
        ],
    )
    rollups.settle()
    overrides = measures.get("safeguard.overrides")
    found = measures.read(overrides, workspace.pk, now - DAY, now, group_by="code")
    assert found == {"deadline": Reading(1.0, 1)}
    line = measures.series(overrides, workspace.pk, now - DAY, now, group_by="code")
    assert set(line.groups) == {"deadline"}

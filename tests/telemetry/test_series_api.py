"""Measures, series and events by API: strict questions, whose figures, pages and files."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.lib import clock
from telemetry import measures, rollups
from tests import make
from tests.kit.api import Api, refused
from tests.kit.measuring import DAY, HOUR, call, gauge, noon, told, told_events
from tests.kit.telemetry import PATH, event, tell

pytestmark = pytest.mark.django_db
SERIES = "/api/v1/telemetry/series"
MEASURES = "/api/v1/telemetry/measures"


@pytest.fixture
def now() -> Iterator[datetime]:
    at = noon()
    with time_machine.travel(at, tick=False):
        yield at


def reader(workspace: Any, role: str = "planner") -> Api:
    _, secret = make.key(make.agent(workspace, role=role))
    return Api(secret)


def got(api: Api, path: str) -> Any:
    answer = api.get(path)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


# --- Measures and series ------------------------------------------------------------------------


def test_measures__the_whole_table() -> None:
    found = got(reader(make.workspace()), MEASURES)["items"]
    assert {each["slug"] for each in found} == measures.MEASURES.keys()
    one = next(each for each in found if each["slug"] == "tool.error_rate")
    assert (one["target"], one["warn"], one["better"]) == (5.0, 10.0, "lower")


def test_series__points_of_each_measure(now: datetime) -> None:
    workspace = told([call(now - 2 * HOUR), call(now - 2 * HOUR, outcome="error")])
    found = got(reader(workspace), f"{SERIES}?measure=tool.error_rate,tool.calls&last=6h&step=1h")
    assert (found["step"], found["left_out"]) == ("1h", 0)
    rates, calls = found["series"]
    assert (rates["measure"], rates["unit"], rates["group"]) == ("tool.error_rate", "%", "")
    assert [point["value"] for point in rates["points"]] == [None] * 4 + [50.0, None]
    assert [point["value"] for point in calls["points"]] == [None] * 4 + [2.0, 0.0]
    assert {point["partial"] for point in calls["points"]} == {False}


def test_newest_step__marked_as_partial(now: datetime) -> None:
    workspace = told([call(now - HOUR)])
    with time_machine.travel(now + timedelta(minutes=20), tick=False):
        found = got(reader(workspace), f"{SERIES}?measure=tool.calls&last=6h&step=1h")
    assert [point["partial"] for point in found["series"][0]["points"]] == [False] * 6 + [True]


def test_series__split_narrowed_and_as_a_file(now: datetime) -> None:
    slack = {"toolkit": "slack"}
    workspace = told([call(now - HOUR), call(now - HOUR, context=slack, toolkit="=slack")])
    api = reader(workspace)
    found = got(api, f"{SERIES}?measure=tool.calls&group_by=toolkit&last=6h&step=6h")
    assert sorted(each["group"] for each in found["series"]) == ["=slack", "hubspot"]
    only = got(api, f"{SERIES}?measure=tool.calls&toolkit=hubspot&group_by=toolkit&last=6h")
    assert [each["group"] for each in only["series"]] == ["hubspot"]
    answer = api.get(f"{SERIES}?measure=tool.calls&group_by=toolkit&last=6h&format=csv")
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {row["toolkit"] for row in rows} == {"'=slack", "hubspot"}
    assert sum(float(row["value"] or 0) for row in rows) == 2


def test_series__the_same_answer_is_not_sent_twice(now: datetime) -> None:
    api = reader(told([call(now - HOUR)]))
    path = f"{SERIES}?measure=tool.calls&last=6h"
    tag = api.get(path)["ETag"]
    assert api.get(path, **{"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("", "measure"),
        ("measure=no.such", "measure"),
        ("measure=tool.calls&step=7m", "step"),
        ("measure=tool.calls&last=1y", "last"),
        ("measure=tool.calls&last=1h&start=2026-01-01", "last"),
        ("measure=tool.calls&start=yesterday", "start"),
        ("measure=tool.calls&start=0001-01-01", "start"),
        ("measure=tool.calls&start=2026-01-02&end=2026-01-01", "start"),
        ("measure=tool.calls&start=2001-01-01", "start"),
        ("measure=tool.calls&last=90d&step=1m", "step"),
        ("measure=tool.calls&group_by=mission", "group_by"),
        ("measure=stage.completion&group_by=toolkit", "group_by"),
        ("measure=tool.calls&toolkit=", "toolkit"),
        ("measure=tool.calls&toolkit=a%07b", "toolkit"),
        ("measure=tool.calls&format=xml", "format"),
        ("measure=tool.calls&scope=universe", "scope"),
        ("measure=tool.calls&colour=red", "colour"),
        ("measure=tool.calls&measure=tool.p95", "measure"),
    ],
)
def test_bad_questions__named(query: str, where: str) -> None:
    details = refused(reader(make.workspace()).get(f"{SERIES}?{query}"), "INVALID_ARGUMENT")
    assert where in details


def test_series__strangers(now: datetime) -> None:
    workspace = told([call(now - HOUR)])
    path = f"{SERIES}?measure=tool.calls&last=6h"
    refused(Api().get(path), "UNAUTHORIZED")
    other = make.workspace()
    assert all(
        point["value"] is None
        for each in got(reader(other), path)["series"]
        for point in each["points"]
    )
    refused(reader(other).get(path, **{"X-Workspace": workspace.slug}), "NOT_FOUND")
    refused(reader(workspace).send("POST", SERIES, {}), "METHOD_NOT_ALLOWED")


def test_the_installation__for_whoever_may_see_it(now: datetime) -> None:
    tell(None, [gauge("cpu_percent", 60, now - HOUR)])
    rollups.settle()
    workspace = make.workspace()
    agent = reader(workspace)
    operator = Api(browser=make.client(make.person(workspace, "primary_operator")))
    path = f"{SERIES}?measure=cpu.used&last=6h&step=6h"
    for more in ("", "&scope=installation"):
        refused(agent.get(path + more), "FORBIDDEN")
        values = [point["value"] for point in got(operator, path + more)["series"][0]["points"]]
        assert 60.0 in values
    refused(agent.get(f"{SERIES}?measure=tool.calls&scope=installation"), "FORBIDDEN")


# --- Events -------------------------------------------------------------------------------------


def listed(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = got(api, f"{PATH}?{query}")["items"]
    return found


def test_events__filtered_newest_first() -> None:
    now = clock.now()
    workspace = told(
        [
            call(now - HOUR, mission_id="MIS-1"),
            call(now - 2 * HOUR, outcome="error", mission_id="MIS-2"),
            event("intent_submitted", at=now - 3 * HOUR, stage="intake", correlation_id="req-9"),
            call(now - 3 * DAY, mission_id="MIS-3"),
        ]
    )
    api = reader(workspace)
    assert [each["mission"] for each in listed(api)] == ["MIS-1", "MIS-2", "MIS-1"]
    assert len(listed(api, "event=tool_router_call")) == 2
    assert [each["code"] for each in listed(api, "status=error,warning")] == ["error"]
    assert [each["event"] for each in listed(api, "correlation_id=req-9")] == ["intent_submitted"]
    assert [each["event"] for each in listed(api, "stage=mission_brief")] == ["intent_submitted"]
    assert [each["mission"] for each in listed(api, "mission=MIS-3&last=7d")] == ["MIS-3"]
    assert not listed(api, "agent=nobody")


def test_events__page_by_page() -> None:
    now = clock.now()
    workspace = told([call(now - timedelta(minutes=n + 1)) for n in range(5)])
    api = reader(workspace)
    first = got(api, f"{PATH}?limit=2")
    assert len(first["items"]) == 2
    seen = [each["event_id"] for each in first["items"]]
    page = first
    while page["next"]:
        page = got(api, page["next"])
        seen += [each["event_id"] for each in page["items"]]
    assert len(seen) == len(set(seen)) == 5
    refused(api.get(f"{PATH}?cursor=nonsense"), "INVALID_ARGUMENT")


def test_events__only_the_days_asked_for_are_looked_at() -> None:
    now = clock.now()
    workspace = told([call(now - HOUR)])
    rows = told_events(workspace.pk, now - DAY, now).order_by("-occurred_at", "-id")
    plan = rows[:50].explain()
    days = {(now - n * DAY).strftime("%Y%m%d") for n in (0, 1)}
    touched = set(re.findall(r"telemetry_events_(\d{8})", plan))
    assert touched
    assert touched <= days
    api = reader(workspace)
    listed(api)
    with CaptureQueriesContext(connection) as queries:
        listed(api)
    assert sum("telemetry_events" in each["sql"] for each in queries) == 1


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("last=30d", "start"),
        ("mission=MIS-1&start=2001-01-01", "start"),
        ("status=broken", "status"),
        ("stage=nowhere", "stage"),
        ("event=", "event"),
        ("message=x", "message"),
        ("limit=0", "limit"),
    ],
)
def test_events__bad_questions(query: str, where: str) -> None:
    details = refused(reader(make.workspace()).get(f"{PATH}?{query}"), "INVALID_ARGUMENT")
    assert where in details


def test_events__strangers() -> None:
    told([call(clock.now() - HOUR)])
    tell(None, [gauge("cpu_percent", 60, clock.now() - HOUR)])
    workspace = make.workspace()
    api = reader(workspace)
    refused(Api().get(PATH), "UNAUTHORIZED")
    assert not listed(api)
    refused(api.get(f"{PATH}?scope=installation"), "FORBIDDEN")
    operator = Api(browser=make.client(make.person(workspace, "primary_operator")))
    assert len(listed(operator, "scope=installation")) == 1


def test_old_names_of_stages__only_where_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = told([call(clock.now() - HOUR)])
    api = reader(workspace)
    assert "stage_legacy" not in listed(api)[0]
    assert "stage_legacy" not in api.get(f"{PATH}?format=csv").content.decode()
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_EXPORT_LEGACY_STAGES", "true")
    assert listed(api)[0]["stage_legacy"] == "governed_execution|evidence"
    [row] = csv.DictReader(io.StringIO(api.get(f"{PATH}?format=csv").content.decode()))
    assert (row["stage"], row["stage_legacy"]) == ("execute_observe", "governed_execution|evidence")

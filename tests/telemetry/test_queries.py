"""Saved queries: what the runbooks ask, a workspace's own, and what is no question."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import time_machine

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Invalid, NotAllowed, NotFound
from telemetry import queries, rollups
from telemetry.measures import MEASURES
from telemetry.models import SavedQuery
from telemetry.queries.checking import question_of
from tests import make
from tests.kit.api import Api, refused
from tests.kit.measuring import HOUR, call, gauge, noon, told
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
PATH = "/api/v1/telemetry/queries"
QUESTION = {
    "measures": ["tool.calls", "tool.p95"],
    "group_by": "toolkit",
    "filters": {"agent": ["executor"]},
    "window": "6h",
    "parameters": [{"name": "operation", "label": "Operation"}],
}


@pytest.fixture
def now() -> Iterator[datetime]:
    at = noon()
    with time_machine.travel(at, tick=False):
        yield at


def operator(workspace: Any) -> Any:
    return make.actor(make.person(workspace, "telemetry_analyst"))


def save(workspace: Any, slug: str = "ours", **fields: Any) -> SavedQuery:
    fields = {"title": "Ours", "question": QUESTION} | fields
    return queries.create_query(workspace, actor=operator(workspace), slug=slug, **fields)


@pytest.mark.slow
def test_every_measure__beside_another__along_time_and_by_group() -> None:
    """Some are summed up, some counted apart, some come from elsewhere: one table all the same."""
    workspace = make.workspace()
    for slug in sorted(MEASURES):
        for by in ("", "time", "agent"):
            try:
                question = question_of({"measures": list({"tool.calls", slug}), "group_by": by})
            except Invalid:
                continue  # not to be split so, and said when it is saved
            query = queries.Query(slug="x", title="x", about="", question=question)
            table = queries.run(query, make.JOB, workspace)
            assert {len(row) for row in table.rows} <= {len(table.columns)}, (slug, by)


# --- Those of the runbooks ----------------------------------------------------------------------


def test_shipped__every_one_is_a_sound_question_and_runs() -> None:
    workspace = make.workspace()
    for query in queries.SHIPPED.values():
        assert question_of(query.question.as_data()) == query.question
        table = queries.run(query, make.JOB, workspace)
        assert [row for row in table.rows if any(cell is not None for cell in row[1:])] == []
        assert table.note
        width = len(table.columns)
        assert all(len(row) == width for row in table.rows)


def test_calls_of_the_last_hour__per_operation_and_per_toolkit(now: datetime) -> None:
    tool = {"meta_tool": "COMPOSIO_MULTI_EXECUTE_TOOL"}
    at = now - HOUR / 2
    error = {"toolkit": "slack", "action": "post", "error_code": "RATE_LIMIT_EXCEEDED"}
    workspace = told(
        [
            *(call(at, context=tool) for _ in range(3)),
            call(now - 3 * HOUR, context=tool),
            call(at, context={**tool, "toolkit": "slack"}, outcome="rate_limit"),
            event("composio_tool_call_error", at=at, correlation_id="req-2", context=error | tool),
        ]
    )
    actor = operator(workspace)
    found = {
        slug: queries.run(queries.find(slug, actor, workspace), actor, workspace)
        for slug in ("calls-by-operation", "calls-by-toolkit")
    }
    columns = [each.name for each in found["calls-by-toolkit"].columns]
    assert columns == [
        "toolkit",
        "tool.calls",
        "tool.failures",
        "tool.error_rate",
        "tool.rate_limits",
        "tool.p95",
    ]
    by_toolkit = {row[0]: row[1:5] for row in found["calls-by-toolkit"].rows}
    assert by_toolkit == {"hubspot": (3, 0, 0, 0), "slack": (2, 2, 100, 2)}
    [row] = found["calls-by-operation"].rows
    assert row[:5] == ("COMPOSIO_MULTI_EXECUTE_TOOL", 5, 2, 40, 2)


def test_parameters__narrow_and_are_checked(now: datetime) -> None:
    at = now - HOUR / 2
    workspace = told([call(at), call(at, context={"toolkit": "slack"}), call(now - 3 * HOUR)])
    query = queries.find("integration-errors-over-time", make.JOB, workspace)
    table = queries.run(query, make.JOB, workspace, {"toolkit": "slack", "last": "6h"})
    assert sum(row[1] or 0 for row in table.rows) == 1
    wide = queries.run(query, make.JOB, workspace, {"last": "24h"})
    assert sum(row[1] or 0 for row in wide.rows) == 3
    bad = (
        {"agent": "executor"},
        {"last": "1y"},
        {"operation": "NO_SUCH_OPERATION"},
        {"toolkit": "x" * 200},
        {"toolkit": "a\x00b"},
    )
    for params in bad:
        with pytest.raises(Invalid) as refusal:
            queries.run(query, make.JOB, workspace, params)
        assert set(refusal.value.details) == set(params)


def test_installation__for_whoever_may_see_it(now: datetime) -> None:
    tell(None, [gauge("queue_depth", 12, now - HOUR / 10, of="celery")])
    rollups.settle()
    workspace = make.workspace()
    analyst = operator(workspace)
    on_call = make.actor(make.person(workspace, "primary_operator"))
    query = queries.SHIPPED["queues"]
    assert queries.run(query, on_call, workspace).rows == (("celery", 12.0),)
    assert queries.run(query, on_call, None).rows == (("celery", 12.0),)
    with pytest.raises(NotAllowed):
        queries.run(query, analyst, workspace)
    assert query not in queries.queries_of(analyst, workspace)
    assert query in queries.queries_of(on_call, workspace)


# --- A workspace's own --------------------------------------------------------------------------


def test_own_query__saved_changed_run_and_removed(now: datetime) -> None:
    workspace = told([call(now - HOUR), call(now - HOUR, agent_name="planner")])
    actor = operator(workspace)
    row = save(workspace)
    found = queries.find("OURS", actor, workspace)
    assert not found.shipped
    assert queries.run(found, actor, workspace).rows[0][:2] == ("hubspot", 1.0)
    changed = queries.change_query(row, actor=actor, title="Mine", question=QUESTION)
    assert (changed.title, changed.version) == ("Mine", 2)
    queries.remove_query(changed, actor=actor)
    with pytest.raises(NotFound):
        queries.find("ours", actor, workspace)
    log = AuditEvent.objects.filter(action=queries.ACTION, workspace_id=workspace.pk)
    assert log.count() == 3


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"measures": []}, "measures"),
        ({"measures": ["no.such"]}, "measures"),
        ({"measures": ["tool.calls", "tool.calls"]}, "measures"),
        ({"measures": "tool.calls"}, "measures"),
        ({"group_by": "mission"}, "group_by"),
        ({"measures": ["stage.completion"], "group_by": "toolkit"}, "group_by"),
        ({"filters": {"colour": ["red"]}}, "filters"),
        ({"filters": {"agent": "executor"}}, "filters"),
        ({"filters": {"agent": []}}, "filters"),
        ({"window": "1y"}, "window"),
        ({"step": "1h"}, "step"),
        ({"group_by": "time", "window": "90d", "step": "1m"}, "step"),
        ({"parameters": [{"name": "sql"}]}, "parameters"),
        ({"parameters": [{"name": "agent"}, {"name": "agent"}]}, "parameters"),
        ({"parameters": [{"name": "agent", "default": "x", "options": ["y"]}]}, "parameters"),
        ({"limit": 10**9}, "limit"),
        ({"limit": True}, "limit"),
        ({"sql": "DROP TABLE"}, "sql"),
    ],
)
def test_what_is_no_question__refused_by_name(change: dict[str, Any], where: str) -> None:
    with pytest.raises(Invalid) as refusal:
        question_of(QUESTION | change)
    assert list(refusal.value.details) == [f"question.{where}"]


def test_a_measure_that_went__is_left_out() -> None:
    workspace = make.workspace()
    row = save(workspace)
    SavedQuery.objects.filter(pk=row.pk).update(
        question=QUESTION | {"measures": ["tool.calls", "of.another.time"]}
    )
    query = queries.find("ours", make.JOB, workspace)
    table = queries.run(query, make.JOB, workspace)
    assert [each.name for each in table.columns] == ["toolkit", "tool.calls"]


def test_strangers__neither_see_nor_change() -> None:
    workspace, other = make.workspace(), make.workspace()
    row = save(workspace)
    with pytest.raises(NotAllowed):
        save_as = make.actor(make.person(workspace, "viewer"))
        queries.create_query(workspace, actor=save_as, slug="x", title="X", question=QUESTION)
    stranger = operator(other)
    with pytest.raises(NotFound):
        queries.find("ours", stranger, other)
    for refused_ in (
        lambda: queries.change_query(row, actor=stranger, title="Theirs"),
        lambda: queries.remove_query(row, actor=stranger),
        lambda: queries.run(queries.as_query(row), stranger, workspace),
        lambda: queries.create_query(
            workspace, actor=stranger, slug="x", title="X", question=QUESTION
        ),
    ):
        with pytest.raises(NotAllowed):
            refused_()


# --- By API -------------------------------------------------------------------------------------


def browser(workspace: Any, role: str = "telemetry_analyst") -> Api:
    _, secret = make.key(make.agent(workspace, role="", name=f"{role}-tool"))
    return (
        Api(secret) if role == "service" else Api(browser=make.client(make.person(workspace, role)))
    )


def test_api__save_run_export_remove(now: datetime) -> None:
    workspace = told([call(now - HOUR)])
    api = browser(workspace, "service")
    new = {"slug": "by-toolkit", "title": "By toolkit", "question": QUESTION}
    answer = api.post(PATH, new)
    assert answer.status_code == 201, answer.content
    assert answer["Location"] == f"{PATH}/by-toolkit"
    refused(api.post(PATH, new), "CONFLICT")
    refused(api.post(PATH, new | {"slug": "calls-by-toolkit"}), "CONFLICT")
    names = {each["slug"] for each in json.loads(api.get(PATH).content)["items"]}
    assert {"by-toolkit", "calls-by-operation"} <= names
    table = json.loads(api.get(f"{PATH}/by-toolkit/result?last=24h").content)
    assert [each["name"] for each in table["columns"]] == ["toolkit", "tool.calls", "tool.p95"]
    assert table["rows"][0][:2] == ["hubspot", 1]
    text = api.get(f"{PATH}/by-toolkit/result?format=csv").content.decode()
    [row] = csv.DictReader(io.StringIO(text))
    assert row["toolkit"] == "hubspot"
    patched = api.send("PATCH", f"{PATH}/by-toolkit", {"title": "Toolkits"})
    assert json.loads(patched.content)["version"] == 2
    assert api.send("DELETE", f"{PATH}/by-toolkit").status_code == 204
    refused(api.get(f"{PATH}/by-toolkit"), "NOT_FOUND")


def test_api__strict_and_closed_to_strangers() -> None:
    workspace = make.workspace()
    save(workspace)
    api = browser(workspace, "service")
    assert "agent" in refused(api.get(f"{PATH}/ours/result?agent=x"), "INVALID_ARGUMENT")
    assert "colour" in refused(api.get(f"{PATH}/ours/result?colour=red"), "INVALID_ARGUMENT")
    assert "format" in refused(api.get(f"{PATH}/ours/result?format=xml"), "INVALID_ARGUMENT")
    bad = {"slug": "x", "title": "X", "question": QUESTION | {"measures": ["nope"]}}
    assert "question.measures" in refused(api.post(PATH, bad), "INVALID_ARGUMENT")
    refused(api.send("PATCH", f"{PATH}/calls-by-toolkit", {"title": "X"}), "NOT_FOUND")
    refused(Api().get(PATH), "UNAUTHORIZED")
    viewer = browser(workspace, "viewer")
    assert viewer.get(f"{PATH}/ours/result").status_code == 200
    assert viewer.post(PATH, bad).status_code == 403
    refused(browser(make.workspace(), "service").get(f"{PATH}/ours"), "NOT_FOUND")


def test_old_names_of_stages__in_tables_where_asked_for(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = told([event("intent_submitted", at=now - HOUR, stage=None)])
    query = queries.SHIPPED["stages"]
    plain = queries.run(query, make.JOB, workspace)
    assert "stage_legacy" not in [each.name for each in plain.columns]
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_EXPORT_LEGACY_STAGES", "true")
    table = queries.run(query, make.JOB, workspace)
    assert (table.rows[0][0], table.rows[0][-1]) == ("define", "intake|mission_brief")

"""Events over the API: judged one by one, stored once, never refused for a neighbour's fault."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from controlplane.lib import clock
from telemetry import pressure
from telemetry.models import Dirty, Event, Flag, Refusal
from tests import make
from tests.kit.api import Api, refused
from tests.kit.telemetry import PATH, event, tell

pytestmark = pytest.mark.django_db


def sender(workspace: Any = None, role: str = "executor") -> tuple[Any, Api]:
    workspace = workspace or make.workspace()
    _, secret = make.key(make.agent(workspace, role=role))
    return workspace, Api(secret)


def sent(api: Api, data: Any) -> dict[str, Any]:
    answer = api.post(PATH, data)
    assert answer.status_code == 202, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    assert found["received"] == found["accepted"] + found["duplicates"] + found["rejected"]
    return found


def lines(api: Api, body: bytes) -> dict[str, Any]:
    answer = api.raw("POST", PATH, body, type="application/x-ndjson")
    assert answer.status_code == 202, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_one_event__stored_in_its_canonical_form() -> None:
    workspace, api = sender()
    when = clock.now() - timedelta(minutes=1)
    one = event(
        "tool_router_call",
        at=when,
        stage="governed_execution",
        tenantId=workspace.slug,
        bd_issue="bd-a1f",
        user_id="ada@example.org",
        context={
            "toolkit": "hubspot",
            "action": "create_contact",
            "meta_tool": "COMPOSIO_MULTI_EXECUTE_TOOL",
            "duration_ms": 812,
            "outcome": "success",
            "token_usage": 1300,
        },
    )
    assert sent(api, one)["accepted"] == 1
    row = Event.objects.get()
    assert (row.event_type, row.received_name) == ("composio_tool_call", "tool_router_call")
    assert (row.stage, row.status, row.level) == ("execute_observe", "success", 20)
    assert (row.workspace, row.mission, row.work_item) == (workspace, "MIS-1", "bd-a1f")
    assert (row.toolkit, row.operation) == ("hubspot", "COMPOSIO_MULTI_EXECUTE_TOOL")
    assert (row.duration_ms, row.amount, row.weight) == (812, 1300, 1)
    assert row.occurred_at == when
    assert row.flags == Flag.ALIAS
    assert row.user_ref is not None
    assert "ada" not in row.user_ref
    minute = Dirty.objects.get()
    assert (minute.workspace, minute.bucket) == (workspace, when.replace(second=0, microsecond=0))


def test_batch__a_bad_event_sinks_nobody() -> None:
    _, api = sender()
    good = [event(), event("no_such_event")]
    bad: list[Any] = [
        {"event_id": "x"},
        event(colour="red"),
        event(duration_ms="long"),
        event(at=clock.now() + timedelta(hours=2)),
        event(at=clock.now() - timedelta(days=400)),
        event(tenantId="somebody-else"),
        event(occurred_at="2025-10-16T08:00:00"),
        event(occurred_at=None),
        event(message="a\x00b"),
        17,
    ]
    answer = sent(api, [good[0], *bad, good[1]])
    assert (answer["accepted"], answer["rejected"]) == (2, len(bad))
    assert answer["unknown_events"] == ["no_such_event"]
    codes = {each["index"]: each["code"] for each in answer["verdicts"]}
    wanted = "MISSING BAD_VALUE BAD_VALUE TOO_NEW TOO_OLD WORKSPACE_MISMATCH BAD_VALUE MISSING"
    wanted += " BAD_VALUE BAD_VALUE"
    assert codes == dict(enumerate(wanted.split(), start=1))
    assert "colour" in answer["verdicts"][1]["reason"]
    assert Event.objects.count() == 2
    assert sum(Refusal.objects.values_list("total", flat=True)) == len(bad)


def test_delivered_again__counted_and_stored_once() -> None:
    _, api = sender()
    batch = [event() for _ in range(5)]
    assert sent(api, batch)["accepted"] == 5
    more = [*reversed(batch), event(), batch[0]]
    answer = sent(api, more)
    assert (answer["accepted"], answer["duplicates"]) == (1, 6)
    assert {each["status"] for each in answer["verdicts"]} == {"duplicate"}
    assert Event.objects.count() == 6


def test_one_id_at_two_times__each_with_its_own_verdict() -> None:
    """In one batch, of which the one was stored before: the other is new."""
    _, api = sender()
    old = event(event_id="order-1", at=clock.now() - timedelta(hours=2))
    assert sent(api, [old])["accepted"] == 1
    answer = sent(api, [event(event_id="order-1"), old])
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [(each["index"], each["status"]) for each in answer["verdicts"]] == [(1, "duplicate")]
    assert Event.objects.count() == 2


def test_too_much_waits__senders_wait_but_the_portal_reports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace, api = sender()
    Dirty.objects.create(workspace=workspace, bucket=clock.now().replace(second=0, microsecond=0))
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_MAX_DIRTY", "0")
    pressure.forget()
    try:
        refused = api.post(PATH, event())
        assert (refused.status_code, refused["Retry-After"]) == (503, "10")
        assert tell(workspace, [event()]).accepted == 1
    finally:
        pressure.forget()


def test_ids__of_two_workspaces__never_meet() -> None:
    first, one = sender()
    second, other = sender()
    same = event(event_id="order-77")
    assert sent(one, same)["accepted"] == 1
    assert sent(other, same)["accepted"] == 1
    same["event_id"] = str(uuid4())
    assert sent(one, same)["accepted"] == 1
    assert sent(other, same)["accepted"] == 1
    assert Event.objects.of(first.pk).count() == Event.objects.of(second.pk).count() == 2


def test_lines__with_a_broken_one() -> None:
    _, api = sender()
    body = b"\n".join([json.dumps(event()).encode(), b"{broken", b"", json.dumps(event()).encode()])
    answer = lines(api, body)
    assert (answer["received"], answer["accepted"], answer["rejected"]) == (3, 2, 1)
    assert answer["verdicts"][0]["code"] == "MALFORMED"


def test_gzip__unpacked() -> None:
    _, api = sender()
    body = gzip.compress(json.dumps([event(), event()]).encode())
    answer = api.raw("POST", PATH, body, Content_Encoding="gzip")
    assert answer.status_code == 202
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"", "application/json", "INVALID_ARGUMENT"),
        (b"[{}", "application/json", "INVALID_ARGUMENT"),
        (b"[" * 100_000, "application/json", "INVALID_ARGUMENT"),
        (b"\xff\xfe", "application/json", "INVALID_ARGUMENT"),
        (b"a=b", "application/x-www-form-urlencoded", "UNSUPPORTED_MEDIA_TYPE"),
        (b"[" + b"1," * 5_000 + b"1]", "application/json", "TOO_LARGE"),
        (b" " * (5 * 1024 * 1024 + 1), "application/json", "TOO_LARGE"),
        (gzip.compress(b" " * (50 * 1024 * 1024)), "gzip", "TOO_LARGE"),
    ],
)
def test_hostile_bodies__refused_whole(body: bytes, kind: str, code: str) -> None:
    _, api = sender()
    more = {"Content_Encoding": "gzip"} if kind == "gzip" else {}
    answer = api.raw("POST", PATH, body, type=kind if not more else "application/json", **more)
    refused(answer, code)
    assert not Event.objects.exists()


def test_deep_and_long_contexts__kept_within_bounds() -> None:
    _, api = sender()
    deep: Any = "end"
    for _ in range(200):
        deep = {"a": deep}
    answer = sent(api, [event(context={"deep": deep}), event(message="x" * 100_000)])
    assert answer["accepted"] == 2
    assert all(len(row.message or "") <= 16 * 1024 for row in Event.objects.all())


def test_personal_data__never_reaches_the_table() -> None:
    _, api = sender()
    one = event(
        message="mail ada@example.org now",
        service="ada@example.org",
        correlation_id="ada@example.org",
        context={"note": "call ada@example.org", "password": "hunter2", "ada@example.org": 1},
    )
    answer = sent(api, one)
    assert answer["redacted"] >= 4
    row = Event.objects.values().get()
    assert "ada@example" not in str(row)
    assert "hunter2" not in str(row)
    assert row["redactions"]


def test_strangers__may_not_report() -> None:
    workspace = make.workspace()
    refused(Api().post(PATH, [event()]), "UNAUTHORIZED")
    viewer = Api(browser=make.client(make.person(workspace, "viewer")))
    assert viewer.post(PATH, [event()]).status_code == 403
    assert not Event.objects.exists()

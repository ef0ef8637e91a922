"""What strangers may write into the doors that read: a reason, never a failure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access.models import User, Workspace
from telemetry.models import AuditRun, HealthSnapshot, SavedQuery
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db
API = "/api/v1/telemetry"
NUL = "a\x00b"


Place = tuple[Workspace, User, str]


@settled.once
def place() -> Place:
    workspace = make.workspace()
    _, secret = make.key(make.agent(workspace, role="", name="tool"))
    return workspace, make.person(workspace, "telemetry_analyst"), secret


def send(secret: str, path: str, body: Any) -> tuple[int, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = Client(raise_request_exception=False).post(
        f"{API}/{path}", text, content_type="application/json",
        headers={"authorization": f"Bearer {secret}"},
    )  # fmt: skip
    return answer.status_code, answer.content


def question(**more: Any) -> dict[str, Any]:
    return {"slug": "mine", "title": "Mine", "question": {"measures": ["tool.calls"], **more}}


BODIES: dict[str, list[Any]] = {
    "queries": [
        question(filters={"toolkit": [NUL]}),
        question(filters={"toolkit": [1]}),
        question(filters={"toolkit": {"a": 1}}),
        question(filters={"toolkit": ["\ud800"]}),
        question(filters={NUL: ["x"]}),
        question(filters=[]),
        question(group_by=[]),
        question(group_by="time", step=[]),
        question(group_by="time", step="1m", window=[]),
        question(window={"a": 1}),
        question(limit=1e300),
        question(limit=10**400),
        question(parameters=[{"name": "toolkit", "default": NUL}]),
        question(parameters=[{"name": ["toolkit"]}]),
        question(parameters={}),
        {**question(), "title": NUL},
        {**question(), "slug": "a/b"},
        '{"slug": "x", "title": "x", "question": {"measures": ["tool.calls"], "limit": 1e400}}',
        "[" * 5_000,
        [],
    ],
    "audits": [
        {"since": "0001-01-01T00:00:00Z"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"since": "9999-12-31T23:59:59-14:00"},
        {"since": 1e308},
        {"mode": []},
        {"mode": "check", "subject": NUL},
        '{"since": 1e400}',
    ],
    "snapshots": [
        {"start": "0001-01-01T00:00:00+14:00"},
        {"end": "0001-01-01T00:00:00Z"},
        {"start": "9999-12-31T23:59:59-14:00"},
        {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
        {"subject": NUL},
        {"note": NUL},
        {"note": "x" * 501},
    ],
}


@pytest.mark.parametrize("path", sorted(BODIES))
def test_bodies__refused_with_a_reason_and_nothing_kept(place: Place, path: str) -> None:
    _, _, secret = place
    for body in BODIES[path]:
        status, said = send(secret, path, body)
        assert 400 <= status < 500, (body, status, said[:300])
    assert not SavedQuery.objects.exists()
    assert not AuditRun.objects.exists()
    assert not HealthSnapshot.objects.exists()


LISTS = (
    "sessions?over_tokens=1e400",
    "sessions?over_tokens=NaN",
    "sessions?over_tokens=-1",
    "sessions?used_since=soon",
    "sessions?used_since=10000-01-01",
    "sessions?mission=%00",
    "sessions?sort=tokens&cursor=%00",
    "sessions?cursor=AAAA",
    "gaps?rule=%00",
    "gaps?status=nothing",
    "audits?mode=%00",
    "snapshots?subject=%00&kind=x",
    "audits/00000000-0000-0000-0000-000000000000",
    "queries/no-such",
    "queries/tool-calls/result?last=9999999y",
    "series?measure=tool.calls&step=1m&start=2001-01-01&end=2003-01-01",
    "series?measure=tool.calls&start=0001-01-01T00:00:00%2B14:00",
    "series?measure=tool.calls&start=9999-12-31T23:59:59-14:00",
    "series?measure=tool.calls&last=1h&toolkit=%00",
    "series?measure=tool.calls&start=2026-03-02&end=2026-03-01",
    "series?measure=tool.calls&group_by=mission",
)


def test_lists__refused_with_a_reason(place: Place) -> None:
    _, _, secret = place
    client = Client(raise_request_exception=False)
    for path in LISTS:
        answer = client.get(f"{API}/{path}", headers={"authorization": f"Bearer {secret}"})
        assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.content[:300])


PAGES = (
    "/admin/telemetry/toolsession/?agent=%00&mission=%00&range=x&tokens=y",
    "/admin/telemetry/toolsession/?mission=%F6&view=all",
    "/admin/telemetry/refusal/?source=%00&event=%00&code=%00",
    "/admin/telemetry/auditrun/?signed=%00&mode__exact=%00&result__exact=%F0",
    "/admin/telemetry/gap/?rule=%00&q=%00&status__exact=%00",
    "/admin/telemetry/healthsnapshot/?kind__exact=%00&state__exact=%00",
    "/admin/telemetry/event/?after=1990-01-01~00000000-0000-0000-0000-000000000000&status=error",
    "/admin/telemetry/event/?before=2200-12-31T23:59~x&toolkit=event_type__in&status=info",
    "/admin/telemetry/event/?from=2200-12-31&to=1990-01-01&noticed=%00",
    "/admin/telemetry/event/?range=all&status=nothing&noticed=any",
    "/admin/telemetry/catalogue/?q=%00%F0&stage=%00",
    "/admin/telemetry/queries/?q=%00",
    "/admin/telemetry/dashboards/kpi-board/?from=0001-01-01T00:00:00%2B14:00&to=9999-12-31",
)


def test_pages__shown_whatever_the_address_says(place: Place) -> None:
    _, person, _ = place
    client = make.client(person)
    for path in PAGES:
        answer = client.get(path, follow=True)
        assert answer.status_code in {200, 400, 404}, (path, answer.status_code)


def test_forms__said_what_is_wrong(place: Place) -> None:
    _, person, _ = place
    client = make.client(person)
    keep = reverse("telemetry:query_keep")
    for sent in (
        {"title": NUL, "measures": ["tool.calls"]},
        {"title": "x", "measures": [NUL]},
        {"title": "x", "measures": ["tool.calls"], "about": NUL},
        {"title": "x", "measures": ["tool.calls"], "group_by": NUL, "window": NUL},
        {"title": "x", "measures": ["tool.calls"], "parameters": [NUL]},
        {"title": "", "measures": []},
    ):
        answer = client.post(keep, sent)
        assert answer.status_code in {200, 400}, (sent, answer.status_code)
    assert not SavedQuery.objects.exists()
    audit = reverse("telemetry:audit_now")
    for wrong in ({"mode": "all"}, {"mode": "check", "since": "soon"}, {"since": "0001-01-01"}):
        answer = client.post(audit, wrong)
        assert answer.status_code == 422, (wrong, answer.status_code)
    assert client.post(audit, {"mode": NUL}).status_code == 400

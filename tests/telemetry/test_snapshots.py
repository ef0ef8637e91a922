"""Health snapshots: what was seen then, kept, readable, and nobody else's business."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from controlplane.access import services
from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed
from telemetry import rollups, snapshots
from telemetry.models import HealthSnapshot
from telemetry.snapshots import jobs
from telemetry.snapshots.services import midnight
from tests import make
from tests.kit import telemetry as kit
from tests.kit.api import Api, refused
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
PATH = "/api/v1/telemetry/snapshots"
YESTERDAY = (clock.now() - timedelta(days=1)).date()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    kit.forget()


def requests(workspace: Workspace, at: datetime, *, failed: int = 0, ok: int = 100) -> None:
    """Answers of a service, some failed."""
    base = {"service": "frontend", "mission_id": None, "stage": None, "agent_name": None}
    context = {"route": "api", "duration_ms": 90, "code": "2xx"}
    told = [event("request_completed", at=at, count=ok, status="success", context=context, **base)]
    if failed:
        worse = {**context, "code": "5xx"}
        told.append(
            event("request_completed", at=at, count=failed, status="error", context=worse, **base)
        )
    tell(workspace, told)
    rollups.settle()


def noon() -> datetime:
    return midnight(YESTERDAY) + timedelta(hours=12)


def figure(snapshot: HealthSnapshot, measure: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in snapshot.figures if one["measure"] == measure)
    return found


def analyst(workspace: Workspace) -> Any:
    return make.actor(make.person(workspace, "telemetry_analyst"))


def test_snapshot__figures_with_their_targets_and_states() -> None:
    workspace = make.workspace()
    requests(workspace, noon(), failed=10, ok=90)
    requests(workspace, noon() - timedelta(days=1), ok=100)
    start = midnight(YESTERDAY)
    taken = snapshots.take(
        workspace, actor=analyst(workspace), start=start, end=start + timedelta(days=1)
    )
    errors = figure(taken, "requests.error_rate")
    assert (errors["value"], errors["target"], errors["warn"]) == (10.0, 1.0, 5.0)
    assert (errors["state"], errors["before"], errors["sample"]) == ("bad", 0.0, 100)
    assert figure(taken, "requests.p95")["state"] == "good"
    assert figure(taken, "undo.success")["value"] is None
    assert figure(taken, "undo.success")["state"] == "no_data"
    assert taken.state == "bad"
    assert len({one["measure"] for one in taken.figures}) == len(taken.figures)
    assert AuditEvent.objects.filter(action="telemetry.snapshot").count() == 1


def test_nothing_told__no_data_and_not_well() -> None:
    workspace = make.workspace()
    taken = snapshots.take(workspace, actor=make.JOB)
    own = [one for one in taken.figures if not one["installation"]]
    assert {one["state"] for one in own if one["value"] is None} == {"no_data"}
    assert all(one["value"] is None for one in own)


def test_what_comes_later__changes_no_snapshot() -> None:
    workspace = make.workspace()
    requests(workspace, noon())
    [before] = [snapshots.take_day(workspace, YESTERDAY, actor=make.JOB)]
    assert before is not None
    requests(workspace, noon(), failed=50)
    before.refresh_from_db()
    assert figure(before, "requests.error_rate")["value"] == 0


def test_daily__once_a_day_however_often_asked() -> None:
    workspace = make.workspace()
    assert snapshots.take_day(workspace, YESTERDAY, actor=make.JOB) is not None
    assert snapshots.take_day(workspace, YESTERDAY, actor=make.JOB) is None
    row = HealthSnapshot.objects.get()
    row.pk, row.uid = None, clock_uid()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    assert not AuditEvent.objects.filter(action="telemetry.snapshot").exists()


def clock_uid() -> Any:
    from controlplane.lib.ids import uuid7

    return uuid7()


def test_job__every_workspace_that_was_told_of__and_days_it_missed() -> None:
    told, silent = make.workspace(), make.workspace()
    requests(told, noon())
    requests(told, noon() - timedelta(days=1))
    assert jobs.snapshots() == {"taken": 2, "failed": 0}
    assert jobs.snapshots() == {"taken": 0, "failed": 0}
    assert not HealthSnapshot.objects.filter(workspace=silent).exists()
    days = set(HealthSnapshot.objects.values_list("starts_at", flat=True))
    assert days == {midnight(YESTERDAY), midnight(YESTERDAY - timedelta(days=1))}


def test_job__one_that_fails__costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = make.workspace(), make.workspace()
    for workspace in (bad, good):
        requests(workspace, noon())

    def taken(workspace: Workspace, *args: Any, **more: Any) -> Any:
        if workspace == bad:
            raise ValueError
        return snapshots.take_day(workspace, *args, **more)

    monkeypatch.setattr(jobs, "take_day", taken)
    assert jobs.snapshots() == {"taken": 1, "failed": 1}


@pytest.mark.parametrize(
    "given",
    [
        {"end": timedelta(hours=1)},
        {"start": timedelta(seconds=-10), "end": timedelta(0)},
        {"start": timedelta(days=-200)},
        {"start": datetime(1, 1, 1, tzinfo=UTC), "end": datetime(1, 1, 9, tzinfo=UTC)},
        {"subject": "no ref"},
        {"subject": "incidents.incident:<b>"},
    ],
)
def test_what_can_not_be__refused(given: dict[str, Any]) -> None:
    workspace = make.workspace()
    now = clock.now()
    asked: dict[str, Any] = {
        key: now + x if isinstance(x, timedelta) else x for key, x in given.items()
    }
    with pytest.raises(Invalid):
        snapshots.take(workspace, actor=make.JOB, **asked)


def test_markdown__a_table_for_each_area__and_no_markup_of_others() -> None:
    workspace = make.workspace(name="Acme | <script> # [x](y)")
    requests(workspace, noon(), failed=10, ok=90)
    start = midnight(YESTERDAY)
    taken = snapshots.take(
        workspace,
        actor=make.JOB,
        start=start,
        end=start + timedelta(days=1),
        subject="incidents.incident:12",
        note="after *the* outage\n# no heading",
    )
    text = snapshots.as_markdown(taken, installation=False)
    lines = text.splitlines()
    assert lines[0] == f"# Health of Acme \\| \\<script\\> \\# \\[x\\](y), {YESTERDAY}"
    assert "- Overall: beyond a limit" in lines
    assert "- For incidents.incident:12" in lines
    person = make.person(workspace, "primary_operator", name="Noor Reading")
    night = snapshots.take(
        workspace,
        actor=make.actor(person),
        start=start - timedelta(hours=3),
        end=start + timedelta(hours=4),
    )
    told = snapshots.as_markdown(night, installation=False)
    assert told.splitlines()[0].endswith(f", {YESTERDAY}"), "of the day on which it ends"
    assert "by Noor Reading" in told
    assert "user:" not in told
    assert "## System Health" in lines
    row = next(line for line in lines if line.startswith("| Failed requests |"))
    assert row == "| Failed requests | 10 % | ≤ 1 % | beyond its limit | – |"
    assert [line for line in lines if line.startswith("# ")] == [lines[0]]
    widths = {line.count(" | ") for line in lines if line.startswith("| ")}
    assert widths == {4}


def test_figures_of_the_installation__only_for_whoever_may_see_it() -> None:
    workspace = make.workspace()
    context = {"name": "disk_used_percent", "value": 97.0}
    tell(None, [event("gauge_reported", at=noon(), service="portal", context=context)])
    rollups.settle()
    taken = snapshots.take_day(workspace, YESTERDAY, actor=make.JOB)
    assert taken is not None
    assert figure(taken, "disk.used")["value"] == 97.0
    assert "Disk" in snapshots.as_markdown(taken, installation=True)
    assert "Disk" not in snapshots.as_markdown(taken, installation=False)
    for role, sees in (("viewer", False), ("primary_operator", True)):
        browser = make.client(make.person(workspace, role))
        answer = Api(browser=browser).get(f"{PATH}/{taken.uid}", workspace=workspace.slug)
        found = {one["measure"] for one in json.loads(answer.content)["figures"]}
        assert ("disk.used" in found) is sees
        page = browser.get(f"/admin/telemetry/healthsnapshot/{taken.pk}/change/")
        assert page.status_code == 200
        assert (b"Disk" in page.content) is sees
    standing = make.workspace()
    [calm] = [snapshots.take_day(standing, YESTERDAY, actor=make.JOB)]
    assert calm is not None
    assert calm.state == "no_data", "what the machine lacks is no state of a workspace"


def test_ingestion_rate__beside_the_same_hour_of_other_weeks() -> None:
    workspace = make.workspace()
    hour = noon()
    nothing = snapshots.ingestion_rate(workspace.pk, hour + timedelta(hours=1))
    assert (nothing.verdict, nothing.per_minute) == ("insufficient_baseline", 0.0)
    for week in (1, 2, 3):
        requests(workspace, hour - timedelta(weeks=week) + timedelta(minutes=5), ok=600)
    silent = snapshots.ingestion_rate(workspace.pk, hour + timedelta(hours=1))
    assert (silent.verdict, silent.usual, silent.ratio) == ("deviation", 10.0, 0.0)
    requests(workspace, hour + timedelta(minutes=20), ok=660)
    usual = snapshots.ingestion_rate(workspace.pk, hour + timedelta(hours=1))
    assert (usual.verdict, usual.per_minute, usual.weeks) == ("ok", 11.0, 3)
    assert "1.10 times the usual" in usual.words
    requests(workspace, hour + timedelta(minutes=30), ok=6000)
    assert snapshots.ingestion_rate(workspace.pk, hour + timedelta(hours=1)).verdict == "deviation"


# --- Doors --------------------------------------------------------------------------------------


def test_api__take_list_read_and_write_out() -> None:
    workspace = make.workspace()
    _, secret = make.key(make.agent(workspace, role="coordinator"))
    api = Api(secret)
    requests(workspace, clock.now() - timedelta(hours=2))
    answer = api.post(PATH, {"subject": "deployments.deployment:7", "note": "after the release"})
    assert answer.status_code == 201, answer.content
    uid = json.loads(answer.content)["uid"]
    assert answer["Location"].endswith(uid)
    listed = json.loads(api.get(f"{PATH}?subject=deployments.deployment:7").content)
    assert [row["uid"] for row in listed["items"]] == [uid]
    assert "figures" not in listed["items"][0]
    whole = json.loads(api.get(f"{PATH}/{uid}").content)
    assert whole["kind"] == "subject"
    assert {one["measure"] for one in whole["figures"]} >= {"requests.p95", "undo.success"}
    written = json.loads(api.get(f"{PATH}/{uid}/markdown").content)
    assert written["filename"].endswith(".md")
    assert written["markdown"].startswith("# Health of")
    rate = json.loads(api.get("/api/v1/telemetry/ingestion-rate").content)
    assert rate["verdict"] == "insufficient_baseline"


def test_strangers__neither_take_nor_see() -> None:
    workspace, other = make.workspace(), make.workspace()
    taken = snapshots.take(workspace, actor=make.JOB)
    viewer = make.person(workspace, "viewer")
    with pytest.raises(NotAllowed):
        snapshots.take(workspace, actor=make.actor(viewer))
    with pytest.raises(NotAllowed):
        snapshots.take(workspace, actor=analyst(other))
    _, secret = make.key(make.agent(other, role="coordinator"))
    stranger = Api(secret)
    for path in (f"{PATH}/{taken.uid}", f"{PATH}/{taken.uid}/markdown"):
        assert stranger.get(path).status_code == 404
        refused(Api().get(path), "UNAUTHORIZED")
    assert json.loads(stranger.get(PATH).content)["items"] == []
    browser = make.client(make.person(other, "telemetry_analyst"))
    assert browser.get(f"/admin/telemetry/snapshots/{taken.uid}.md").status_code == 404
    assert HealthSnapshot.objects.count() == 1


def test_console__list_page_and_files() -> None:
    workspace = make.workspace()
    requests(workspace, noon(), failed=10, ok=90)
    taken = snapshots.take_day(workspace, YESTERDAY, actor=make.JOB)
    assert taken is not None
    browser = make.client(make.person(workspace, "telemetry_analyst"))
    at_first = browser.get("/admin/telemetry/healthsnapshot/", follow=True)
    assert str(YESTERDAY).encode() in at_first.content
    assert at_first.request["QUERY_STRING"] in {"", "view=all"}
    listed = browser.get("/admin/telemetry/healthsnapshot/?kind__exact=daily")
    assert listed.status_code == 200
    assert str(YESTERDAY).encode() in listed.content
    page = browser.get(f"/admin/telemetry/healthsnapshot/{taken.pk}/change/")
    assert b"beyond its limit" in page.content
    markdown = browser.get(f"/admin/telemetry/snapshots/{taken.uid}.md")
    assert markdown["Content-Type"].startswith("text/markdown")
    assert markdown["Content-Disposition"].startswith('attachment; filename="health-')
    data = json.loads(browser.get(f"/admin/telemetry/snapshots/{taken.uid}.json").content)
    assert data["state"] == "bad"
    assert browser.get(f"/admin/telemetry/snapshots/{taken.uid}.exe").status_code == 404


def test_console__taken_of_the_workspace_in_the_address() -> None:
    """A name in the address is not kept, so the buttons of a page name it again."""
    first, second = make.workspace("aaa-one"), make.workspace("zzz-two")
    person = make.person(first, "telemetry_analyst")
    member = services.add_member(second, person, actor=make.JOB)
    services.grant_role(member, "telemetry_analyst", actor=make.JOB)
    browser = make.client(person)
    page = browser.get(f"/admin/telemetry/healthsnapshot/?workspace={second.slug}&view=all")
    button = re.search(r'action="([^"]*/do/take_now/)">(<input[^>]*>)?', page.content.decode())
    assert button is not None
    assert f'value="{second.slug}"' in (button[2] or "")
    asked = browser.post(f"{button[1]}?workspace={second.slug}", {"reason": "after the release"})
    assert asked.status_code == 302
    assert list(HealthSnapshot.objects.values_list("workspace", flat=True)) == [second.pk]


def test_console__tool_sessions() -> None:
    workspace = make.workspace()
    context = {"toolkit": "gmail", "action": "send", "outcome": "success", "token_usage": 25_000}
    tell(workspace, [event(session_id="ts-9", context={**context, "duration_ms": 4})])
    rollups.settle()
    browser = make.client(make.person(workspace, "viewer"))
    listed = browser.get("/admin/telemetry/toolsession/?tokens=over&range=30d")
    assert b"ts-9" in listed.content
    assert b"ts-9" not in browser.get("/admin/telemetry/toolsession/?tokens=within").content
    stranger = make.client(make.person(make.workspace(), "viewer"))
    assert b"ts-9" not in stranger.get("/admin/telemetry/toolsession/?view=all").content


def test_utc__days_are_whole() -> None:
    assert midnight(YESTERDAY) == datetime(
        YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, tzinfo=UTC
    )

"""What the work graph does by itself, and what it shows in the demo and from a shell."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base.registries import verdict
from controlplane.jobs.models import JobRun
from controlplane.lib import actors, clock
from controlplane.lib.errors import NotAllowed
from controlplane.notify.models import Channel, Delivery, Notification
from controlplane.notify.services import create_channel
from controlplane.work import services, tasks
from controlplane.work.models import Item, ItemEvent, ItemLink
from controlplane.work.services import checking, digest, graph
from tests import make
from tests.kit import work

pytestmark = pytest.mark.django_db
JOB = actors.job("test")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The clock, set by hand."""

    def set_to(text: str) -> datetime:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: moment)
        return moment

    return set_to


def chatty(zone: str = "Europe/Berlin", kind: str = "slack") -> Workspace:
    workspace = make.workspace()
    Workspace.objects.filter(pk=workspace.pk).update(time_zone=zone)
    workspace.refresh_from_db()
    admin = make.actor(make.person(workspace, "workspace_admin"))
    given: dict[str, Any] = (
        {"target": "ops@example.org"}
        if kind == "email"
        else {"secret": "https://hooks.example.org/services/T0/B0/x"}
    )
    create_channel(workspace, actor=admin, name=kind, kind=kind, **given)
    return workspace


# --- The digest -------------------------------------------------------------------------------


def test_digest__comes_once_in_the_local_morning(at: Any) -> None:
    workspace = chatty()
    work.item(workspace, "Rotate keys", priority=0, assignee="kim")
    waiting = work.item(workspace, "Deploy")
    services.block(waiting, by=work.item(workspace, "Test"), actor=work.worker(workspace))
    at("2026-03-02T06:59:00")  # 07:59 in Berlin
    assert tasks.morning_digest() == {"sent": 0, "failed": 0}
    at("2026-03-02T07:01:00")
    assert tasks.morning_digest() == {"sent": 1, "failed": 0}
    at("2026-03-02T07:06:00")
    assert tasks.morning_digest() == {"sent": 0, "failed": 0}
    told = Notification.objects.get(kind="work.digest")
    assert told.subject == "Ready this morning: 2 items"
    first, top = told.body.splitlines()[:2]
    assert first == "2 ready, 0 in progress, 1 blocked, 0 overdue."
    assert top.startswith("P0 bd-")
    assert top.endswith("Rotate keys (kim)")
    assert Delivery.objects.filter(notification=told, channel__kind="slack").count() == 1
    at("2026-03-03T07:01:00")
    assert dict(tasks.morning_digest() or {})["sent"] == 1


@pytest.mark.parametrize(
    "days",
    [
        ["2026-03-28", "2026-03-29", "2026-03-30"],  # the night an hour is skipped
        ["2026-10-24", "2026-10-25", "2026-10-26"],  # the night an hour comes twice
    ],
)
@pytest.mark.parametrize("hour", ["2", "8"])
def test_digest__is_sent_each_day_when_clocks_change(
    at: Any, monkeypatch: pytest.MonkeyPatch, days: list[str], hour: str
) -> None:
    monkeypatch.setenv("CONTROLPLANE_WORK_DIGEST_HOUR", hour)
    workspace = chatty()
    work.item(workspace)
    begin = datetime.fromisoformat(f"{days[0]}T00:00:00")
    sent = 0
    for step in range(3 * 24 * 2):
        at((begin + timedelta(minutes=30 * step)).isoformat())
        sent += digest.send_digest(workspace, actor=JOB)
    keys = Notification.objects.filter(kind="work.digest").values_list("key", flat=True)
    assert sorted(key[-10:] for key in keys) == days
    assert sent == 3


def test_digest__is_late_after_a_morning_away_and_not_in_the_afternoon(at: Any) -> None:
    workspace = chatty("UTC")
    work.item(workspace)
    at("2026-03-02T15:00:00")
    assert dict(tasks.morning_digest() or {})["sent"] == 0
    at("2026-03-03T11:00:00")
    assert dict(tasks.morning_digest() or {})["sent"] == 1


def test_digest__without_listeners_or_work_is_none(at: Any) -> None:
    at("2026-03-02T09:00:00")
    silent = make.workspace()
    work.item(silent)
    mail = chatty("UTC", kind="email")
    work.item(mail)
    chatty("UTC")
    off = chatty("UTC")
    work.item(off)
    Channel.objects.filter(workspace=off).update(is_active=False)
    assert tasks.morning_digest() == {"sent": 0, "failed": 0}


def test_digest__tells_nothing_of_other_workspaces_or_sandboxes(at: Any) -> None:
    workspace, other = chatty("UTC"), make.workspace()
    work.item(workspace, "Ours")
    work.item(other, "Theirs")
    actor = work.worker(workspace)
    sandbox = services.open_sandbox(workspace, "/x", actor=actor)
    services.create_item(sandbox, actor=actor, title="Private")
    at("2026-03-02T09:00:00")
    tasks.morning_digest()
    body = Notification.objects.get(kind="work.digest").body
    assert ("Ours" in body, "Theirs" in body, "Private" in body) == (True, False, False)


# --- Labels -----------------------------------------------------------------------------------


def test_labels__missing_ones_are_found_told_and_ruled_on() -> None:
    workspace = make.workspace()
    keeper = make.person(workspace, "operations_command")
    good = work.item(workspace, "Good", item_type="incident", labels=["incident"])
    bare = work.item(workspace, "Bare", item_type="deployment", labels=["incident"])
    work.item(workspace, "Task")
    assert verdict("work.labels", workspace.pk).status == "attention"
    assert tasks.check_labels() == {"unlabelled": 1}
    assert tasks.check_labels() == {"unlabelled": 1}
    assert ItemEvent.objects.get(kind=checking.UNLABELLED).item == bare
    told = Notification.objects.get(kind="work.labels")
    assert bare.key in told.body
    assert good.key not in told.body
    assert told.subject == "1 operations item without the label of its kind"
    page = make.client(keeper).get(told.link).content.decode()
    assert (bare.title in page, good.title in page) == (True, False)
    assert Delivery.objects.filter(notification=told, user=keeper).exists()
    services.update_item(bare, actor=make.actor(keeper), add_labels=["deployment"])
    assert tasks.check_labels() == {"unlabelled": 0}
    assert verdict("work.labels", workspace.pk).status == "ok"


def test_labels__are_checked_by_who_may_in_their_own_workspace() -> None:
    workspace = make.workspace()
    stranger = work.worker(make.workspace())
    with pytest.raises(NotAllowed):
        checking.check_labels(workspace, actor=stranger)
    with pytest.raises(NotAllowed):
        digest.send_digest(workspace, actor=stranger)


def test_evidence__is_asked_for_of_closed_operations_items() -> None:
    workspace = make.workspace()
    actor = work.worker(workspace)
    assert verdict("work.evidence", workspace.pk).status == "not_applicable"
    item = work.item(workspace, "Outage", item_type="incident", labels=["incident"])
    services.close_item(item, actor=actor, reason="mended")
    found = verdict("work.evidence", workspace.pk)
    assert found.status == "attention"
    work.item(workspace, "Still open", item_type="incident", labels=["incident"])
    page = make.client(make.person(workspace, "viewer")).get(found.link).content.decode()
    assert (item.key in page, "Still open" in page) == (True, False)
    services.add_link(item, actor=actor, url="https://grafana.example.org/d/1")
    assert verdict("work.evidence", workspace.pk).status == "ok"


# --- Readiness --------------------------------------------------------------------------------


def test_readiness__damage_is_repaired_recorded_and_an_alarm() -> None:
    workspace, other = make.workspace(), make.workspace()
    parent = work.item(workspace, "Parent")
    child = work.item(workspace, "Child", parent=parent)
    waiting = work.item(workspace, "Waiting")
    services.block(waiting, by=parent, actor=work.worker(workspace))
    work.item(other, "Untouched")
    assert tasks.check_readiness() == {"wrong": 0, "workspaces": 0}
    Item.objects.filter(pk=waiting.pk).update(blocked=False, open_blockers=7)
    Item.objects.filter(pk=child.pk).update(parent=None)
    assert verdict("work.readiness", workspace.pk).status == "failing"
    counts = tasks.check_readiness()
    assert counts == {"wrong": 2, "workspaces": 1}
    assert graph.mismatches() == []
    child.refresh_from_db()
    assert child.parent == parent
    told = AuditEvent.objects.get(action="work.repair")
    assert told.workspace_id == workspace.pk
    assert {row["key"] for row in (told.before or {})["items"]} == {waiting.key, child.key}
    run = JobRun.objects.create(
        name=tasks.READINESS, due_at=timezone.now(), state="done", counts=counts
    )
    assert [found.kind for found in tasks.wrong_readiness()] == ["readiness"]
    JobRun.objects.filter(pk=run.pk).update(counts={"wrong": 0})
    assert list(tasks.wrong_readiness()) == []


# --- Files ------------------------------------------------------------------------------------


def test_files_nobody_names__go_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    later = timezone.now() + timedelta(days=2)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        tasks.remove_orphans()  # what other tests left
    item = work.item(make.workspace())
    actor = work.worker(Workspace.objects.get(pk=item.workspace_id))
    kept = services.attach(item, actor=actor, filename="a.txt", content=b"kept")
    storage = ItemLink._meta.get_field("file").storage
    orphan = storage.save("work/nobody/b.txt", ContentFile(b"lost"))
    other = storage.save("elsewhere/c.txt", ContentFile(b"not ours"))
    assert tasks.remove_orphans() == {"deleted": 0}
    monkeypatch.setattr(clock, "now", lambda: later)
    assert tasks.remove_orphans() == {"deleted": 1}
    assert storage.exists(str(kept.file.name))
    assert storage.exists(other)
    assert not storage.exists(orphan)


# --- The demo, and the shell ------------------------------------------------------------------


@pytest.mark.slow
def test_demo__has_work_of_every_kind(settings: Any, tmp_path: Path) -> None:
    settings.STATE_DIR = tmp_path
    call_command("seed_demo", stdout=io.StringIO())
    rows = Item.objects.filter(workspace__slug="demo")
    kinds = set(rows.values_list("item_type", flat=True))
    assert {"deployment", "incident", "maintenance", "feature"} <= kinds
    assert rows.filter(blocked=True).exists()
    assert rows.ready().count() >= 10
    assert rows.backlog().count() == 10
    assert set(rows.backlog().values_list("stage", flat=True)) >= {"define", "reflect_improve"}
    assert rows.filter(status="in_progress").exclude(assignee="").exists()
    assert not checking.unlabelled(Workspace.objects.get(slug="demo").pk).exists()
    assert graph.mismatches() == []


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("work", *args, stdout=out)
    return out.getvalue()


def test_command__writes_and_reads_lines_and_tasks(tmp_path: Path) -> None:
    here, there = make.workspace(), make.workspace()
    one = work.item(here, "One")
    services.block(work.item(here, "Two"), by=one, actor=work.worker(here))
    file, tasks_file = tmp_path / "items.jsonl", tmp_path / "tasks.json"
    run("export", str(file), "--workspace", here.slug)
    assert file.read_text() == run("export", "-", "--workspace", here.slug)
    done = json.loads(run("import", str(file), "--workspace", there.slug))
    assert (done["created"], done["dependencies"]) == (2, 1)
    run("export-tasks", str(tasks_file), "--workspace", here.slug)
    third = make.workspace()
    told = json.loads(run("import-tasks", str(tasks_file), "--workspace", third.slug))
    assert (len(told["created"]), told["dependencies"]) == (2, 1)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_command__says_what_is_wrong(tmp_path: Path) -> None:
    workspace = make.workspace()
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b'{"title":"x"}\n{"tit')
    with pytest.raises(CommandError, match="line 2"):
        run("import", str(bad), "--workspace", workspace.slug)
    with pytest.raises(CommandError, match="no workspace"):
        run("export", "-", "--workspace", "nowhere")
    with pytest.raises(CommandError, match="no project"):
        run("export", "-", "--workspace", workspace.slug, "--project", "none")
    with pytest.raises(CommandError, match="missing"):
        run("import", str(tmp_path / "missing"), "--workspace", workspace.slug)
    assert not Item.objects.filter(workspace=workspace).exists()

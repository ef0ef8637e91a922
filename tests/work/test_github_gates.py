"""Gates that GitHub opens: its run ended well, its pull request was merged."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.base.models import Signal
from controlplane.work import services
from controlplane.work.models import CheckResult, Item
from tests.kit import settled, work
from tests.kit.github import SHA, Repository, run, texts

pytestmark = pytest.mark.django_db


@settled.once
def repository() -> Repository:
    return Repository()


# --- Gates ------------------------------------------------------------------------------------


def gate(repository: Repository, kind: str, number: Any) -> Item:
    item = work.item(repository.project, f"Wait for {number}", item_type="gate")
    if isinstance(number, str):
        return services.update_item(item, actor=repository.actor, await_type=kind, await_id=number)
    # A number comes from an import alone.
    Item.objects.filter(pk=item.pk).update(extra={"await_type": kind, "await_id": number})
    return item


def test_gate__opens_when_its_run_ends_well(repository: Repository) -> None:
    waiting, other = gate(repository, "gh:run", "99"), gate(repository, "gh:run", 100)
    behind = repository.item()
    services.add_dependency(behind, waiting, actor=repository.actor)
    failed = repository.deliver("workflow_run", run(99, "failure"))
    assert failed.status_code == 200
    waiting.refresh_from_db()
    assert waiting.status == "open"
    assert "stays shut" in texts(waiting)[0]
    done = repository.deliver("workflow_run", run(99, "success", "2026-03-01T08:20:00Z"))
    assert "; 1 gate" in done.json()["outcome"]
    for item in (waiting, other, behind):
        item.refresh_from_db()
    assert (waiting.status, other.status, behind.blocked) == ("closed", "open", False)
    assert "CI passed" in waiting.close_reason
    repository.deliver("workflow_run", run(100, "success"))
    other.refresh_from_db()
    assert other.status == "closed"


def test_gate__opens_when_its_pull_request_is_merged(repository: Repository) -> None:
    item, waiting = repository.item(), gate(repository, "gh:pr", "example/portal#12")
    pull = {
        "number": 12,
        "title": "bd-a1f login",
        "state": "open",
        "html_url": "https://github.com/example/portal/pull/12",
        "head": {"ref": "login", "sha": SHA},
        "updated_at": "2026-03-01T08:00:00Z",
    }
    for _ in range(2):
        repository.deliver("pull_request", {"action": "synchronize", "pull_request": pull})
    merged = pull | {"state": "closed", "merged": True, "updated_at": "2026-03-01T09:00:00Z"}
    for _ in range(2):
        repository.deliver("pull_request", {"action": "closed", "pull_request": merged})
    waiting.refresh_from_db()
    assert waiting.status == "closed"
    assert [text.split(":")[0] for text in texts(item)] == [
        "example/portal#12 is open",
        "example/portal#12 was merged",
    ]
    assert not CheckResult.objects.exists()


def test_merge__into_the_default_branch__is_told_above__once(repository: Repository) -> None:
    name = {"full_name": repository.name, "default_branch": "main"}
    pull = {
        "number": 31, "title": "Plan twice", "state": "closed", "merged": True,
        "html_url": "https://github.com/example/portal/pull/31",
        "head": {"ref": "plan", "sha": SHA}, "merge_commit_sha": "AB" * 20,
        "merged_at": "2026-03-01T09:00:00Z", "updated_at": "2026-03-01T09:00:01Z",
    }  # fmt: skip
    told = Signal.objects.filter(kind="work.merged")
    for base in ("release-1", "main", "main"):
        given = {**pull, "base": {"ref": base}}
        repository.deliver("pull_request", {"repository": name, "pull_request": given})
    [signal] = told
    assert signal.workspace == repository.workspace
    assert signal.payload == {
        "repository": repository.name, "number": 31, "title": "Plan twice", "commit": "ab" * 20,
        "url": pull["html_url"], "at": "2026-03-01T09:00:00+00:00",
    }  # fmt: skip


def test_gate_of_another_workspace__stays_shut(repository: Repository) -> None:
    other = Repository(name="example/elsewhere")
    theirs = gate(other, "gh:run", "99")
    repository.deliver("workflow_run", run(99, "success"))
    theirs.refresh_from_db()
    assert theirs.status == "open"

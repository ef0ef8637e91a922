"""What GitHub delivers: proved, heard once, never back in time, told without a flood."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.work import services
from controlplane.work.models import CheckResult, GithubSource, HookDelivery
from controlplane.work.services import github
from tests import make
from tests.kit import settled, work
from tests.kit.api import Api, refused
from tests.kit.github import SHA, Repository, send, texts

pytestmark = pytest.mark.django_db
SOURCES = "/api/v1/work/github-sources"


@settled.once
def repository() -> Repository:
    return Repository()


# --- Proof ------------------------------------------------------------------------------------


def test_ping__is_answered(repository: Repository) -> None:
    assert repository.deliver("ping", {"zen": "x"}).json()["outcome"] == "pong"
    repository.source.refresh_from_db()
    assert repository.source.last_at


def test_wrong_secret__is_refused_and_counted(repository: Repository) -> None:
    refused(repository.deliver("ping", {}, secret="guessed"), "UNAUTHORIZED")
    repository.source.refresh_from_db()
    assert (repository.source.refused, repository.source.last_at) == (1, None)
    assert repository.source.last_refused_at
    assert not HookDelivery.objects.exists()


def test_changed_body__is_refused(repository: Repository) -> None:
    body = json.dumps({"repository": {"full_name": repository.name}}).encode()
    signed = hmac.new(repository.secret.encode(), body, hashlib.sha256).hexdigest()
    answer = send("ping", body + b" ", repository.secret, **{
        "X-Hub-Signature-256": f"sha256={signed}"
    })  # fmt: skip
    refused(answer, "UNAUTHORIZED")


def test_unknown_and_switched_off_repositories__are_as_wrong_secrets(
    repository: Repository,
) -> None:
    body = json.dumps({"repository": {"full_name": "example/other"}}).encode()
    refused(send("ping", body, "any"), "UNAUTHORIZED")
    github.switch_source(repository.source, actor=repository.actor, active=False)
    refused(repository.deliver("ping", {}), "UNAUTHORIZED")
    github.switch_source(repository.source, actor=repository.actor, active=True)
    assert repository.deliver("ping", {}).status_code == 200


def test_rotated_secret__ends_the_old_one(repository: Repository) -> None:
    made = github.rotate_secret(repository.source, actor=repository.actor)
    refused(repository.deliver("ping", {}), "UNAUTHORIZED")
    assert repository.deliver("ping", {}, secret=made.secret).status_code == 200
    stored = GithubSource.objects.get().secret
    assert made.secret not in stored
    assert made.secret not in json.dumps(list(AuditEvent.objects.values("after", "details")))


def test_one_repository_in_two_workspaces__is_told_apart_by_the_secret(
    repository: Repository,
) -> None:
    other = Repository(name=repository.name.upper())
    here, there = repository.item(), other.item()
    other.check()
    assert (texts(here), len(texts(there))) == ([], 1)


@pytest.mark.parametrize("missing", ["X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256"])
def test_missing_header__is_named(repository: Repository, missing: str) -> None:
    assert missing in refused(repository.deliver("ping", {}, **{missing: ""}), "INVALID_ARGUMENT")


def test_repeated_delivery__is_heard_once(repository: Repository) -> None:
    item = repository.item()
    payload = {"check_run": {"id": 1, "name": "t", "head_sha": SHA, "status": "completed"}}
    payload["check_run"]["check_suite"] = {"head_branch": item.key}
    first = repository.deliver("check_run", payload, delivery="same")
    again = repository.deliver("check_run", payload, delivery="same")
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert len(texts(item)) == 1


# --- Results ----------------------------------------------------------------------------------


def test_finished_check__is_stored_and_told_once(repository: Repository) -> None:
    item = repository.item()
    assert repository.check("").status_code == 200
    assert texts(item) == []
    repository.check("success")
    repository.check("success")
    result = CheckResult.objects.get()
    assert (result.status, result.conclusion, result.passed) == ("completed", "success", True)
    assert list(result.items.all()) == [item]
    assert texts(item) == [
        "example/portal: tests passed for 6dcb09b5b578 on bd-a1f-login."
        " https://github.com/example/portal/runs/1"
    ]


def test_rerun__is_told_when_the_result_turned(repository: Repository) -> None:
    item = repository.item()
    repository.check("failure")
    repository.check("failure", id=2, completed_at="2026-03-01T08:20:00Z")
    assert len(texts(item)) == 1
    repository.check("success", id=3, completed_at="2026-03-01T08:30:00Z")
    assert ["failed" in text for text in texts(item)] == [True, False]


def test_late_delivery__never_takes_a_result_back(repository: Repository) -> None:
    item = repository.item()
    repository.check("success")
    late = repository.check("")
    assert "older" in late.json()["outcome"]
    repository.check("failure", completed_at="2026-03-01T08:05:00Z")
    assert CheckResult.objects.get().conclusion == "success"
    assert len(texts(item)) == 1
    # Begun and ended within one second: the end holds.
    repository.check("", id=9, name="quick", started_at="2026-03-01T09:00:00Z")
    repository.check("success", id=9, name="quick", completed_at="2026-03-01T09:00:00Z")
    repository.check("", id=9, name="quick", started_at="2026-03-01T09:00:00Z")
    assert CheckResult.objects.get(outside_id="9").status == "completed"


def test_suites_and_runs__are_told_only_where_no_single_checks_are(repository: Repository) -> None:
    item = repository.item()
    run = {
        "id": 77,
        "name": "CI",
        "head_sha": SHA,
        "status": "completed",
        "conclusion": "success",
        "head_branch": "bd-a1f",
        "updated_at": "2026-03-01T08:10:00Z",
    }
    repository.deliver("workflow_run", {"workflow_run": run})
    assert len(texts(item)) == 1
    other = repository.item("bd-b2", title="Other")
    repository.check(check_suite={"head_branch": "bd-b2"}, head_sha="b" * 40)
    repository.deliver(
        "check_suite",
        {"check_suite": run | {"id": 5, "head_sha": "b" * 40, "head_branch": "bd-b2"}},
    )
    assert len(texts(other)) == 1


def test_status_and_deployment_status(repository: Repository) -> None:
    item = repository.item()
    status = {
        "sha": SHA,
        "context": "ci/lint",
        "state": "pending",
        "updated_at": "2026-03-01T08:00:00Z",
        "commit": {"commit": {"message": "Mend login\n\nFor BD-A1F."}},
    }
    repository.deliver("status", status)
    repository.deliver("status", status | {"state": "error", "updated_at": "2026-03-01T08:01:00Z"})
    deployment = {
        "deployment": {"id": 4, "sha": SHA, "ref": "bd-a1f", "environment": "staging"},
        "deployment_status": {"state": "success", "updated_at": "2026-03-01T08:02:00Z"},
    }
    repository.deliver("deployment_status", deployment)
    assert CheckResult.objects.count() == 2
    assert [text.split(":")[1].split(" for")[0] for text in texts(item)] == [
        " ci/lint failed",
        " deployment to staging passed",
    ]


def test_items__are_found_by_key_title_message_and_reference(repository: Repository) -> None:
    child = repository.item("bd-a1f.2", title="Part")
    titled = repository.item("bd-c3", title="Titled")
    referred = repository.item("bd-d4", title="Referred", external_ref="gh-12")
    repository.item("bd-login", title="Not meant")
    pulls = [{"number": 12, "head": {"ref": "x"}, "title": "Fix (bd-c3)"}]
    repository.check(check_suite={"head_branch": "fix/bd-a1f.2-xbd-login"}, pull_requests=pulls)
    found = set(CheckResult.objects.get().items.values_list("key", flat=True))
    assert found == {child.key, titled.key, referred.key}


def test_items_of_other_workspaces__are_never_touched(repository: Repository) -> None:
    strangers = work.item(make.workspace(), "Theirs", key="bd-a1f")
    repository.check()
    assert texts(strangers) == []
    assert not CheckResult.objects.get().items.exists()


# --- Bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["check_run", "check_suite", "workflow_run", "pull_request"])
def test_event_without_what_it_tells_of__is_refused(repository: Repository, event: str) -> None:
    """`test_hostile_input` puts anything at any place of what is complete."""
    odds: list[Any] = [None, [], "x", 5, {}, {"id": 1}]
    for odd in odds:
        refused(repository.deliver(event, {event: odd}), "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("body", "code"),
    [(b" ", "INVALID_ARGUMENT"), (b"[]", "INVALID_ARGUMENT"), (b"{", "INVALID_ARGUMENT")],
)
def test_no_delivery__is_refused(body: bytes, code: str) -> None:
    refused(send("ping", body, "x"), code)


# --- Sources ----------------------------------------------------------------------------------


def test_source__made_rotated_and_switched_through_the_door(repository: Repository) -> None:
    admin = Api(browser=make.client(make.person(repository.workspace, "workspace_admin")))
    made = admin.post(SOURCES, {"repository": "example/new"})
    assert made.status_code == 201, made.content
    assert len(made.json()["secret"]) > 30
    path = made["Location"]
    assert "secret" not in admin.get(path).json()
    assert admin.post(f"{path}/rotate", {}).json()["secret"] != made.json()["secret"]
    switched = admin.post(f"{path}/switch", {"active": False, "reason": "moved"})
    assert switched.json()["is_active"] is False
    assert len(admin.get(SOURCES).json()["items"]) == 2
    refused(admin.post(SOURCES, {"repository": "EXAMPLE/new"}), "CONFLICT")
    refused(admin.post(SOURCES, {"repository": "no repository"}), "INVALID_ARGUMENT")


def test_sources__are_not_for_everybody(repository: Repository) -> None:
    viewer = Api(browser=make.client(make.person(repository.workspace, "viewer")))
    agent = Api(make.key(make.agent(repository.workspace, role="executor"))[1])
    stranger = Api(browser=make.client(make.person(make.workspace(), "workspace_admin")))
    path = f"{SOURCES}/{repository.source.uid}"
    for api in (viewer, agent):
        refused(api.get(SOURCES), "FORBIDDEN")
        refused(api.post(f"{path}/rotate", {}), "FORBIDDEN")
    refused(stranger.get(path), "NOT_FOUND")
    refused(stranger.post(f"{path}/rotate", {}), "NOT_FOUND")
    with pytest.raises(NotAllowed):
        github.rotate_secret(repository.source, actor=work.worker(make.workspace()))
    sandbox = services.open_sandbox(repository.workspace, "/x", actor=repository.actor)
    with pytest.raises(Conflict):
        github.add_source(sandbox, actor=repository.actor, repository="a/b")
    with pytest.raises(Invalid):
        github.add_source(repository.project, actor=repository.actor, repository="a")

"""Keys from the command line."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from controlplane.access import credential_cache
from controlplane.access.credentials import authenticate_bearer
from controlplane.access.models import Agent, ApiKey
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Unauthorized
from tests import make

pytestmark = pytest.mark.django_db


def run(*args: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_role__makes_an_agent_and_prints_only_the_key() -> None:
    workspace = make.workspace()
    out, err = run("issue_key", "--workspace", workspace.slug, "--name", "bot", "--role", "planner")
    actor = authenticate_bearer(f"Bearer {out.strip()}", "127.0.0.1")
    assert (actor.kind, actor.label) == ("agent", "bot")
    assert out.strip() not in err
    assert AuditEvent.objects.filter(action="key.issue", actor_ref="job:issue_key").exists()


def test_scopes__make_a_service_account__as_json() -> None:
    workspace = make.workspace()
    out, _ = run(
        "issue_key", "--workspace", workspace.slug, "--name", "ci", "--scopes",
        "catalog.*, audit.view", "--days", "3", "--json",
    )  # fmt: skip
    answer = json.loads(out)
    actor = authenticate_bearer(f"Bearer {answer['key']}", "127.0.0.1")
    assert actor.scopes == frozenset({"catalog.*", "audit.view"})
    assert Agent.objects.get().kind == "service"
    assert answer["workspace_id"] == str(workspace.uid)


def test_existing_agent__gets_another_key_and_keeps_its_role() -> None:
    agent = make.agent(make.workspace(), role="planner", name="bot")
    where = ("issue_key", "--workspace", agent.workspace.slug, "--name", "BOT")
    run(*where, "--role", "planner")
    assert agent.keys.count() == 1
    for other in (("--role", "executor"), ("--scopes", "catalog.view")):
        with pytest.raises(CommandError):
            run(*where, *other)
    agent.refresh_from_db()
    assert agent.role == "planner"


@pytest.mark.parametrize(
    "args",
    [
        ["--workspace", "nowhere", "--name", "x", "--role", "planner"],
        ["--workspace", "here", "--name", "x", "--role", "workspace_admin"],
        ["--workspace", "here", "--name", "x"],
        ["--workspace", "here", "--name", "x", "--role", "planner", "--scopes", "a.b"],
        ["--workspace", "here", "--name", "x", "--scopes", "nothing.at_all"],
        ["--workspace", "here", "--name", "x", "--scopes", ","],
        ["--workspace", "here", "--name", "x", "--role", "planner", "--days", "400"],
        ["--workspace", "here", "--name", "", "--role", "planner"],
    ],
    ids=str,
)
def test_wrong_arguments__are_refused_and_leave_nothing(args: list[str]) -> None:
    make.workspace("here")
    with pytest.raises(CommandError):
        run("issue_key", *args)
    assert not ApiKey.objects.exists()
    assert not Agent.objects.exists()


@pytest.mark.parametrize("whole", [False, True])
def test_revoke__by_prefix_or_by_the_leaked_key_itself(whole: bool) -> None:
    key, secret = make.key(make.agent(make.workspace()))
    out, _ = run("revoke_key", secret if whole else key.prefix, "--reason", "in a paste")
    assert secret not in out
    credential_cache.clear()
    with pytest.raises(Unauthorized):
        authenticate_bearer(f"Bearer {secret}", "127.0.0.1")
    assert AuditEvent.objects.get(action="key.revoke").reason == "in a paste"


def test_revoke__of_no_key__is_refused() -> None:
    with pytest.raises(CommandError):
        run("revoke_key", "cp_local_nobody00")

"""Threads from a terminal: each command, as text and as JSON, and who it was in the log."""

from __future__ import annotations

import json
import os
import pwd
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from controlplane.audit.models import AuditEvent
from missions.threads.models import Thread, WakeRun, WakeTrigger
from missions.threads.terminal import identity
from missions.threads.waking.services.running import begin_run
from tests import make
from tests.kit.waking import Night

pytestmark = pytest.mark.django_db
OVERRIDE = "human_override: it is settled"


@pytest.fixture
def night() -> Night:
    return Night()


def run(name: str, *args: Any) -> Any:
    out = StringIO()
    call_command(name, *map(str, args), "--json", stdout=out)
    return json.loads(out.getvalue())


def refused(name: str, *args: Any) -> tuple[str, int]:
    out = StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command(name, *map(str, args), "--json", stdout=out)
    return json.loads(out.getvalue())["error"]["code"], int(str(stop.value.code))


def operator(night: Night) -> str:
    return str(make.person(night.talk.workspace, "operations_command").email)


def test_inspect__shows_people_messages_and_tries(night: Night) -> None:
    night.session()
    night.post(body="One\x1b[2Jtwo\nthree")
    night.turn()
    told = run("inspect_thread", "--thread-id", night.talk.thread.uid)
    assert told["participants"][1]["role"] == "reviewer"
    assert told["messages"][-1]["body"].startswith("One")
    (trigger,) = told["triggers"]
    assert [(each["path"], each["result"]) for each in trigger["attempts"]] == [("live", "sent")]
    out = StringIO()
    call_command("inspect_thread", "--thread-id", night.talk.thread.ref, stdout=out)
    assert "One[2Jtwo | three" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    few = run("inspect_thread", "--thread-id", night.talk.thread.ref, "--limit-messages", 0)
    assert few["messages"] == []


def test_escalate_unblock_close__under_the_operators_name(night: Night) -> None:
    who, thread = operator(night), night.talk.thread
    given = ("--thread-id", thread.uid, "--operator", who)
    assert run("escalate_thread", *given, "--reason", "Stuck.")["status"] == "blocked"
    assert run("unblock_thread", *given, "--reason", "Go on.")["status"] == "active"
    assert refused("unblock_thread", *given, "--reason", "Again.") == ("CONFLICT", 1)
    for wrong in ("it is settled", "human_override:", "human_override:   "):
        assert refused("override_close_thread", *given, "--reason", wrong)[0] == "INVALID_ARGUMENT"
    assert run("override_close_thread", *given, "--reason", OVERRIDE)["status"] == "closed"
    rows = AuditEvent.objects.filter(
        action__in=["thread.escalate", "thread.unblock", "thread.override"]
    )
    sat = f"{who} (terminal of {identity._os_user()})"
    assert {(row.actor_label, row.source) for row in rows} == {(sat, "command")}
    assert rows.count() == 3


def test_user_of_the_system__is_named(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_os_user", lambda: "oscar")
    run("escalate_thread", "--thread-id", night.talk.thread.uid, "--reason", "Stuck.")
    row = AuditEvent.objects.get(action="thread.escalate")
    assert (row.actor_ref, row.actor_label) == ("os:oscar", "oscar (terminal)")


def test_user_of_the_system__is_not_what_the_environment_says(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")
    assert identity.operator().ref == f"os:{pwd.getpwuid(os.getuid()).pw_name}"


@pytest.mark.parametrize("name", ["", "nobody", "anonymous"])
def test_nobody_in_particular__changes_nothing(
    night: Night, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(identity, "_os_user", lambda: name)
    given = ("--thread-id", night.talk.thread.uid, "--reason", "Stuck.")
    assert refused("escalate_thread", *given) == ("FORBIDDEN", 1)
    with pytest.raises(CommandError):
        call_command("escalate_thread", *map(str, given))
    assert Thread.objects.get().status == "active"


def test_strangers_account__finds_and_changes_nothing(night: Night) -> None:
    elsewhere = make.person(make.workspace(), "operations_command")
    viewer = make.person(night.talk.workspace, "viewer")
    given = ("--thread-id", night.talk.thread.uid, "--reason", "Stuck.")
    assert refused("escalate_thread", *given, "--operator", elsewhere.email) == ("NOT_FOUND", 2)
    assert refused("escalate_thread", *given, "--operator", "no@example.com")[0] == "FORBIDDEN"
    close = (*given[:2], "--reason", OVERRIDE, "--operator", viewer.email)
    assert refused("override_close_thread", *close)[0] == "FORBIDDEN"
    assert AuditEvent.objects.filter(action="thread.override", outcome="denied").count() == 1
    assert refused("inspect_thread", "--thread-id", "THR-99")[0] == "NOT_FOUND"
    assert Thread.objects.get().status == "active"


def test_escalation_owner__assigned_reassigned_and_told(night: Night) -> None:
    first = make.person(night.talk.workspace, "operations_command").email
    second = make.person(night.talk.workspace, "mission_owner").email
    given = ("--thread-id", night.talk.thread.uid)
    why = ("--reason", "On call.", "--operator", operator(night))
    assert run("get_escalation_owner", *given)["escalation_owner"] is None
    assert refused("reassign_escalation_owner", *given, *why, "--owner", first)[0] == "CONFLICT"
    run("assign_escalation_owner", *given, *why, "--owner", first)
    assert refused("assign_escalation_owner", *given, *why, "--owner", second)[0] == "CONFLICT"
    run("reassign_escalation_owner", *given, *why, "--owner", second)
    assert run("get_escalation_owner", *given) == {
        "thread_id": str(night.talk.thread.uid), "escalation_owner": second, "assigned": True,
    }  # fmt: skip
    assert AuditEvent.objects.filter(action="thread.change", reason="On call.").count() == 2
    stranger = make.person(make.workspace(), "operations_command").email
    assert refused("reassign_escalation_owner", *given, *why, "--owner", stranger)[0] == (
        "INVALID_ARGUMENT"
    )


def test_fallbacks__are_listed_and_ended(night: Night) -> None:
    row = night.post()
    (row,) = night.claim()
    _, made = begin_run(row, "spawn", None, ["codex", "exec", "{prompt}"], supervisor="h:1:x")
    (told,) = run("fallback_list")["runs"]
    assert (told["run_id"], told["argv"][-1]) == (str(made.uid), "{prompt}")
    which = ("--run-id", made.uid)
    ended = run("fallback_kill", *which, "--reason", "Runs away.", "--operator", operator(night))
    assert ended["kill_asked_by"]
    assert WakeRun.objects.get().kill_asked_at is not None
    assert (night.wake.status, night.wake.error_code) == ("cancelled", "KILLED_BY_OPERATOR")
    assert AuditEvent.objects.get(action="thread.kill").reason == "Runs away."
    assert WakeTrigger.objects.open().filter(agent=night.talk.reviewer).count() == 0
    assert refused("fallback_kill", "--run-id", "x", "--reason", "y")[0] == "NOT_FOUND"
    elsewhere = make.person(make.workspace(), "operations_command").email
    stranger = refused("fallback_kill", *which, "--reason", "y", "--operator", elsewhere)
    assert stranger == ("NOT_FOUND", 2)

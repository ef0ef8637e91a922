"""Steps of runbooks and work items as actions of an incident: once each, defined when they hang,
fail, are refused or print secrets, and kept with what came of them."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.urls import reverse

from controlplane.audit.models import AuditEvent
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.work.models import Comment, Item
from controlplane.work.querysets import ItemQuerySet
from controlplane.work.services import close_item
from deployments.flags import services as flags
from incidents import tasks
from incidents.models import Action, Incident, RunbookRun, RunbookStep
from incidents.records import moving
from incidents.response import acting as actions
from incidents.response import running_steps
from incidents.runbooks import acting, running
from tests import make
from tests.kit import deployments, work
from tests.kit.deployments import deliver
from tests.kit.incidents import Caller, Watchroom
from tests.kit.racing import race
from tests.kit.runbooks import step, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


@pytest.fixture
def row(room: Watchroom) -> Incident:
    return room.quiet("sev2", title="Tool calls fail")


def run(room: Watchroom, row: Incident, target: str, **given: Any) -> Action:
    person = given.pop("by", room.primary)
    values = {"actor": room.by(person), "reason": "To see.", **given}
    return actions.act(row, "runbook_step", target, **values)


def says(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(acting, "PROGRAM", (sys.executable, "-c", code))


def ready(item: Item) -> bool:
    rows: ItemQuerySet = Item.objects.filter(project=item.project_id)
    return rows.ready().filter(pk=item.pk).exists()


# --- Steps --------------------------------------------------------------------------------------


def test_step__is_run_once_and_stands_in_the_run_and_on_the_timeline(
    room: Watchroom, row: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, "print('all is well')")
    written(room.workspace, step("command", "run: doctor", title="Ask it"))
    done = run(room, row, "kettle/2")
    tried = RunbookStep.objects.get(action=done)
    assert (done.status, tried.state, tried.output) == ("done", "done", "all is well")
    assert done.result == "kettle, step 2 “Ask it”: Done. all is well"
    assert (tried.run.incident_id, tried.run.purpose) == (row.pk, "real")
    assert run(room, row, "kettle/2").pk == done.pk  # within a minute it means the same
    assert RunbookStep.objects.count() == 1
    other = run(room, row, "kettle/2", given={"nothing": "asked"})
    assert other.pk == done.pk
    event = AuditEvent.objects.get(action="incident.act:runbook_step")
    assert (event.after or {})["result"] == done.result
    row.refresh_from_db()
    assert row.mitigation_started_at is not None


def test_step__that_hangs_and_prints_secrets_is_ended_and_masked(
    room: Watchroom, row: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "ghp_" + "a1B2" * 9
    says(monkeypatch, f"import time; print('token={secret}', flush=True); time.sleep(60)")
    monkeypatch.setattr(acting, "limit_of", lambda _: 1)
    written(room.workspace, step("command", "run: doctor"))
    done = run(room, row, "kettle/2")
    tried = RunbookStep.objects.get(action=done)
    assert (done.status, done.code, tried.state) == ("failed", "TIMED_OUT", "timed_out")
    deliver()
    room.promises()
    told = [done.result, tried.output, *Comment.objects.values_list("text", flat=True)]
    told += [str(each) for each in AuditEvent.objects.values_list("after", flat=True)]
    assert secret not in "\n".join(told)
    assert "Ended by its limit" in done.result
    assert run(room, row, "kettle/2").pk != done.pk  # what came to nothing may be tried again


def test_step__that_fails_is_refused_or_is_not_there_says_so(
    room: Watchroom, row: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, "raise SystemExit(3)")
    written(
        room.workspace, step("command", "run: doctor"), step("terminate", "pid: {process}"),
        step("flag", "flag: {flag}"),
    )  # fmt: skip
    failed = run(room, row, "kettle/2")
    assert (failed.status, failed.code) == ("failed", "STEP_FAILED")
    beyond = run(room, row, "kettle/3", given={"values": {"process": "4711"}})
    assert (beyond.status, beyond.code) == ("refused", "FORBIDDEN")
    for target, code in (
        ("kettle/9", "NOT_FOUND"),
        ("pot/1", "NOT_FOUND"),
        ("kettle/1", "CONFLICT"),
    ):
        assert run(room, row, target).code == code
    with pytest.raises(Invalid):
        run(room, row, "kettle two")
    with pytest.raises(Invalid):
        run(room, row, "kettle/4")
    flag = flags.create_flag(room.workspace, "planner", actor=room.by(room.lead))
    assert run(room, row, "kettle/4", given={"values": {"flag": "planner"}}).status == "done"
    flag.refresh_from_db()
    assert not flag.enabled


def test_step__of_one_that_died_is_stood_in_for_and_said_to_be_unknown(
    room: Watchroom, row: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, "print('well')")
    written(room.workspace, step("command", "run: doctor"))
    planned = actions.plan(row, "runbook_step", "kettle/2", actor=make.JOB, reason="By a rule.")
    begun = actions._part(planned.pk, make.JOB)  # and here its worker makes the try, and dies
    tried = running._claim(
        RunbookRun.objects.get(), running.step_of(RunbookRun.objects.get(), 2), make.JOB, {}, begun
    )
    room.promises()
    begun.refresh_from_db()
    assert begun.status == "running"  # in somebody's hands, for all that is known
    with time_machine.travel(clock.now() + timedelta(minutes=5), tick=False):
        actions.carry_out(begun, actor=make.JOB)
    begun.refresh_from_db()
    tried.refresh_from_db()
    assert (begun.status, begun.code, tried.state) == ("failed", "TIMED_OUT", "timed_out")
    assert "not known" in begun.result
    assert RunbookStep.objects.count() == 1
    assert not Timer.objects.filter(key=f"incident.act:{begun.uid}", state="waiting").exists()


def test_step__that_a_timer_promised__is_done_by_a_worker_in_no_transaction(
    room: Watchroom, row: Incident, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    says(monkeypatch, "print('well')")
    written(room.workspace, step("command", "run: doctor"))
    sent: list[int] = []
    monkeypatch.setattr(tasks, "send_action", sent.append)
    planned = actions.plan(row, "runbook_step", "kettle/2", actor=make.JOB, reason="By a rule.")
    with django_capture_on_commit_callbacks(execute=True):
        room.promises()
    assert sent == [planned.pk]
    assert not RunbookStep.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        room.later(31, tick=False)
        room.promises()  # the message was lost: it is sent again
    assert sent == [planned.pk] * 2
    for pk in sent:  # and came twice
        tasks.carry_out(pk)
    planned.refresh_from_db()
    assert planned.status == "done"
    assert RunbookStep.objects.count() == 1
    assert not Timer.objects.filter(key=f"incident.act:{planned.uid}", state="waiting").exists()


def test_step__that_no_worker_takes__is_given_up_in_words(
    room: Watchroom, row: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(room.workspace, step("command", "run: doctor"))
    monkeypatch.setattr(tasks, "send_action", lambda pk: None)
    planned = actions.plan(row, "runbook_step", "kettle/2", actor=make.JOB, reason="By a rule.")
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=False):
        room.promises()
    planned.refresh_from_db()
    assert (planned.status, planned.result) == ("failed", "No worker took it in hand.")


@pytest.mark.django_db(transaction=True)
def test_step__within_somebodys_transaction__is_refused_before_it_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Watchroom()
    row, caller = room.quiet("sev2"), Caller(room.primary)
    says(monkeypatch, "print('well')")
    written(room.workspace, step("command", "run: doctor"))
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        run(room, row, "kettle/2")
    assert not RunbookStep.objects.exists()
    sent = {"kind": "runbook_step", "target": "kettle/2", "reason": "To see."}
    answers = [
        caller.api.post(f"/api/v1/incidents/{row.ref}/actions", sent, Idempotency_Key="once").json()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["status"] == "done"
    assert RunbookStep.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_step__that_several_ask_for_at_once_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Watchroom()
    row = room.quiet("sev2")
    says(monkeypatch, "print('well')")
    written(room.workspace, step("command", "run: doctor"))
    actor = room.by(room.primary)
    planned = actions.plan(row, "runbook_step", "kettle/2", actor=actor, reason="x")
    done = race(3, lambda _: actions.carry_out(planned, actor=actor).status)
    assert set(done) <= {"done", "running"}
    assert "done" in done
    assert RunbookStep.objects.count() == 1
    assert RunbookRun.objects.count() == 1


def test_step__is_offered_on_its_form_and_over_the_api(
    room: Watchroom, row: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, "print('well')")
    written(room.workspace, step("command", "run: doctor", title="Ask it"),
            step("flag", "flag: {flag}"))  # fmt: skip
    known = dict(running_steps.offered(row))
    assert known["A runbook of ours"][0] == ("kettle/2", "2. Ask it (a command of the portal)")
    browser = make.client(room.primary)
    page = reverse("burning:act", args=(row.uid, "runbook_step"))
    assert "Ask it" in browser.get(page).content.decode()
    wrong = browser.post(page, {"target": "kettle/3", "reason": "x", "values": "planner"})
    assert wrong.status_code == 400
    browser.post(page, {"target": "kettle/2", "reason": "To see."})
    assert row.actions.get().status == "done"
    assert reverse("admin:incidents_runbookrun_change", args=(RunbookRun.objects.get().uid,)) in (
        browser.get(reverse("admin:incidents_incident_change", args=(row.uid,))).content.decode()
    )
    flags.create_flag(room.workspace, "planner", actor=room.by(room.lead))
    told = Caller(room.primary).post(
        f"/api/v1/incidents/{row.ref}/actions",
        {
            "kind": "runbook_step",
            "target": "kettle/3",
            "reason": "x",
            "values": {"flag": "planner"},
        },
    )
    assert told["status"] == "done"


# --- Items --------------------------------------------------------------------------------------


def test_item__of_a_deployment_waits_until_the_incident_is_closed(
    room: Watchroom, row: Incident
) -> None:
    world = deployments.World(room.workspace)
    release = world.draft()
    assert release.item is not None
    assert ready(release.item)
    actor = room.by(room.primary)
    done = actions.act(row, "block_item", release.ref, actor=actor, reason="It is the cause.")
    assert (done.status, done.target) == ("done", release.item.key), done.result
    assert release.ref in done.result
    assert not ready(release.item)
    assert actions.act(row, "block_item", release.item.key, actor=actor, reason="x").pk == done.pk
    back = actions.take_back(done, actor=actor, reason="It was not.")
    assert (back.status, ready(release.item)) == ("done", True)
    again = actions.act(row, "block_item", release.item.key, actor=actor, reason="It was.")
    assert (again.status, ready(release.item)) == ("done", False)
    moving.cancel(row, actor=actor, reason="There was nothing.")
    deliver()
    release.item.refresh_from_db()
    assert ready(release.item)  # it waits for nothing any more


def test_item__that_is_gone_closed_or_the_incidents_own_is_refused(
    room: Watchroom, row: Incident
) -> None:
    actor = room.by(room.primary)
    assert row.item is not None
    over = work.item(room.workspace)
    close_item(over, actor=make.JOB, reason="Done.")
    for target, code in (("DEP-99", "NOT_FOUND"), ("bd-none", "NOT_FOUND"),
                         (row.item.key, "CONFLICT"), (over.key, "CONFLICT")):  # fmt: skip
        done = actions.act(row, "block_item", target, actor=actor, reason="x")
        assert (done.status, done.code) == ("refused", code)


def test_stranger__runs_and_blocks_nothing(room: Watchroom, row: Incident) -> None:
    assert row.item is not None
    written(room.workspace, step("command", "run: doctor"))
    for stranger in (room.person("viewer"), make.person(make.workspace(), "engineering_lead")):
        for kind, target in (("runbook_step", "kettle/2"), ("block_item", row.item.key)):
            with pytest.raises(NotAllowed):
                actions.act(row, kind, target, actor=make.actor(stranger), reason="x")
    assert not Action.objects.exists()

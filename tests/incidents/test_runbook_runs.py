"""Steps of a runbook: what is on the list runs and is kept, what hangs is ended, what is secret is
masked."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from controlplane.access import services as people
from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.base.signals import emit
from controlplane.catalog.models import Service
from controlplane.jobs import leases
from controlplane.jobs.models import Timer
from controlplane.jobs.timers import set_timer
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotFound
from controlplane.notify.models import OutboxMessage
from controlplane.notify.outbox import enqueue
from deployments.flags.services import create_flag
from incidents.runbooks import acting, allowed, books, numbers, running
from incidents.runbooks.acting import Call
from incidents.runbooks.reading import Step
from telemetry import rollups
from tests import make
from tests.kit import catalog, roles, telemetry
from tests.kit.runbooks import Room, step, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Room:
    return Room()


def test_measure__is_answered_for_this_workspace_and_kept(room: Room) -> None:
    run = room.run(step("measure", "question: stages"))
    done = room.do(run, 2)
    assert (done.state, done.attempt, done.user_id) == ("done", 1, room.primary.pk)
    assert done.output
    assert done.duration_ms is not None
    told = AuditEvent.objects.about(run).get(details__attempt=1)
    assert (told.after or {})["state"] == "done"


def test_measure__over_time__tells_the_newest_first_and_no_quiet_moment(room: Room) -> None:
    now = clock.now()
    ago = [now - timedelta(minutes=minutes) for minutes in (200, 10)]
    telemetry.tell(room.workspace, [telemetry.event(at=at) for at in ago])
    rollups.settle()
    run = room.run(step("measure", "question: rate-limits-over-time"))
    lines = room.do(run, 2).output.splitlines()
    times = [line.split("  ")[0] for line in lines[2:4]]
    assert times == sorted(times, reverse=True)
    assert len(lines) <= 5, lines


def test_query__is_asked_by_the_reader_and_leaves_no_trace(room: Room, monkeypatch: Any) -> None:
    roles.lend_reader(monkeypatch)
    row = books.get(room.workspace.pk, "beads_db")
    run = running.begin(row, actor=make.actor(room.primary), workspace=room.workspace)
    number = next(each.number for each in running.steps_of(run) if each.kind == "query")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        before = cursor.fetchall()[0][0]
    done = room.do(run, number)
    assert done.state == "done", done.output
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user = session_user, current_setting('statement_timeout')")
        [(same, timeout)] = cursor.fetchall()
    assert same
    assert timeout == before


def test_query__without_the_readers_role_says_what_to_do(room: Room, monkeypatch: Any) -> None:
    monkeypatch.setenv("CONTROLPLANE_READER_ROLE", "nobody_of_that_name")
    run = running.begin(
        books.get(room.workspace.pk, "beads_db"), actor=make.actor(room.primary),
        workspace=room.workspace,
    )  # fmt: skip
    number = next(each.number for each in running.steps_of(run) if each.kind == "query")
    done = room.do(run, number)
    assert done.state == "failed"
    assert "db_roles" in done.output


def test_query__that_hangs_is_ended_by_its_limit(room: Room, monkeypatch: Any) -> None:
    roles.lend_reader(monkeypatch)
    slow = Step(1, "query", "Slow", {}, "SELECT pg_sleep(20)")
    monkeypatch.setattr(acting, "limit_of", lambda _: 1)
    monkeypatch.setattr(allowed, "questions", lambda: frozenset({slow.body}))
    run = room.run(step("measure", "question: stages"))
    monkeypatch.setattr(running, "step_of", lambda _run, _number: slow)
    done = room.do(run, 1)
    assert done.state == "timed_out"
    assert (done.duration_ms or 0) < 10_000


def test_query__the_release_asks_no_more_is_not_asked(room: Room, monkeypatch: Any) -> None:
    """A version that was kept long may hold a question that showed too much."""
    roles.lend_reader(monkeypatch)
    old = Step(1, "query", "Old", {}, "SELECT message FROM jobs_watchalarm")
    run = room.run(step("measure", "question: stages"))
    monkeypatch.setattr(running, "step_of", lambda _run, _number: old)
    done = room.do(run, 1)
    assert (done.state, "newest text" in done.output) == ("failed", True)


def test_query__shows_whoever_runs_it_only_what_they_may_read(room: Room, monkeypatch: Any) -> None:
    """A product manager answers incidents, and reads neither the log nor the outbox."""
    roles.lend_reader(monkeypatch)
    product = make.person(room.workspace, "product_manager")
    for slug, number in (("authorization_misconfiguration", 1), ("message_delivery_delay", 5)):
        row = books.get(room.workspace.pk, slug)
        run = running.begin(row, actor=make.actor(room.primary), workspace=room.workspace)
        assert running.step_of(run, number).kind == "query"
        refused = running.run_step(run, number, actor=make.actor(product))
        assert refused.state == "refused", refused.output
        assert AuditEvent.objects.filter(outcome="denied", actor_ref=f"user:{product.pk}").exists()
        assert room.do(run, number).state == "done"


def test_query__of_ones_own_is_refused(room: Room) -> None:
    """The reader sees rows of every workspace: a workspace writes no question of its own."""
    with pytest.raises(Invalid, match=r".*") as refused:
        written(room.workspace, step("query", "---", "SELECT title FROM work_item"))
    assert "word for word" in str(refused.value.details)
    shipped = books.shipped()["beads_db"][1]
    body = next(each.body for each in shipped.steps if each.kind == "query")
    assert written(room.workspace, step("query", "---", body)).current is not None


@pytest.mark.parametrize(
    "line",
    ["flush", "shell", "doctor --state /", "db_activity --terminate 1", "jobs; rm", "doctor && x",
     "db_activity --longer {seconds} --terminate", "db_activity --longer -5"],
)  # fmt: skip
def test_command__that_is_not_on_the_list_is_refused(room: Room, line: str) -> None:
    with pytest.raises(Invalid):
        written(room.workspace, step("command", f"run: {line}"))


def test_command__that_hangs_is_ended_and_its_secrets_are_masked(
    room: Room, monkeypatch: Any
) -> None:
    secret = "ghp_" + "a1B2" * 9
    code = f"import time; print('token={secret}', flush=True); time.sleep(60)"
    monkeypatch.setattr(acting, "PROGRAM", (sys.executable, "-c", code))
    monkeypatch.setattr(acting, "limit_of", lambda _: 2)
    run = room.run(step("command", "run: doctor"))
    done = room.do(run, 2)
    assert done.state == "timed_out"
    assert (done.duration_ms or 0) < 20_000
    assert secret not in done.output
    assert "token=" in done.output
    assert "limit" in done.output


def test_command__that_says_much_is_kept_up_to_a_limit(room: Room, monkeypatch: Any) -> None:
    code = "print('x' * 10_000_000)"
    monkeypatch.setattr(acting, "PROGRAM", (sys.executable, "-c", code))
    done = room.do(room.run(step("command", "run: doctor")), 2)
    assert done.state == "done"
    assert len(done.output) < numbers.OUTPUT_MOST.value + 100
    assert "more characters" in done.output


def test_command__takes_what_is_filled_in_as_one_word_of_its_form(
    room: Room, monkeypatch: Any
) -> None:
    code = "import sys; print(sys.argv[1:])"
    monkeypatch.setattr(acting, "PROGRAM", (sys.executable, "-c", code))
    run = room.run(step("command", "run: db_activity --longer {seconds}"))
    for wrong in ("5 --terminate 1", "--terminate", "5;ls", "x", "$(id)"):
        done = room.do(run, 2, given={"seconds": wrong})
        assert done.state == "failed", wrong
    done = room.do(run, 2, given={"seconds": "5"})
    assert done.output == "['db_activity', '--longer', '5']"
    with pytest.raises(Invalid):
        room.do(run, 2)


def test_flag__is_killed_with_a_reason_and_only_if_one_means_it(room: Room) -> None:
    lead = make.actor(room.lead)
    flag = create_flag(room.workspace, "kettle-on", actor=lead)
    run = room.run(step("flag", "flag: {flag}"))
    given = {"flag": flag.flag_name}
    with pytest.raises(Invalid):
        room.do(run, 2, given=given, reason="It whistles")
    with pytest.raises(Invalid):
        room.do(run, 2, given=given, confirmed=True)
    done = room.do(run, 2, given=given, confirmed=True, reason="It whistles")
    assert done.state == "done", done.output
    flag.refresh_from_db()
    assert not flag.enabled
    missing = room.do(run, 2, given={"flag": "no-such"}, confirmed=True, reason="x")
    assert missing.state == "failed"


def test_breaker__is_tripped_and_closed(room: Room) -> None:
    row = catalog.integration(room.workspace)
    run = room.run(
        step("breaker", "breaker: trip {integration}"),
        step("breaker", "breaker: close {integration}"),
    )
    given = {"integration": row.slug}
    done = room.do(run, 2, given=given, confirmed=True, reason="It refuses")
    assert done.state == "done", done.output
    row.refresh_from_db()
    tripped = row.status
    done = room.do(run, 3, given=given, confirmed=True, reason="It answers again")
    assert done.state == "done", done.output
    row.refresh_from_db()
    assert (tripped, row.status) == ("open", "closed")


def test_requeue__gives_a_dead_letter_its_tries_again(room: Room) -> None:
    row = enqueue("tests.none", key="k1", payload={}, workspace_id=room.workspace.pk)
    OutboxMessage.objects.filter(pk=row.pk).update(state=leases.DEAD, finished_at=clock.now())
    run = room.run(step("requeue", "what: outbox {uid}"))
    given = {"uid": str(row.uid)}
    done = room.do(run, 2, given=given, confirmed=True, reason="Its channel is mended")
    assert done.state == "done", done.output
    row.refresh_from_db()
    assert row.state == leases.WAITING
    again = room.do(run, 2, given=given, confirmed=True, reason="Once more")
    assert (again.state, again.attempt) == ("failed", 2)
    elsewhere = enqueue("tests.none", key="k2", payload={}, workspace_id=make.workspace().pk)
    other = room.do(run, 2, given={"uid": str(elsewhere.uid)}, confirmed=True, reason="Another's")
    assert other.state == "failed"


@pytest.mark.parametrize("kind", ["outbox", "signal", "timer"])
def test_requeue__keeps_to_the_workspace_whoever_carries_it_out(room: Room, kind: str) -> None:
    """The portal sees every row there is, and some people work in two workspaces."""
    there = make.workspace()
    both = make.person(there, "primary_operator", password=None)
    member = people.add_member(room.workspace, both, actor=make.JOB)
    people.grant_role(member, "primary_operator", actor=make.JOB)
    ours, theirs, nobodys = (
        _given_up(kind, f"k{at}", pk) for at, pk in enumerate((room.workspace.pk, there.pk, None))
    )
    run = room.run(step("requeue", f"what: {kind} {{row}}"))
    for actor, rows in ((make.JOB, (theirs, nobodys)), (make.actor(both), (theirs,))):
        for row in rows:
            call = Call(running.step_of(run, 2), actor, room.workspace, "Again", {"row": row})
            with pytest.raises(NotFound):
                acting.perform(call)
    call = Call(running.step_of(run, 2), make.JOB, room.workspace, "Again", {"row": ours})
    assert "again" in acting.perform(call)


def _given_up(kind: str, key: str, workspace_id: int | None) -> str:
    """What its step is told of a row that was given up."""
    models: dict[str, Any] = {"outbox": OutboxMessage, "signal": Signal, "timer": Timer}
    rows = models[kind].objects
    if kind == "outbox":
        enqueue("tests.none", key=key, payload={}, workspace_id=workspace_id)
    elif kind == "signal":
        emit("tests.none", key=key, workspace_id=workspace_id)
    else:
        set_timer("tests.none", key=key, due_at=clock.now(), workspace_id=workspace_id)
    row = rows.latest("pk")
    rows.filter(pk=row.pk).update(state=leases.DEAD, finished_at=clock.now())
    return str(row.pk if kind == "signal" else row.uid)


def test_look__tells_whether_a_service_is_well(room: Room) -> None:
    service = Service.objects.create(
        workspace=room.workspace, ref="SRV-9", slug="kettle", name="Kettle"
    )
    run = room.run(step("look", "service: {service}"), incident=room.incident(service=service))
    done = room.do(run, 2)
    assert done.given == {"service": "kettle"}, "known from the incident"
    assert (done.state, "no probe" in done.output) == ("failed", True)
    assert room.do(run, 2, given={"service": "none"}).state == "failed"


def test_terminate__is_beyond_a_role_of_one_workspace(room: Room) -> None:
    run = room.run(step("terminate", "pid: {process}"))
    done = room.do(run, 2, given={"process": "4711"}, confirmed=True, reason="It hangs")
    assert done.state == "refused"
    assert AuditEvent.objects.filter(action="database.terminate", outcome="denied").exists()

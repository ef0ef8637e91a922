"""Runs of a runbook: who goes on with them, how they end, what the incident hears, what is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction

from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed, NotFound
from controlplane.work.models import Comment
from incidents.models import RunbookRun, RunbookStep, RunbookUse
from incidents.runbooks import running
from tests import make
from tests.kit.runbooks import Room, step

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Room:
    return Room()


def test_run__is_gone_on_with_by_another_person(room: Room) -> None:
    run = room.run()
    running.tick(run, 1, actor=make.actor(room.primary), note="It is red hot")
    with pytest.raises(Invalid):
        running.tick(run, 1, actor=make.actor(room.lead), note=" ")
    running.tick(run, 1, actor=make.actor(room.lead), note="It is off now")
    last = running.standing(run)[1]
    assert (last.attempt, last.user_id, last.note) == (2, room.lead.pk, "It is off now")
    done = running.end(run, actor=make.actor(room.lead))
    assert done.status == "done"
    with pytest.raises(Conflict):
        running.tick(done, 1, actor=make.actor(room.lead), note="Again")


def test_end__says_what_is_left(room: Room) -> None:
    run = room.run(step("measure", "question: stages"))
    actor = make.actor(room.primary)
    with pytest.raises(Invalid) as refused:
        running.end(run, actor=actor)
    assert "1, 2" in str(refused.value.details)
    running.tick(run, 2, actor=actor, note="Not needed", skipped=True)
    assert running.standing(run)[2].state == "skipped"
    done = running.end(run, actor=actor, reason="The kettle broke")
    assert done.ended_why == "The kettle broke"


def test_incident__hears_of_the_run_and_of_what_went_wrong(room: Room) -> None:
    incident = room.incident()
    run = room.run(step("command", "run: jobs"), incident=incident)
    again = running.begin(run.runbook, actor=make.actor(room.lead), incident=incident)
    assert again == run, "one run of a runbook for an incident"
    running.tick(run, 1, actor=make.actor(room.primary), note="Seen")
    running.abandon(run, actor=make.actor(room.primary), reason="It was the toaster")
    told = AuditEvent.objects.about(incident).filter(action="runbook.run")
    assert told.count() == 3
    used = RunbookUse.objects.get(incident=incident)
    assert (used.runbook, used.user_id) == (run.runbook, room.primary.pk)
    assert Comment.objects.filter(item=incident.item).count() >= 0


def test_lost__a_try_whose_portal_was_stopped_says_so(room: Room) -> None:
    run = room.run(step("measure", "question: stages"))
    actor = make.actor(room.primary)
    row = running._claim(run, running.step_of(run, 2), actor, {})
    with pytest.raises(Conflict, match="already"):
        running._claim(run, running.step_of(run, 2), actor, {})
    with time_machine.travel(clock.now() + timedelta(minutes=5), tick=False):
        done = room.do(run, 2)
    assert (done.state, done.attempt) == ("done", 2)
    row.refresh_from_db()
    assert (row.state, "not known" in row.output) == ("timed_out", True)
    with pytest.raises(Conflict):
        running._finish(row, "done", "late", actor=actor)


def test_stranger__runs_nothing(room: Room) -> None:
    run = room.run(step("measure", "question: stages"))
    elsewhere = make.actor(make.person(make.workspace(), "workspace_admin", password=None))
    viewer = make.actor(make.person(room.workspace, "viewer", password=None))
    for actor in (elsewhere, viewer):
        with pytest.raises(NotAllowed):
            running.run_step(run, 2, actor=actor)
        with pytest.raises(NotAllowed):
            running.tick(run, 1, actor=actor, note="x")
        with pytest.raises(NotAllowed):
            running.end(run, actor=actor, reason="x")
        with pytest.raises(NotAllowed):
            running.begin(run.runbook, actor=actor, workspace=room.workspace)
    with pytest.raises(NotFound):
        running.begin(run.runbook, actor=make.JOB, workspace=make.workspace())
    assert not RunbookRun.objects.visible_to(elsewhere).exists()
    assert not RunbookStep.objects.visible_to(elsewhere).exists()


def test_database__keeps_what_was_done(room: Room) -> None:
    run = room.run(step("measure", "question: stages"))
    row = room.do(run, 2)
    for statement in (
        "UPDATE incidents_runbookstep SET output = '' WHERE id = %s",
        "UPDATE incidents_runbookstep SET state = 'running', ended_at = NULL WHERE id = %s",
        "DELETE FROM incidents_runbookstep WHERE id = %s",
    ):
        with (
            pytest.raises(DatabaseError, match=r"stays|history"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [row.pk])
    with pytest.raises(DatabaseError), transaction.atomic():
        run.runbook.versions.update(text="")

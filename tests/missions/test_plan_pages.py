"""The plan, a run's log and an undo, as people see and use them in the console."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.lib import clock
from controlplane.lib.errors import NotAllowed
from missions import links
from missions.models import HookCheck, Play, UndoPlan, UndoRun
from missions.services import hearsay, plan_notes
from tests import make
from tests.kit import settled
from tests.kit.missions_plans import World, many

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    made.planner, made.oc, made.executor, made.ta  # noqa: B018
    return made


@settled.once
def owner(world: World) -> Client:
    return make.client(world.owner)


@settled.once
def operations(world: World) -> Client:
    return make.client(make.person(world.workspace, "operations_command"))


def post(client: Client, url: str, do: str, **given: Any) -> Any:
    return client.post(url, {"do": do, **given})


def test_plan__plays_side_by_side_and_chosen_in_place(world: World, owner: Client) -> None:
    row = world.imported(stage="Plan")
    first, second = world.proposed(row)
    url = links.plan_page(row)
    page = owner.get(url).content.decode()
    assert page.index(first.title) < page.index(second.title)
    assert "2 of 2 changes" in page
    assert page.count('class="button primary"') == 1
    answer = post(owner, url, "select", at=first.uid, reason="The safest.")
    assert answer.status_code == 302
    assert Play.objects.get(mission=row, status="selected").reason == "The safest."
    plan = UndoPlan.objects.get(play=first)
    post(owner, url, "ready", at=plan.uid, version=plan.version)
    plan.refresh_from_db()
    assert plan.status == "ready"


def test_matrix__puts_each_risk_where_it_belongs(world: World, owner: Client) -> None:
    row = world.imported(stage="Plan")
    url = links.plan_page(row)
    given = {"title": "Wrong list", "likelihood": "4", "impact": "5", "reversibility": "none",
             "mitigation": "Compare.", "owner": str(world.owner.uid)}  # fmt: skip
    assert post(owner, url, "risk", **given).status_code == 302
    risk = row.risks.get()
    page = owner.get(url).content.decode()
    cells = page.split("<tbody")[1].split("</tbody>")[0].split("<tr")[1:]
    assert len(cells) == 5
    assert all(line.count("<td") == 5 for line in cells)
    severe = cells[0].split("<td")[4]  # likely
    assert f"#{risk.uid}" in severe
    assert "mp-high" in severe
    refused = post(owner, url, "risk", **{**given, "likelihood": "9"})
    assert refused.status_code == 400
    assert "Wrong list" in refused.content.decode()  # what was typed is still there
    post(owner, url, "change", at=risk.uid, **{**given, "likelihood": "1"}, version=risk.version)
    risk.refresh_from_db()
    assert risk.likelihood == 1
    stale = post(owner, url, "remove", at=risk.uid, version=1)
    assert stale.status_code == 409
    post(owner, url, "remove", at=risk.uid, version=risk.version, reason="No list any more.")
    assert not row.risks.standing().exists()


def test_hooks__the_analyst_looks_at_what_the_page_showed(world: World, owner: Client) -> None:
    row = world.planned().mission
    analyst = make.client(make.person(world.workspace, "telemetry_analyst"))
    url = links.plan_page(row)
    visit = row.visits.get(stage="plan_approve")
    visit.mission = row
    digest = plan_notes.plan_digest(visit)
    assert digest in analyst.get(url).content.decode()
    assert post(owner, url, "hooks", sha256=digest).status_code == 403
    plan_notes.put_plan_note(row, actor=world.actor, sla_impact="Some.")
    assert post(analyst, url, "hooks", sha256=digest).status_code == 409
    digest = plan_notes.plan_digest(visit)
    assert post(analyst, url, "hooks", sha256=digest, details="All seen.").status_code == 302
    assert HookCheck.objects.get(visit=visit).passed


def test_duty__somebody_watches(world: World, operations: Client) -> None:
    row = world.imported(stage="Plan")
    url, now = links.plan_page(row), clock.now()
    person = make.person(world.workspace, "operations_command", name="Olga Chief")
    given = {"person": str(person.uid), "starts_at": f"{now:%Y-%m-%dT%H:%M}",
             "ends_at": f"{now + timedelta(hours=4):%Y-%m-%dT%H:%M}"}  # fmt: skip
    assert "Nobody now" in operations.get(url).content.decode()
    assert post(operations, url, "duty", **given).status_code == 302
    page = operations.get(url).content.decode()
    assert "Olga Chief watches until" in page
    window = row.duty_windows.get()
    post(operations, url, "unduty", at=window.uid)
    assert not row.duty_windows.standing().exists()
    for wrong in ({"person": ""}, {"starts_at": "soon"}, {"person": "x"}):
        assert post(operations, url, "duty", **{**given, **wrong}).status_code == 400


def test_undo__asked_for_and_done_step_by_step(world: World, operations: Client) -> None:
    run = world.changed()
    url = links.plan_page(run.mission)
    plan = world.undo_of(run)
    assert post(operations, url, "undo", at=plan.uid, reason="").status_code == 400
    assert post(operations, url, "undo", at=plan.uid, reason="Wrong list.").status_code == 302
    undo = UndoRun.objects.get(plan=plan)
    page = links.undo_run_page(world.undo(run))
    assert operations.get(page).content.decode().count("button primary") == 1
    assert post(operations, page, "failed", step=2, at="step-2").status_code == 400
    post(operations, page, "failed", step=2, at="step-2", note="It answers 503.")
    part = operations.get(page, {"_part": "steps"})
    assert "It answers 503." in part.content.decode()
    assert operations.get(
        page, {"_part": "steps"}, headers={"If-None-Match": part["ETag"]}
    ).status_code == 304  # fmt: skip
    for step in (2, 1):
        post(operations, page, "done", step=step, at=f"step-{step}")
    undo.refresh_from_db()
    assert (undo.status, undo.reversed) == ("completed", 2)


def test_log__grows_and_stays_the_same_while_nothing_happens(
    world: World, operations: Client
) -> None:
    run = world.run()
    page = links.run_page(run)
    before = operations.get(page, {"_part": "log"})
    tag = {"If-None-Match": before["ETag"]}
    assert operations.get(page, {"_part": "log"}, headers=tag).status_code == 304
    world.report(run, {"external_id": "a", "status": "failed", "error_code": "E_LIMIT"})
    after = operations.get(page, {"_part": "log"}, headers=tag)
    assert "E_LIMIT" in after.content.decode()
    assert "E_LIMIT" not in operations.get(page, {"show": "running"}).content.decode()
    assert post(operations, page, "abort", reason="Enough.").status_code == 302
    run.refresh_from_db()
    assert run.status == "aborted"


def test_log__a_person_says_how_a_silent_step_ended(world: World, operations: Client) -> None:
    run = world.run()
    page = links.run_page(run)
    assert "Say how a step ended" not in operations.get(page).content.decode()
    for place, key in ((2, "quiet"), (3, "slow")):
        world.step(run, place, key)
    world.report(run, {"external_id": "slow", "status": "running", "sequence": 7})
    assert "Say how a step ended" in operations.get(page).content.decode()
    given = {"step": "quiet", "ended": "made", "reason": "The label is there."}
    assert post(operations, page, "said", **given | {"reason": ""}).status_code == 400
    assert post(operations, page, "said", **given | {"ended": "perhaps"}).status_code == 400
    assert post(operations, page, "said", **given).status_code == 302
    assert post(operations, page, "said", **given).status_code == 409  # it is known now
    given |= {"step": "slow", "ended": "not_made"}
    assert post(operations, page, "said", **given).status_code == 302
    assert dict(run.steps.values_list("external_id", "status")) == {
        "quiet": "succeeded", "slow": "skipped",
    }  # fmt: skip
    # Its agent, heard after all, is believed.
    world.report(run, {"external_id": "slow", "status": "failed", "sequence": 9})
    assert run.steps.get(external_id="slow").status == "failed"
    with pytest.raises(NotAllowed):
        hearsay.say_how(run, "slow", "made", actor=world.executor, reason="I was there.")
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert post(viewer, page, "said", **given).status_code in {302, 403}
    assert run.steps.get(external_id="slow").status == "failed"


def test_log__of_many_steps__costs_as_much_as_of_few(world: World, operations: Client) -> None:
    run = world.run()
    page = links.run_page(run)
    operations.get(page)
    world.report(run, *many(3))
    with CaptureQueriesContext(connection) as few:
        operations.get(page, {"_part": "log"})
    world.report(run, *many(300))
    with CaptureQueriesContext(connection) as more:
        operations.get(page, {"_part": "log"})
    assert len(more) <= len(few)


def test_pages__strangers_find_nothing(world: World) -> None:
    run = world.changed()
    undo = world.undo(run)
    viewer = make.client(make.person(world.workspace, "viewer"))
    stranger = make.client(World().owner)
    for url in (
        links.plan_page(run.mission),
        links.runs_page(run.mission),
        links.run_page(run),
        links.undo_run_page(undo),
    ):
        assert viewer.get(url).status_code == 200
        assert stranger.get(url).status_code == 404
        assert Client().get(url).status_code == 302
    plan = world.undo_of(run)
    assert post(viewer, links.plan_page(run.mission), "close", at=plan.uid, reason="x"
                ).status_code == 403  # fmt: skip
    assert post(viewer, links.undo_run_page(undo), "done", step=1).status_code == 403
    assert post(viewer, links.plan_page(run.mission), "nonsense").status_code == 404
    assert post(viewer, links.plan_page(run.mission), "select", at="x").status_code == 404

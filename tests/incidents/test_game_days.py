"""An incident is played from the first call to the review: scored against the clocks, seen by
nobody outside, and kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from controlplane.base.demo import Scene
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from deployments.flags import services as flags
from incidents import demo_gameday
from incidents.gamedays import playing, script
from incidents.models import Action, Drill, Incident
from incidents.paging import drilling
from incidents.records import moving
from incidents.response import responding, updates
from incidents.reviews import writing
from tests import make
from tests.kit.incidents import Caller, Watchroom, looked, written

pytestmark = pytest.mark.django_db
NEW = "/admin/incidents/drill/add/"


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def begun(room: Watchroom, **given: Any) -> Drill:
    values = {"scene": "pool", "severity": "sev2", "reason": "The quarter's.", **given}
    return playing.begin_game_day(room.workspace, actor=room.by(room.lead), **values)


def incident_of(day: Drill) -> Incident:
    return Incident.objects.get(drills=day)


def test_day__is_played_to_its_end_and_scored_by_the_clocks(room: Watchroom) -> None:
    day = begun(room)
    row, actor = incident_of(day), room.by(room.primary)
    room.tick()
    moving.acknowledge(row, actor=actor)
    moving.triage(row, actor=actor, impact_percent=30, symptoms="Pages are slow.",
                  started_at=clock.now())  # fmt: skip
    updates.post_update(row, actor=actor, text="We look.", audience="internal")
    row.refresh_from_db()
    moving.mitigate(row, actor=actor, reason="We look.")
    with time_machine.travel(clock.now() + timedelta(minutes=40), tick=False):
        moving.mitigated(row, actor=actor, how="A query was ended.")  # late by 25 minutes
        row.refresh_from_db()
        looked(row)
        row.refresh_from_db()
        moving.watch(row, actor=actor)
        row.refresh_from_db()
        row = moving.resolve(row, actor=actor, reason="Quiet.", root_cause="A long query.")
        assert playing.next_of(playing.measure(day, row)).phase.slug == "review"  # type: ignore[union-attr]
        writing.publish_review(written(row), actor=make.JOB)
        done = playing.end_game_day(day, actor=room.by(room.lead))
    assert (done.status, done.score) == ("done", 90)
    took = done.seen["phases"]
    assert set(took) == {each.slug for each in script.PHASES}
    assert took["mitigated"] > 900
    assert sum(each.worth for each in script.PHASES) == 100
    row.refresh_from_db()
    assert row.status in {"resolved", "review_pending"}


def test_day__that_is_ended_early_scores_what_was_done_and_burns_no_more(room: Watchroom) -> None:
    day = begun(room)
    room.tick()
    row, actor = incident_of(day), room.by(room.primary)
    moving.acknowledge(row, actor=actor)
    moving.triage(row, actor=actor, impact_percent=30, symptoms="x", started_at=clock.now())
    row.refresh_from_db()
    moving.mitigate(row, actor=actor)
    row.refresh_from_db()
    moving.mitigated(row, actor=actor, how="Ended.")
    done = playing.end_game_day(day, actor=room.by(room.lead))
    row.refresh_from_db()
    assert (done.score, row.status) == (60, "cancelled")
    with pytest.raises(Conflict):
        playing.end_game_day(drilling.begin_drill(room.workspace, actor=room.by(room.lead)),
                             actor=room.by(room.lead))  # fmt: skip
    left = begun(room)
    with time_machine.travel(clock.now() + timedelta(hours=80), tick=False):
        room.later(80 * 3600, tick=False)
        room.promises()
    left.refresh_from_db()
    assert (left.status, left.score) == ("done", 0)
    broken = playing.cancel_game_day(begun(room), actor=room.by(room.lead), reason="Fire alarm.")
    assert (broken.status, broken.score) == ("cancelled", None)


def test_day__touches_nothing_real(room: Watchroom) -> None:
    flags.create_flag(room.workspace, "planner", actor=room.by(room.lead))
    acts = [{"kind": "flag_off", "target": "planner"}]
    made = responding.save(room.workspace, actor=room.by(room.lead), title="Calm", actions=acts)
    responding.switch(made, "on", actor=room.by(room.lead), reason="Tried.")
    begun(room)
    room.promises()
    assert not Action.objects.exists()


def test_day__is_begun_from_the_console_and_followed_on_both_pages(room: Watchroom) -> None:
    browser = make.client(room.lead)
    assert "A game day" in browser.get(NEW).content.decode()
    given = {"scene": "agent", "title": "", "severity": "sev1", "ladder": "", "reason": "Now."}
    assert browser.post(NEW, given).status_code == 302
    day = Drill.objects.get()
    assert (day.kind, day.title, day.runbook) == (
        "game_day", script.SCENES["agent"].title, "agent_health",
    )  # fmt: skip
    page = browser.get(f"/admin/incidents/drill/{day.pk}/change/").content.decode()
    for said in ("It is played", "Detection and triage", "Its health check runs", "Somebody is on"):
        assert said in page, said
    row = incident_of(day)
    room_page = browser.get(f"/admin/incidents/incident/{row.pk}/change/").content.decode()
    assert "This is a game day" in room_page
    browser.post(f"/admin/incidents/drill/{day.uid}/do/end/", {"sure": "1"})
    page = browser.get(f"/admin/incidents/drill/{day.pk}/change/").content.decode()
    assert "0 of 100 points" in page
    assert "Never" in page


def test_api__begins_follows_and_ends(room: Watchroom) -> None:
    api = Caller(room.admin)
    made = api.post("/api/v1/game-days", {"scene": "pool", "severity": "sev2", "reason": "x"})
    assert made["phases"][0]["slug"] == "detect"
    one = f"/api/v1/game-days/{made['uid']}"
    room.tick()
    assert api.get(one)["phases"][0]["took_s"] is not None
    assert api.get("/api/v1/game-days")["items"][0]["kind"] == "game_day"
    assert api.get("/api/v1/paging/drills")["items"] == []
    assert api.post(f"{one}/end", {"reason": "Enough."})["score"] == 5
    assert api.refused("POST", f"{one}/cancel", {"reason": "x"}).status_code == 409
    wrong = {"scene": "pool", "severity": "sev4", "reason": "x"}
    assert api.refused("POST", "/api/v1/game-days", wrong).status_code == 400


def test_stranger__begins_none(room: Watchroom) -> None:
    for stranger in (room.person("viewer"), make.person(make.workspace(), "engineering_lead")):
        with pytest.raises(NotAllowed):
            playing.begin_game_day(room.workspace, actor=make.actor(stranger), scene="pool",
                                   reason="x")  # fmt: skip
    with pytest.raises(Invalid):
        begun(room, scene="nothing")


def test_demo__one_was_played_and_scored_once() -> None:
    here = make.workspace()
    roles = ("engineering_lead", "primary_operator", "secondary_operator", "workspace_admin")
    scene = Scene(here, {role: make.person(here, role) for role in roles})
    for _ in range(2):
        demo_gameday.game_day(scene)
    day = Drill.objects.get(workspace=here)
    assert (day.status, day.kind) == ("done", Drill.Kind.GAME_DAY)
    assert day.score is not None
    assert 40 <= day.score < 100, "one phase came late, and nobody wrote a review"
    assert day.incident is not None
    assert day.incident.status == "resolved"

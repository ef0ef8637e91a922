"""A mission's page: where it is, what is missing and whose it is; moves that ask first and carry
what was seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.audit import services as audit
from controlplane.audit.models import AuditEvent
from controlplane.work import services as work
from missions import services
from missions.models import Mission
from missions.shown import sections
from missions.shown.cockpit import Cockpit
from missions.shown.gate_rows import doors
from missions.shown.timeline import timeline
from missions.shown.track import track
from tests import make
from tests.console.test_colours_and_sizes import sheets, undressed, weight
from tests.console.test_own_pages import asked_of
from tests.kit import settled
from tests.kit.cockpit import page_of, text
from tests.kit.missions import (
    LINK,
    World,
    again,
    all_answered,
    deliver,
    request_of,
    visit_of,
)


@settled.once
def world() -> World:
    here = World()
    assert here.gv.ref
    assert here.oc.ref
    return here


@settled.once
def owner(world: World) -> Client:
    return make.client(world.owner)


def move(client: Client, row: Mission, slug: str, **given: Any) -> Any:
    return client.post(reverse("missions:move", args=(row.uid, slug)), given)


# --- Gates, checklist, track ----------------------------------------------------------------------


def test_doors__missing_first__passed_folded__this_stages_signature_once(world: World) -> None:
    row = world.locked()
    found = doors(Cockpit(row, world.actor))
    here = found[0]
    assert here.slug == "exit"
    states = [told.check.state for told in here.unmet]
    assert states == sorted(states, key=("failed", "not_there", "waiting").index)
    assert states[-1] == "waiting"
    assert {told.check.slug for told in here.passed} >= {"brief_locked", "kpi_measurable"}
    shown = {told.check.slug for door in found for told in door.unmet}
    assert "stage_before" not in shown


def test_gate__says_whose_and_leads_only_who_can(world: World) -> None:
    row = world.started()
    mine = {told.check.slug: told for told in doors(Cockpit(row, world.actor))[0].unmet}
    theirs = {told.check.slug: told for told in doors(Cockpit(row, world.oc))[0].unmet}
    assert mine["brief_locked"].act is not None
    assert theirs["brief_locked"].act is None
    assert theirs["brief_locked"].check.mend
    assert "Governance Validator" in mine["checklist"].who


def test_checklist__ticked_on_the_page__stale_page_refused(world: World, owner: Client) -> None:
    row = world.locked()
    page = text(owner, row)
    path = reverse("missions:line", args=(row.uid, "intent_validated"))
    assert f'action="{path}"' in page
    moved = services.pause_mission(row, actor=world.oc, reason="Look.")
    late = owner.post(path, {"do": "tick", "note": "Read.", "version": row.version})
    assert late.status_code == 409
    assert "Read." in late.content.decode()
    done = owner.post(path, {"do": "tick", "note": "Read.", "version": moved.version})
    assert done.status_code == 302
    assert visit_of(row).ticks.get().note == "Read."


def test_evidence__link_removed_by_its_form(world: World, owner: Client) -> None:
    row = world.locked()
    path = reverse("missions:evidence", args=(row.uid,))
    owner.post(path, {"link": LINK})
    assert owner.post(path, {"do": "off", "link": LINK}).status_code == 302
    assert visit_of(row).evidence == []


def test_track__counts_visits_and_time(world: World) -> None:
    with all_answered():
        row = world.in_stage("prepare")
        services.send_back(row, actor=world.gv, to="define", reason="Too vague.")
    row = again(row)
    places = track(row, list(row.visits.order_by("pk")))
    define, prepare = places[0], places[1]
    assert (define.mark, define.visits, define.since is not None) == ("here", 2, True)
    assert (prepare.mark, prepare.sent_back) == ("again", 1)
    assert define.stayed is not None
    assert define.stayed >= timedelta(0)
    assert [each.mark for each in places[2:]] == ["ahead"] * 3


# --- Moves ----------------------------------------------------------------------------------------


def test_move__asks_first__keeps_what_was_typed__refuses_what_is_stale(
    world: World, owner: Client
) -> None:
    row = world.started()
    path = reverse("missions:move", args=(row.uid, "pause"))
    assert "Nothing goes on until somebody resumes it." in owner.get(path).content.decode()
    silent = move(owner, row, "pause", reason=" ", version=row.version)
    assert silent.status_code == 400
    services.change_mission(row, actor=world.actor, priority=0)
    late = move(owner, row, "pause", reason="Too many.", version=row.version)
    assert late.status_code == 409
    assert "Too many." in late.content.decode()
    assert again(row).status == "active"
    assert move(owner, row, "pause", reason="Too many.").status_code == 302
    assert again(row).pause_reason == "Too many."
    again_ = owner.get(path).content.decode()
    assert "There is nothing to do here." in again_


def test_back__to_any_stage_before__names_the_signatures_that_fall(world: World) -> None:
    with all_answered():
        row = world.in_stage("plan_approve")
    browser = make.client(world.owner)
    page = browser.get(reverse("missions:move", args=(row.uid, "back"))).content.decode()
    for visit in row.visits.exclude(approval=None):
        assert visit.approval is not None
        assert visit.approval.ref in page
    assert move(browser, row, "back", reason="Forward.", to="execute_observe").status_code == 409
    assert move(browser, row, "back", reason="Anew.", to="define").status_code == 302
    assert again(row).stage == "define"


def test_moves__lock_open_ask_withdraw_give_up_archive(world: World, owner: Client) -> None:
    with all_answered():
        row = world.started()
        stale = move(owner, row, "lock", version=row.brief.version + 1)
        assert stale.status_code == 409
        assert move(owner, row, "lock", version=row.brief.version).status_code == 302
        assert move(owner, row, "unlock", reason="A word.").status_code == 302
        assert move(owner, row, "lock").status_code == 302
        world.done(again(row))
        assert move(owner, row, "ask").status_code == 302
        assert "Intent Confirmation" in text(owner, row)
        assert move(owner, row, "withdraw").status_code == 302
        assert move(owner, row, "fail", reason="No use.").status_code == 302
    assert again(row).status == "failed"
    assert move(owner, row, "archive").status_code == 302
    assert again(row).archived_at is not None
    assert move(owner, row, "restore").status_code == 302
    assert again(row).archived_at is None
    assert move(owner, row, "cancel", reason="x").status_code == 409
    assert owner.get(reverse("missions:move", args=(row.uid, "explode"))).status_code == 404


def test_start__what_is_missing_is_listed(world: World, owner: Client) -> None:
    refused = move(owner, world.draft(intent=""), "start")
    assert refused.status_code == 422
    assert "The intent is written down" in refused.content.decode()


# --- Story, live, cost ----------------------------------------------------------------------------


def test_timeline__whole_story__also_for_who_does_not_read_the_log(
    world: World, owner: Client
) -> None:
    with all_answered():
        row = world.asked()
        world.sign(row, "mo")
        page = text(owner, row)
    assert "started the mission" in page
    assert f"{request_of(again(row)).ref}" in page
    trail = owner.get(page_of(row).replace("/change/", "/history/")).content.decode()
    assert "locked the brief of the mission" in trail


def test_timeline__the_portals_echo_on_the_item_is_left_out(world: World) -> None:
    row = world.started()
    services.pause_mission(row, actor=world.oc, reason="Wait.")
    deliver()
    item = again(row).item
    assert item is not None
    about_item = AuditEvent.objects.filter(subject_ref=f"work.item:{item.pk}")
    assert about_item.filter(actor_kind="job").exists()
    told = timeline(again(row))
    assert not [each for each in told if each["kind"] == "job" and "commented" in each["words"]]
    assert [each["reason"] for each in told if each["action"] == "mission.pause"] == ["Wait."]
    # What people do to the item is part of the story.
    work.comment(item, "Who looks at it?", actor=world.oc)
    assert timeline(again(row))[-1]["action"] == "work.comment"


def test_timeline__another_missions_story_is_not_told(world: World, owner: Client) -> None:
    row, other = world.started(), world.started()
    audit.record(world.actor, "mission.pause", other, reason="Somewhere else.")
    assert "Somewhere else." not in text(owner, row)


def test_live__same_while_nothing_changed(world: World, owner: Client) -> None:
    row = world.locked()
    first = owner.get(f"{page_of(row)}?_part=row")
    assert first["ETag"]
    same = owner.get(f"{page_of(row)}?_part=row", headers={"If-None-Match": first["ETag"]})
    assert same.status_code == 304
    services.tick_line(row, "intent_validated", actor=world.actor)
    moved = owner.get(f"{page_of(row)}?_part=row", headers={"If-None-Match": first["ETag"]})
    assert moved.status_code == 200


MOST = 28
A_CARD = 3


def test_page__warm__few_questions_however_long_the_way(
    world: World, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with all_answered():
        fresh = world.asked()
        walked = world.in_stage("plan_approve")
        services.send_back(walked, actor=world.gv, to="define", reason="Anew.")
        whole = max(_cost(owner, row) for row in (fresh, walked))
        cards = len(sections.SECTIONS)
        monkeypatch.setattr(sections, "SECTIONS", {})
        bare = max(_cost(owner, row) for row in (fresh, walked))
    assert bare <= MOST
    assert whole <= bare + A_CARD * cards


def _cost(client: Client, row: Mission) -> int:
    text(client, row)
    with CaptureQueriesContext(connection) as captured:
        text(client, row)
    return len(asked_of(captured))


def test_pages__loads_what_draws_them_and_under_85_kib(world: World, owner: Client) -> None:
    with all_answered():
        row = world.asked()
        paths = [
            page_of(row),
            reverse("admin:missions_mission_changelist"),
            reverse("missions:new"),
            reverse("missions:brief", args=(row.uid,)),
            reverse("missions:evidence", args=(row.uid,)),
            reverse("missions:line", args=(row.uid, "intent_validated")),
            reverse("missions:move", args=(row.uid, "pause")),
        ]
        for path in paths:
            page = owner.get(path, follow=True).content.decode()
            assert weight(page) <= 85 * 1024, path
            assert not undressed(page, sheets()), path
            assert page.count("<h1") == 1, path


@pytest.mark.parametrize("path", ["brief", "move"])
def test_pages__elsewhere_and_signed_out__not_there(world: World, path: str) -> None:
    row = world.started()
    args = (row.uid, "pause") if path == "move" else (row.uid,)
    url = reverse(f"missions:{path}", args=args)
    assert make.client(World().owner).get(url).status_code == 404
    assert Client().get(url).status_code == 302

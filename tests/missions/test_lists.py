"""The list of missions, planning and importing, the home page, the palette, agendas."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.base.registries import agenda, name_finders, palette_verbs
from controlplane.lib import clock
from missions import services
from missions.models import Mission
from missions.shown import strip, turn
from missions.shown.glance import glance, with_now
from tests import make
from tests.console.test_own_pages import asked_of
from tests.kit import settled
from tests.kit.missions import World, again, all_answered

LIST = reverse("admin:missions_mission_changelist")


@settled.once
def world() -> World:
    here = World()
    assert here.gv.ref
    assert here.oc.ref
    return here


@settled.once
def owner(world: World) -> Client:
    return make.client(world.owner)


@settled.once
def operator(world: World) -> Client:
    return make.client(make.person(world.workspace, "operations_command"))


def titles(client: Client, query: str) -> set[str]:
    return {each.title for each in client.get(f"{LIST}?{query}").context["cl"].result_list}


def yesterday() -> Any:
    return (clock.now() - timedelta(days=1)).date()


def told(row: Mission) -> str:
    return glance(with_now(Mission.objects.filter(pk=row.pk)).get()).text


# --- The list -------------------------------------------------------------------------------------


def test_list__answers_its_questions(world: World, owner: Client) -> None:
    with all_answered():
        world.asked(world.locked(title="Asked"))
    services.pause_mission(
        world.started(title="Paused", due_on=yesterday()), actor=world.oc, reason="x"
    )
    world.draft(title="Planned")
    services.cancel_mission(world.draft(title="Thought again"), actor=world.actor, reason="x")
    another = make.person(world.workspace, "mission_owner")
    services.create_mission(world.workspace, actor=make.actor(another), title="Another's")
    assert titles(owner, "standing=under_way") == {"Asked", "Paused"}
    assert titles(owner, "standing=planned") == {"Planned", "Another's"}
    assert titles(owner, "standing=to_sign") == {"Asked"}
    assert titles(owner, "standing=held") == {"Paused"}
    assert titles(owner, "standing=due") == {"Paused"}
    assert titles(owner, "standing=overdue") == {"Paused"}
    assert titles(owner, "standing=ended") == {"Thought again"}
    assert titles(owner, "standing=archived") == set()
    assert titles(owner, "whose=mine") == {"Asked", "Paused", "Planned"}
    assert titles(owner, "whose=to_sign") == {"Asked"}
    assert titles(make.client(another), "whose=to_sign") == {"Asked"}
    assert titles(owner, "q=MSN-1&view=all") == {"Asked"}


def test_signature_given__no_longer_waits_for_me(world: World) -> None:
    with all_answered():
        row = world.asked()
        world.sign(row, "mo")
    rows = Mission.objects.all()
    assert not turn.waiting_for(rows, world.actor).exists()
    assert turn.waiting_for(rows, world.gv).get() == row
    assert not turn.waiting_for(rows, world.someone("viewer")).exists()
    assert not turn.waiting_for(rows, World().gv).exists()


def test_line__says_what_it_waits_for(world: World) -> None:
    with all_answered("duty_window"):
        draft, open_ = world.draft(), world.started()
        asked, locked = world.asked(), world.locked()
        held = world.in_stage("plan_approve")
        world.sign(world.asked(held))
        back = world.asked(world.locked())
        world.sign(back, "gv", verdict="changes_requested")
    assert told(draft) == "To be started"
    assert told(open_).startswith("The brief is open, 2 of 2 lines to tick")
    assert told(locked) == "2 of 2 lines to tick, no evidence"
    assert "waits for Mission Owner, Governance Validator" in told(asked)
    assert told(held) == "Signed; held at the door of Execute & Observe"
    assert told(back) == "Ask again for Intent Confirmation: changes are asked for"
    paused = services.pause_mission(locked, actor=world.oc, reason="Alerts.")
    assert told(paused) == "Paused: Alerts."


def test_list__empty__says_of_what_and_leads_on(world: World, owner: Client) -> None:
    def shown(query: str, client: Client = owner) -> str:
        return client.get(f"{LIST}?{query}").content.decode().split("<main", 1)[1]

    waits = shown("standing=to_sign")
    assert "No checkpoint waits for signatures." in waits
    assert 'href="?standing=under_way"' in waits
    assert "No mission of yours is open." in shown("whose=mine")
    assert reverse("missions:new") in shown("whose=mine")
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert reverse("missions:new") not in shown("whose=mine", viewer)
    assert "Nothing matches." in shown("standing=to_sign&priority__exact=0")


def test_strip__counts_in_one_question(world: World) -> None:
    world.draft()
    world.started(due_on=yesterday())
    services.pause_mission(world.started(), actor=world.oc, reason="x")
    World().started()
    with CaptureQueriesContext(connection) as captured:
        found = strip.strip(world.actor, None, {"standing": "planned"})
    assert len(captured) == 1
    assert [(each.label, each.number, each.paused, each.late) for each in found[:3]] == [
        ("Planned", 1, 0, 0), ("Define", 2, 1, 1), ("Prepare", 0, 0, 0),
    ]  # fmt: skip
    assert found[0].current
    assert not found[1].current


def test_list__costs_the_same_with_many(world: World, owner: Client) -> None:
    def cost() -> int:
        owner.get(f"{LIST}?view=all")
        with CaptureQueriesContext(connection) as captured:
            assert owner.get(f"{LIST}?view=all").status_code == 200
        return len(asked_of(captured))

    world.started()
    few = cost()
    for _ in range(5):
        world.started()
    assert cost() <= min(few, 10)


def test_bulk__each_by_its_service__refusals_named(world: World, owner: Client) -> None:
    one, two, draft = world.started(), world.started(), world.draft()
    chosen = [one.pk, two.pk, draft.pk]
    given = {"action": "pause_chosen", "_selected_action": chosen, "reason": "Too many alerts."}
    answer = owner.post(f"{LIST}?view=all", given, follow=True)
    assert {again(one).status, again(two).status} == {"paused"}
    page = answer.content.decode()
    assert "2 done" in page
    assert f"{draft.ref}" in page
    viewer = make.client(make.person(world.workspace, "viewer"))
    viewer.post(f"{LIST}?view=all", {**given, "action": "resume_chosen"})
    assert again(one).status == "paused"


# --- Planning and importing -----------------------------------------------------------------------


def test_new__planned_and_started_at_once__or_neither(world: World, owner: Client) -> None:
    path = reverse("missions:new")
    given = {"title": "By form", "intent": "Something.", "priority": 1, "tags": "a, b"}
    assert owner.post(path, {**given, "do": "start"}).status_code == 302
    row = Mission.objects.get(title="By form")
    assert (row.status, row.stage, row.owner, row.tags) == (
        "active", "define", world.owner, ["a", "b"],
    )  # fmt: skip
    silent = owner.post(path, {"title": "Silent", "priority": 2, "do": "start"})
    assert silent.status_code == 422
    assert "The intent is written down" in silent.content.decode()
    assert not Mission.objects.filter(title="Silent").exists()
    wrong = owner.post(path, {"title": "", "mission_type": "No such!", "priority": 9})
    assert wrong.status_code == 400
    assert "No such!" in wrong.content.decode()


def test_import__tried_first__then_all_or_none(world: World, operator: Client) -> None:
    client, path = operator, reverse("missions:import")
    table = (
        "external_ref;title;stage;status;owner;tags\n"
        f"old-1;First;Data Inspect;in_progress;{world.owner.email};a|b\n"
        "old-2;Second;Feedback;archived;;\n"
    )
    tried = client.post(path, {"text": table, "do": "try"})
    assert tried.status_code == 200
    assert "Nothing is written yet" in tried.content.decode()
    assert not Mission.objects.filter(external_ref__startswith="old-").exists()
    done = client.post(path, {"text": table, "do": "import"})
    assert done.status_code == 200
    first = Mission.objects.get(external_ref="old-1")
    assert (first.stage, first.owner, first.tags) == ("prepare", world.owner, ["a", "b"])
    assert Mission.objects.get(external_ref="old-2").status == "completed"
    again_ = client.post(path, {"text": table, "do": "import"}).content.decode()
    assert "here already" in again_


BAD: dict[str, str] = {
    "nothing": "",
    "no list": '{"missions": 3}',
    "no objects": "[1, 2]",
    "deep": "[" * 5_000,
    "another column": "external_ref,colour\nx,red\n",
    "no title": "external_ref\nx\n",
    "no such stage": "external_ref,title,stage\nx,y,Nowhere\n",
    "nobody": "external_ref,title,owner\nx,y,nobody@example.org\n",
    "torn": 'external_ref,title\n"x,y\n',
    "half of it": "external_ref,title,stage\nx,y,define\nz,,define\n",
    "half a sign": json.dumps([{"external_ref": "x", "title": "\ud800"}]),
    "huge number": '[{"external_ref": "x", "title": "y", "priority": 1e300}]',
}


def test_import__what_cannot_be_read__said__nothing_written(world: World, operator: Client) -> None:
    client, path = operator, reverse("missions:import")
    for name, given in BAD.items():
        answer = client.post(path, {"text": given, "do": "import"})
        assert answer.status_code in (400, 409, 413, 422), name
        assert 'role="alert"' in answer.content.decode(), name
    for raw in (b"\xff\xfe\x00broken", b"external_ref,title\nx,\x00\n"):
        file = SimpleUploadedFile("x.csv", raw)
        assert client.post(path, {"file": file, "do": "import"}).status_code == 400
    assert Mission.objects.count() == 0
    assert make.client(world.owner).post(path, {"text": "x"}).status_code == 403


# --- Home, palette, agendas -----------------------------------------------------------------------


def test_home__what_stands_still_is_late_or_is_mine(world: World) -> None:
    mine = world.started(title="Mine")
    late = world.started(title="Late", due_on=yesterday())
    paused = services.pause_mission(
        world.started(title="Violated"), actor=make.JOB, reason="x", cause="safeguard"
    )
    another = make.actor(make.person(world.workspace, "mission_owner"))
    theirs = services.create_mission(world.workspace, actor=another, title="Another's", intent="x")
    World().started(title="Elsewhere")
    with CaptureQueriesContext(connection) as captured:
        found = turn.waiting(world.actor, None)
    assert len(captured) == 1
    assert [each.title.split(" ", 1)[1] for each in found] == ["Violated", "Late", "Mine"]
    assert [each.tone for each in found[:2]] == ["bad", "bad"]
    assert all(each.mine for each in found)
    watch = turn.waiting(world.oc, None)
    assert {each.title for each in watch} == {f"{late.ref} Late", f"{paused.ref} Violated"}
    assert not any(each.mine for each in watch)
    assert turn.waiting(world.someone("knowledge_curator"), None) == []
    assert {mine.ref, theirs.ref}.isdisjoint({each.title.split()[0] for each in watch})
    assert turn.count_waiting(world.actor, world.workspace.pk) == 3


def test_palette__finds_by_words_and_acts_on_what_can_be(world: World) -> None:
    row = world.started(title="Write to dormant accounts")
    world.draft(title="Dormant too")
    finder = name_finders.get("missions.missions")
    assert finder is not None
    assert [each.label for each in finder.find(world.actor, None, "dormant write")] == [
        f"{row.ref} Write to dormant accounts"
    ]
    assert finder.find(World().actor, None, "dormant") == []
    verb = palette_verbs.get("mission-pause")
    assert verb is not None
    targets = verb.find(world.actor, None, row.ref.lower())
    assert [each.url for each in targets] == [reverse("missions:move", args=(row.uid, "pause"))]
    start = palette_verbs.get("mission-start")
    assert start is not None
    assert [each.label.split(" ", 1)[1] for each in start.find(world.actor, None, "dormant")] == [
        "Dormant too"
    ]


@pytest.mark.parametrize("meeting", ["standup", "ops_sync"])
def test_agenda__late_and_due_within_a_week(world: World, meeting: str) -> None:
    section = agenda.get(f"missions.due.{meeting}")
    assert section is not None
    now = clock.now()
    world.started(title="Late", due_on=yesterday())
    world.started(title="Soon", due_on=(now + timedelta(days=3)).date())
    world.started(title="Far", due_on=(now + timedelta(days=30)).date())
    found = section.items(world.workspace.pk, now - timedelta(days=1), now)
    assert [each["tone"] for each in found] == ["bad", "warn"]
    assert [each["title"].split(" ", 1)[1] for each in found] == ["Late", "Soon"]
    assert section.items(World().workspace.pk, now - timedelta(days=1), now) == []

"""A mission's page: the one next step for whoever looks, and the brief that is written there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.lib.actors import Actor
from missions import services
from missions.gates import registry
from missions.gates.kinds import failed
from missions.models import Mission
from missions.shown.cockpit import Cockpit
from missions.shown.following import Next, following
from tests import make
from tests.kit import settled
from tests.kit.cockpit import page_of, text
from tests.kit.missions import (
    BRIEF,
    World,
    again,
    all_answered,
    request_of,
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


def next_of(row: Mission, actor: Actor) -> Next:
    return following(Cockpit(again(row), actor))


# --- What comes next ------------------------------------------------------------------------------


def test_next__draft__what_keeps_it_then_start(world: World) -> None:
    silent = world.draft(intent="")
    assert next_of(silent, world.actor).label == "Say what it is"
    ready = next_of(world.draft(), world.actor)
    assert (ready.label, ready.pressed, ready.refusal) == ("Start", True, "")


def test_next__each_sees_the_step_that_is_theirs(world: World) -> None:
    with all_answered():
        row = world.started(brief={})
        assert next_of(row, world.actor).label == "Write the brief"
        services.put_brief(row, actor=world.actor, **BRIEF)
        assert next_of(row, world.actor).label == "Lock the brief"
        services.lock_brief(row, actor=world.actor)
        assert next_of(row, world.gv).label == "Tick: Intent validated"
        waits = next_of(row, world.someone("viewer"))
        assert (waits.label, waits.url) == ("Wait", "")
        assert waits.who or waits.refusal


def test_next__everything_holds__ask_then_sign_then_wait(world: World) -> None:
    with all_answered():
        row = world.done(world.locked())
        ask = next_of(row, world.actor)
        assert (ask.label, ask.pressed) == ("Ask for Intent Confirmation", False)
        services.ask_checkpoint(row, actor=world.actor)
        mine = next_of(row, world.actor)
        assert mine.label == "Sign as Mission Owner"
        assert mine.url == reverse("approvals:decide", args=(request_of(again(row)).uid,))
        assert mine.due is not None
        world.sign(row, "mo")
        waits = next_of(row, world.actor)
        assert (waits.label, waits.url) == ("Wait", "")
        assert "Governance Validator" in waits.why
        assert waits.who


def test_next__asked_and_something_fell_since__said_with_the_signature(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with all_answered():
        row = world.asked()
        monkeypatch.setitem(registry.PROVIDERS, "objective_logged", lambda look: failed("Gone."))
        mine = next_of(row, world.actor)
    assert mine.label == "Sign as Mission Owner"
    assert "“The business objective is logged” does not hold." in mine.why


def test_next__paused_by_a_safeguard__not_the_owners(world: World) -> None:
    row = services.pause_mission(
        world.started(), actor=make.JOB, reason="Wrote to a stranger.", cause="safeguard"
    )
    mine, theirs = next_of(row, world.actor), next_of(row, world.gv)
    assert (mine.label, theirs.label) == ("Resume", "Resume")
    assert mine.refusal
    assert not theirs.refusal
    assert "Wrote to a stranger." in theirs.why


def test_next__ended__nothing_to_press(world: World) -> None:
    row = services.cancel_mission(world.started(), actor=world.actor, reason="Not wanted.")
    found = next_of(row, world.actor)
    assert (found.label, found.url) == ("Nothing", "")
    assert "Not wanted." in found.why


def test_next__sent_back__says_why(world: World, owner: Client) -> None:
    with all_answered():
        row = world.in_stage("plan_approve")
        assert "Sent back from" not in text(owner, row)
        services.send_back(row, actor=world.oc, to="prepare", reason="The scope is too wide.")
        said = text(owner, again(row)).split("msn-why", 1)[1].split("</section>", 1)[0]
    assert "Sent back from Plan &amp; Approve" in said
    assert "The scope is too wide." in said


def test_page__one_primary_button(world: World, owner: Client) -> None:
    for row in (world.draft(), world.started(brief={}), world.locked()):
        page = text(owner, row)
        assert page.count("data-next") <= 1, row.status
        assert page.count('class="button primary') == page.count("data-next")


# --- The brief ------------------------------------------------------------------------------------


def _brief(**given: Any) -> dict[str, Any]:
    return {
        "objective": "Draft mails.", "audience": "Dormant accounts.", "timeline": "Two weeks.",
        "business_objective": "Win them back.", "kpi_name": "Answers", "kpi_unit": "accounts",
        "kpi_baseline": "4", "kpi_target": "20", "kpi_direction": "up",
        "kpi_deadline": "2027-03-31", **given,
    }  # fmt: skip


def test_brief__written_on_its_page__beside_the_field_what_is_wrong(
    world: World, owner: Client
) -> None:
    row = world.started(brief={})
    path = reverse("missions:brief", args=(row.uid,))
    assert "Where it stands now" in owner.get(path).content.decode()
    wrong = owner.post(path, _brief(kpi_target="many"))
    assert wrong.status_code == 400
    assert "Enter a number." in wrong.content.decode()
    assert "Draft mails." in wrong.content.decode()
    assert owner.post(path, _brief()).status_code == 302
    brief = Mission.objects.get(pk=row.pk).brief
    assert (brief.kpi_name, brief.authors) == ("Answers", [world.actor.ref])
    assert brief.kpi_target == Decimal(20)
    late = owner.post(path, _brief(audience="Others.", version=brief.version - 1))
    assert late.status_code == 409
    assert "Others." in late.content.decode()
    services.lock_brief(row, actor=world.actor)
    locked = owner.get(path).content.decode()
    assert "It is locked" in locked
    assert '<form method="post" class="card form"' not in locked
    assert owner.post(path, _brief(audience="Others.")).status_code == 409


def test_edit__what_is_signed_with_the_brief__refused_beside_it(
    world: World, owner: Client
) -> None:
    row = world.locked()
    given = {"title": "Another title", "intent": row.intent, "owner": world.owner.pk,
             "mission_type": "", "persona": "", "priority": 1, "due_on": ""}  # fmt: skip
    refused = owner.post(f"{page_of(row)}?edit=1", given)
    assert refused.status_code in (200, 400, 409)
    assert "Signed with the brief." in refused.content.decode()
    assert owner.post(f"{page_of(row)}?edit=1", {**given, "title": row.title}).status_code == 302
    assert again(row).priority == 1

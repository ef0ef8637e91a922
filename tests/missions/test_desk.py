"""Missions on the review desk: asked for, followed, signed for, read in figures."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access import services as access
from controlplane.approvals.links import page_of
from controlplane.approvals.models import Decision, Request
from controlplane.base.registries import kpis
from missions import links, services
from missions.models import Brief, Mission
from missions.services.sharing import share_mission
from tests import make
from tests.kit import inhabited, settled
from tests.kit.missions import World, again, all_answered, request_of

LIST = "/desk/missions/"
NEW = "/desk/missions/new/"
ASKED = {
    "title": "Win back dormant accounts", "intent": "Write to accounts that went quiet.",
    "objective": "Draft 200 mails.", "audience": "Dormant accounts in the EU.",
    "business_objective": "A tenth of them back.", "kpi_name": "Accounts that answer",
    "kpi_unit": "accounts", "kpi_direction": "up", "kpi_baseline": "0", "kpi_target": "20.5",
    "kpi_deadline": "2027-03-31", "timeline": "Two weeks.", "due_on": "2027-02-01",
    "priority": "1", "mission_type": "crm", "sent": "01a202de-9c34-706a-bd82-13b76bc1bde6",
}  # fmt: skip


@settled.once
def world() -> World:
    return World()


@settled.once
def owner(world: World) -> Client:
    return make.client(world.owner)


def url_of(mission: Mission, page: str = "mission", *more: str) -> str:
    return reverse(f"mission_desk:{page}", args=(mission.uid, *more))


def read(browser: Client, url: str, status: int = 200) -> str:
    answer = browser.get(url)
    assert answer.status_code == status, (url, answer.status_code)
    return answer.content.decode().split("<main", 1)[1].split("</main>", 1)[0]


# --- Asked for ----------------------------------------------------------------------------------


def test_ask__a_draft_with_its_brief__once_however_often_it_is_sent(
    world: World, owner: Client
) -> None:
    for _ in range(2):
        sent = owner.post(NEW, ASKED)
        row = Mission.objects.get()
        assert sent["Location"] == url_of(row)
    assert (row.owner, row.source, row.status, row.priority) == (world.owner, "desk", "draft", 1)
    brief = Brief.objects.get(mission=row)
    assert (brief.kpi_baseline, brief.kpi_target, brief.audience) == (
        Decimal(0), Decimal("20.5"), "Dormant accounts in the EU.",
    )  # fmt: skip
    page = read(owner, url_of(row))
    assert "Accounts that answer: from 0 to 20.5 accounts" in page
    assert f'action="{url_of(row, "step", "start")}"' in page


def test_ask__little_is_enough__too_little_is_said_beside_the_field(owner: Client) -> None:
    again = owner.post(NEW, {"title": "", "intent": inhabited.HOSTILE, "kpi_target": "many"})
    assert again.status_code == 400
    page = again.content.decode()
    for field in ("id_title_error", "id_kpi_target_error"):
        assert field in page
    assert "<img src=x" not in page
    assert not Mission.objects.exists()
    assert owner.post(NEW, {"title": "Just so", "intent": "Because."}).status_code == 302
    assert Brief.objects.get().kpi_direction == "up"


@pytest.mark.parametrize(
    "given",
    [
        {"title": "w" * 300},
        {"title": "a\x00b"},
        {"mission_type": "No Such Thing!"},
        {"kpi_target": "1e300"},
        {"kpi_target": "NaN"},
        {"due_on": "2027-02-30"},
        {"priority": "9"},
        {"intent": "x" * 200_000},
        {"sent": "'; drop table"},
    ],
)
def test_ask__bad_input__refused_or_read_never_broken(owner: Client, given: dict[str, str]) -> None:
    answer = owner.post(NEW, {**ASKED, **given})
    assert answer.status_code in ({302} if "sent" in given else {400})


def test_ask__wrong_role__told_who_may(world: World) -> None:
    viewer = make.client(make.person(world.workspace, "viewer"))
    page = read(viewer, NEW)
    assert "<form" not in page
    assert "Mission Owner" in page
    assert viewer.post(NEW, ASKED).status_code == 403
    assert not Mission.objects.exists()


def test_say_more__while_the_brief_is_open(world: World, owner: Client) -> None:
    row = world.draft()
    page = read(owner, url_of(row, "say"))
    assert 'value="Accounts that answer"' in page
    assert 'name="kpi_target" value="20"' in page
    changed = {**ASKED, "title": "Another title", "kpi_target": "", "timeline": ""}
    changed["seen"] = seen_in(page)
    for _ in range(2):  # sent twice
        assert owner.post(url_of(row, "say"), changed)["Location"] == url_of(row)
    row, brief = again(row), Brief.objects.get(mission=row)
    assert (row.title, brief.kpi_target, brief.timeline) == ("Another title", None, "")
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert viewer.post(url_of(row, "say"), changed).status_code == 403
    closed = world.locked()
    assert "its brief is locked" in read(owner, url_of(closed, "say")).lower()
    assert owner.post(url_of(closed, "say"), ASKED).status_code == 409


def seen_in(page: str) -> str:
    return page.split('name="seen" value="', 1)[1].split('"', 1)[0]


def test_say_more__from_a_page_that_is_old__says_so_and_keeps_what_was_typed(
    world: World, owner: Client
) -> None:
    row = world.draft()
    seen = seen_in(read(owner, url_of(row, "say")))
    services.put_brief(row, actor=world.actor, timeline="Somebody else's three weeks.")
    mine = {**ASKED, "title": "My title", "timeline": "My two weeks.", "seen": seen}
    refused = owner.post(url_of(row, "say"), mine)
    assert refused.status_code == 409
    page = refused.content.decode()
    assert "since you looked" in page
    assert "My two weeks." in page
    assert again(row).title != "My title"  # neither half is kept
    assert Brief.objects.get(mission=row).timeline == "Somebody else's three weeks."
    services.change_mission(again(row), actor=world.actor, priority=0)
    assert owner.post(url_of(row, "say"), {**mine, "seen": ""}).status_code == 409
    assert owner.post(url_of(row, "say"), {**mine, "seen": seen_in(page)}).status_code == 409
    fresh = seen_in(read(owner, url_of(row, "say")))
    assert owner.post(url_of(row, "say"), {**mine, "seen": fresh}).status_code == 302
    assert Brief.objects.get(mission=row).timeline == "My two weeks."


def test_lock__closes_what_stood_on_the_page(world: World, owner: Client) -> None:
    row = world.started()
    version = Brief.objects.get(mission=row).version
    services.put_brief(row, actor=world.actor, timeline="Another timeline.")
    owner.post(url_of(row, "step", "lock"), {"version": str(version)})
    assert not Brief.objects.get(mission=row).is_locked
    assert "since you looked" in read(owner, url_of(row))


# --- Followed -----------------------------------------------------------------------------------


def test_owner__from_draft_to_signatures__step_by_step(world: World, owner: Client) -> None:
    row = world.draft()
    with all_answered():
        for verb, said in (("start", "It is started."), ("lock", "The brief is closed.")):
            assert f"/step/{verb}/" in read(owner, url_of(row))
            assert owner.post(url_of(row, "step", verb))["Location"] == url_of(row)
            assert said in read(owner, url_of(row))
        row = world.done(again(row))
        assert "/step/ask/" in read(owner, url_of(row))
        owner.post(url_of(row, "step", "ask"))
        asked = request_of(again(row))
        page = read(owner, url_of(row))
        assert reverse("desk:packet", args=(asked.uid,)) in page
        assert "/step/" not in page
        assert "Waits for Mission Owner" in read(owner, LIST)


def test_step__too_early__refused_with_the_reason(world: World, owner: Client) -> None:
    row = world.started(brief={})
    assert owner.post(url_of(row, "step", "lock")).status_code == 302
    assert "note-error" in read(owner, url_of(row))
    assert not Brief.objects.get(mission=row).is_locked
    assert owner.post(url_of(row, "step", "no-such")).status_code == 404
    assert owner.get(url_of(row, "step", "lock")).status_code == 405


def test_stranger__finds_nothing__wrong_role_only_reads(world: World) -> None:
    row = world.started()
    there = make.client(make.person(make.workspace(), "mission_owner"))
    for page in ("mission", "say"):
        assert there.get(url_of(row, page)).status_code == 404
    assert there.post(url_of(row, "step", "lock")).status_code == 404
    assert row.title not in read(there, f"{LIST}?whose=all")
    viewer = make.client(make.person(world.workspace, "viewer"))
    page = read(viewer, url_of(row))
    assert "/step/" not in page
    assert viewer.post(url_of(row, "step", "lock")).status_code == 403
    assert row.title not in read(viewer, LIST)
    assert row.title in read(viewer, f"{LIST}?whose=all")


def test_partner__is_led_from_the_console_to_the_desk(world: World) -> None:
    row = world.started()
    pia = make.person(world.workspace, "product_partner")
    share_mission(row, pia, actor=world.actor, reason="They take part in it.")
    partner = make.client(pia)
    for url in (links.page_of(row), f"/admin/go/?q={row.ref}"):
        assert partner.get(url, follow=True).redirect_chain[-1][0] == url_of(row), url


# --- Signed for ---------------------------------------------------------------------------------


def test_packet_of_a_mission__reads_in_order_and_names_people(world: World) -> None:
    with all_answered():
        asked = request_of(world.asked())
        browser = make.client(make.person(world.workspace, "governance_validator"))
        page = read(browser, reverse("desk:packet", args=(asked.uid,)))
        heads = re.findall(r"<h3>(.*?)</h3>", page)
        assert heads[:2] == ["What is wanted", "What it is to achieve"]
        assert "What each signature says" in heads
        facts = page.split("What it is to achieve", 1)[1].split("<h3>", 1)[0]
        assert facts.index("Objective") < facts.index("The figure") < facts.index("Timeline")
        assert "Accounts that answer" in facts
        assert "Mona Ode" in page
        assert "the higher the better" in facts
        mission = Mission.objects.get(item=asked.item)
        guard = mission.safeguards.get(template__slug="call-rate")
        told = page.split("<h3>Safeguards</h3>", 1)[1].split("<h3>", 1)[0]
        place = f"{url_of(mission, 'safeguards')}#{guard.uid}"
        assert f'<a href="{place}">{guard.title}</a>' in told
        words = re.sub(r"<[^>]+>", " ", told)
        assert str(guard.uid) not in words
        assert "A violation" in words
        form = {"verdict": "approved", "sha256": asked.sha256, "slot": "gv"}
        signed = browser.post(reverse("desk:packet", args=(asked.uid,)), form)
        assert signed.status_code == 302
        assert Decision.objects.get().as_role == "governance_validator"
        subject = reverse("mission_desk:mission", args=(asked.item.mission.uid,))  # type: ignore[union-attr]
        assert subject in page


def test_inbox__asked_by_an_agent__named_as_whoever_asked(world: World) -> None:
    with all_answered():
        row = world.done(world.locked())
        agent = make.agent(world.workspace, role="coordinator", name="scout-1", owner=world.owner)
        services.ask_checkpoint(row, actor=make.actor(agent))
    asked = request_of(again(row))
    page = make.client(world.owner).get("/desk/").content.decode()
    assert asked.ref in page
    assert "asked by scout-1" in page


def test_mission_sent_back__the_next_packet_shows_what_changed_since_it_was_signed(
    world: World,
) -> None:
    with all_answered():
        row = world.asked()
        first = world.sign(row, "gv")
        services.unlock_brief(again(row), actor=world.actor, reason="More of it.")
        services.put_brief(again(row), actor=world.actor, timeline="Three weeks.")
        services.lock_brief(again(row), actor=world.actor)
        row = world.asked(again(row))
        anew = request_of(row)
        assert anew.pk != first.pk
        browser = make.client(make.person(world.workspace, "viewer"))
        page = read(browser, reverse("desk:packet", args=(anew.uid,)))
        since = page.split("signed</h2>", 1)[1].split("</section>", 1)[0]
        assert "Two weeks." in since
        assert "Three weeks." in since


def test_owner_and_agent__never_sign_as_validator(world: World, owner: Client) -> None:
    with all_answered():
        asked: Request = request_of(world.asked())
        form = {"verdict": "approved", "sha256": asked.sha256, "slot": "gv"}
        url = reverse("desk:packet", args=(asked.uid,))
        assert owner.post(url, form).status_code == 403
        key = make.key(make.agent(world.workspace, "validator"))[1]
        headers = {"Authorization": f"Bearer {key}"}
        assert Client().post(url, form, headers=headers).status_code == 302  # to the sign-in
        assert not Decision.objects.exists()
        assert page_of(asked).startswith("/admin/")


# --- In figures ---------------------------------------------------------------------------------


def test_figures__in_words__of_ones_own_workspace_only(world: World, owner: Client) -> None:
    page = read(owner, "/desk/figures/")
    for kpi in kpis:
        if kpi.group == "business":
            assert kpi.title in page
    assert "How many missions came to their end." in page
    file = owner.get("/desk/figures.csv")
    assert file.content.decode().startswith("key figure,")
    elsewhere = make.client(make.person(make.workspace(), "viewer"))
    assert f">{world.workspace.name}. " not in read(elsewhere, "/desk/figures/")


def test_figures__of_several_workspaces__asks_which(world: World) -> None:
    both = make.person(world.workspace, "mission_owner")
    other = access.add_member(make.workspace(), both, actor=make.JOB)
    access.grant_role(other, "viewer", actor=make.JOB)
    browser = make.client(both)
    for url in ("/desk/figures/", NEW, "/desk/away/"):
        page = read(browser, url)
        assert "Choose a workspace" in page, url
        assert "<form" not in page, url
    assert browser.post(NEW, ASKED).status_code == 200
    assert not Mission.objects.exists()


def test_list__queries_do_not_grow(
    world: World, owner: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        world.started(title=f"Number {number}")
    owner.get(LIST)
    with django_assert_max_num_queries(20):
        assert "Number 5" in read(owner, LIST)

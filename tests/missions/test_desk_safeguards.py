"""Safeguards on the review desk: decided and known by the console's own services and rights."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.audit.models import AuditEvent
from controlplane.base import twins
from missions import links, services
from missions.models import Mission, Safeguard
from missions.services.sharing import share_mission
from tests import make
from tests.kit import inhabited, settled
from tests.kit.guarding import World


@settled.once
def world() -> World:
    return World()


@settled.once
def row(world: World) -> Mission:
    return world.started()


@settled.once
def gv(world: World) -> Client:
    return make.client(make.person(world.workspace, "governance_validator", name="Greta Voss"))


@settled.once
def owner(world: World) -> Client:
    return make.client(world.owner)


def url_of(row: Mission) -> str:
    return reverse("mission_desk:safeguards", args=(row.uid,))


def read(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    return answer.content.decode().split("<main", 1)[1].split("</main>", 1)[0]


def do(client: Client, row: Mission, verb: str, key: Any, **given: Any) -> Any:
    return client.post(url_of(row), {"do": verb, "at": str(key), **given})


def digest_in(page: str) -> str:
    [digest] = set(re.findall(r'name="digest" value="(\w+)"', page))
    return str(digest)


def test_safeguards__decided_and_known_without_the_console(
    world: World, row: Mission, gv: Client, owner: Client
) -> None:
    guard = world.guard(row, "call-rate")
    page = read(gv, url_of(row))
    assert "/admin/" not in page
    assert "4 are not decided" in page
    assert "What is wanted" in page  # what is signed with them
    asked = {"title": guard.title, "severity": "medium", "mode": "hint", "version": guard.version,
             "figure-max_calls_per_minute": "9", "reason": "Slow.",
             "description": guard.description}  # fmt: skip
    assert do(gv, row, "edit", guard.uid, **asked)["Location"] == f"{url_of(row)}#{guard.uid}"
    do(gv, row, "reject", world.guard(row).uid, reason="Nothing is sent.")
    do(gv, row, "accept_all", "all", digest=digest_in(read(gv, url_of(row))))
    guard.refresh_from_db()
    assert (guard.status, guard.params) == ("edited", {"max_calls_per_minute": 9})
    assert not row.safeguards.undecided().exists()
    assert AuditEvent.objects.filter(action="mission.safeguards").count() >= 4
    for client in (gv, owner):
        assert "Decided: say that you know them" in read(client, "/desk/")
        page = read(client, url_of(row))
        assert do(client, row, "acknowledge", "all", digest=digest_in(page)).status_code == 302
        assert url_of(row) not in read(client, "/desk/")
    assert row.safeguard_acks.count() == 2


def test_inbox__says_what_is_to_decide__to_whoever_decides_it(
    world: World, row: Mission, gv: Client, owner: Client
) -> None:
    for client in (gv, owner):
        page = read(client, "/desk/")
        assert url_of(row) in page
        assert "4 to decide" in page
        assert f'href="{url_of(row)}">Decide the safeguards' in read(
            client, reverse("mission_desk:mission", args=(row.uid,))
        )
    another = make.client(make.person(world.workspace, "mission_owner"))
    assert url_of(row) not in read(another, "/desk/")
    elsewhere = make.client(make.person(make.workspace(), "governance_validator"))
    assert url_of(row) not in read(elsewhere, "/desk/")


def test_accept_all__what_was_suggested_since_the_page_was_drawn_is_not_accepted_unseen(
    world: World, row: Mission, gv: Client
) -> None:
    seen = digest_in(read(gv, url_of(row)))
    services.suggest_safeguard(
        row, actor=world.actor, title="Nobody is mailed twice", category="data",
        justification="They asked for it.",
    )  # fmt: skip
    refused = do(gv, row, "accept_all", "all", digest=seen)
    assert refused.status_code == 409
    assert "changed since you looked" in refused.content.decode()
    assert row.safeguards.undecided().count() == 5
    do(gv, row, "accept_all", "all", digest=digest_in(refused.content.decode()))
    assert not row.safeguards.undecided().exists()


@pytest.mark.parametrize(
    ("verb", "given", "said"),
    [
        ("edit", {"new_figure": "Longest wait", "title": "x", "reason": "y"}, "say how much"),
        ("reject", {"reason": ""}, "eason"),
        ("edit", {"title": "w" * 300, "reason": "y", "severity": "none"}, ""),
        ("reject", {"reason": "Too late.", "version": "99"}, "Somebody changed it"),
    ],
)
def test_bad_input__said_on_the_form_that_stays_open(
    world: World, row: Mission, gv: Client, verb: str, given: dict[str, str], said: str
) -> None:
    answer = do(gv, row, verb, world.guard(row).uid, **given)
    assert answer.status_code in {400, 409}
    page = answer.content.decode()
    assert said in page
    assert '<details class="msn-act" open>' in page
    assert "<title>Error:" in page


def test_unknown_decisions__are_no_pages(row: Mission, gv: Client) -> None:
    assert do(gv, row, "burn", "all").status_code == 404
    for key in ("x", "01a202de-9c34-706a-bd82-13b76bc1bde6"):
        assert do(gv, row, "accept", key).status_code == 404


def test_strangers__read_or_nothing_and_decide_nothing(world: World, row: Mission) -> None:
    viewer = make.client(make.person(world.workspace, "viewer"))
    page = read(viewer, url_of(row))
    assert "Not yours to decide" in page
    assert 'name="do"' not in page
    assert do(viewer, row, "accept_all", "all").status_code == 403
    other = make.client(make.person(make.workspace(), "governance_validator"))
    guest = make.person(world.workspace, "product_partner")
    share_mission(row, guest, actor=world.actor, reason="They pay for it.")
    for client in (other, make.client(guest)):
        assert client.get(url_of(row)).status_code == 404
        assert do(client, row, "accept_all", "all").status_code in {403, 404}
    assert row.safeguards.undecided().count() == 4
    assert Client().get(url_of(row))["Location"].startswith("/access/login/")


def test_hostile_words__are_words(world: World, row: Mission, gv: Client) -> None:
    services.suggest_safeguard(
        row, actor=world.actor, title=inhabited.HOSTILE[:160], category="data",
        justification=inhabited.HOSTILE,
    )  # fmt: skip
    assert "<img src=x" not in read(gv, url_of(row))


def test_later__read_as_it_was_settled(world: World, gv: Client) -> None:
    row = world.started(title="Another")
    row.safeguards.update(status=Safeguard.Status.SUGGESTED)
    services.cancel_mission(row, actor=world.actor, reason="Not now.")
    page = read(gv, url_of(row))
    assert 'name="do"' not in page


def test_console_address__leads_to_its_twin(world: World, row: Mission) -> None:
    assert twins.of(world.gv, links.safeguards_of(row)) == url_of(row)

"""People of other houses: of a workspace's missions they find those that are shared with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.approvals.models import Request
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Invalid, NotAllowed, NotFound
from controlplane.work.models import Item
from missions import models
from missions.models import Artifact, Bundle, Feedback, Mission, MissionShare
from missions.services import evidence
from missions.services.evidence import bundles
from missions.services.sharing import end_share, share_mission
from tests import make
from tests.kit import evidence as kit
from tests.kit import settled
from tests.kit.missions import World, again, all_answered, request_of

WHY = "They take part in it."
LIST = "/desk/missions/"


@settled.once
def world() -> World:
    return World()


@settled.once
def partner(world: World) -> User:
    return make.person(world.workspace, "product_partner", name="Pia Noor")


@pytest.fixture(autouse=True)
def place() -> Iterator[Path]:
    with kit.folder() as found:
        yield found


def read(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, url
    return str(answer.content.decode())


def desk(row: Mission, name: str = "mission", *more: Any) -> str:
    return reverse(f"mission_desk:{name}", args=(row.uid, *more))


def api(browser: Client, path: str) -> Any:
    return browser.get(f"/api/v1/{path}", headers={"Accept": "application/json"})


def test_unshared_mission__no_door_shows_it(world: World, partner: User) -> None:
    with all_answered():
        row = world.asked()
    kit.add(again(row), "notes.txt", b"Notes.\n", actor=world.actor)
    browser, actor = make.client(partner), make.actor(partner)
    for page in ("mission", "say", "feedback", "retrospective"):
        assert browser.get(desk(row, page)).status_code == 404, page
    file = Artifact.objects.get()
    for name in ("file", "picture"):
        assert browser.get(desk(row, name, file.uid)).status_code == 404, name
    assert row.title not in read(browser, f"{LIST}?whose=all")
    asked = request_of(again(row))
    assert browser.get(reverse("desk:packet", args=(asked.uid,))).status_code == 404
    assert asked.title not in read(browser, "/desk/")
    for path in (
        f"missions/{row.ref}",
        f"missions/{row.ref}/evidence",
        f"missions/{row.ref}/bundles",
        f"missions/{row.ref}/timeline",
        f"missions/{row.ref}/artifacts/{file.uid}/content",
        f"approvals/{asked.ref}",
    ):
        assert api(browser, path).status_code == 404, path
    for path in ("missions", "approvals", "work/items"):
        answer = api(browser, path)
        assert answer.status_code != 200 or row.title not in answer.content.decode(), path
    assert not policy.can(actor, "mission.view", row)
    for action in ("library.view", "meeting.view", "telemetry.view", "mission.share"):
        assert not policy.can(actor, action, world.workspace), action
    assert not Item.objects.visible_to(actor).filter(pk=row.item_id).exists()


def test_every_model_of_missions__shows_a_guest_nothing_unshared(
    world: World, partner: User
) -> None:
    """Whatever is added later, too."""
    with all_answered():
        row = world.asked()
    kit.add(again(row), "notes.txt", b"Notes.\n", actor=world.actor)
    actor = make.actor(partner)
    for name in models.__all__:
        rows = getattr(getattr(models, name), "objects", None)
        if rows is not None and hasattr(rows, "visible_to"):
            assert not rows.visible_to(actor).exists(), name


def test_shared__read_on_the_desk_until_it_ends(world: World, partner: User) -> None:
    row, other = world.started(), world.started(title="Another one")
    share = share_mission(row, partner, actor=world.actor, reason=WHY)
    assert share_mission(row, partner, actor=world.gv, reason="Again.") == share
    browser, actor = make.client(partner), make.actor(partner)
    page = read(browser, desk(row))
    assert row.title in page
    assert "/step/" not in page
    listed = read(browser, LIST)
    assert row.title in listed
    assert other.title not in listed
    assert policy.can(actor, "mission.view", row)
    assert not policy.can(actor, "mission.view", other)
    assert api(browser, f"missions/{row.ref}").status_code == 200
    end_share(share, actor=world.gv, reason="Their part is done.")
    end_share(share, actor=world.gv, reason="Twice.")
    assert browser.get(desk(row)).status_code == 404
    told = AuditEvent.objects.filter(action="mission.share").order_by("pk")
    assert [(each.details or {})["transition"] for each in told] == ["-> on", "-> off"]


def test_evidence__from_outside_only_what_may_go_out(world: World, partner: User) -> None:
    row = world.started()
    kept = kit.add(row, "raw.txt", b"anna@example.org\n", actor=world.actor)
    cleared = kit.add(again(row), "open.txt", b"Open.\n", actor=world.actor)
    evidence.clear_artifact(cleared, actor=world.gv, reason="Nothing of anybody.")
    share_mission(row, partner, actor=world.actor, reason=WHY)
    browser, actor = make.client(partner), make.actor(partner)
    assert browser.get(desk(row, "file", kept.uid)).status_code == 404
    assert b"".join(browser.get(desk(row, "file", cleared.uid)).streaming_content) == b"Open.\n"  # type: ignore[attr-defined]
    with pytest.raises(NotFound):
        evidence.open_artifact(kept, actor=actor)
    tree = api(browser, f"missions/{row.ref}/evidence").json()
    assert [each["uid"] for branch in tree["branches"] for each in branch["files"]] == [
        str(cleared.uid)
    ]
    assert not [each for branch in tree["branches"] for each in branch["links"]]
    for audience in ("internal", "external"):
        evidence.ask_bundle(again(row), actor=world.gv, audience=audience)
    for claimed in bundles.claim(5):
        assert bundles.perform(claimed) == "stored"
    seen = Bundle.objects.visible_to(actor)
    assert [each.audience for each in seen] == ["external"]
    hidden = Bundle.objects.get(audience="internal")
    url = f"missions/{row.ref}/bundles/{hidden.number}"
    assert api(browser, url).status_code == 404
    assert api(browser, f"{url}/content").status_code == 404
    with pytest.raises(NotFound):
        evidence.open_bundle(hidden, actor=actor)


def test_packet__goes_to_who_signs_it_by_delegation(world: World, partner: User) -> None:
    from controlplane.approvals import services as approvals

    with all_answered():
        row = world.asked()
        asked: Request = request_of(row)
        approvals.delegate(asked, partner, actor=world.gv, reason="Away.")
        browser = make.client(partner)
        page = read(browser, reverse("desk:packet", args=(asked.uid,)))
        assert asked.title in page
        assert row.title in read(browser, desk(row))


def test_asked_how_it_went__they_see_it(world: World, partner: User) -> None:
    row = world.started()
    Feedback.objects.create(mission=row, person=partner, asked_by="user:1")
    assert row.title in read(make.client(partner), desk(row))


def test_partner_with_a_role_of_the_house__is_of_it(world: World) -> None:
    row = world.started()
    both = make.person(world.workspace, "product_partner", "viewer")
    assert row.title in read(make.client(both), f"{LIST}?whose=all")
    with pytest.raises(Invalid, match="of this house"):
        share_mission(row, both, actor=world.actor, reason=WHY)


def test_stranger_and_wrong_role__share_nothing(world: World, partner: User) -> None:
    row = world.started()
    elsewhere = make.person(make.workspace(), "product_partner")
    with pytest.raises(Invalid):
        share_mission(row, elsewhere, actor=world.actor, reason=WHY)
    for actor in (world.kc, make.actor(partner), make.actor(elsewhere)):
        with pytest.raises(NotAllowed):
            share_mission(row, partner, actor=actor, reason=WHY)
    share = share_mission(row, partner, actor=world.actor, reason=WHY)
    with pytest.raises(NotAllowed):
        end_share(share, actor=world.kc, reason="No.")
    assert make.client(elsewhere).get(desk(row)).status_code == 404
    with pytest.raises(Invalid):
        share_mission(world.started(), partner, actor=world.actor, reason=" ")


def test_by_console_and_api__shown_and_ended(world: World, partner: User) -> None:
    row = world.started()
    owner = make.client(world.owner)
    page = reverse("missions:files", args=(row.uid,))
    assert "Pia Noor" in read(owner, page)
    act = reverse("missions:files_do", args=(row.uid, "share"))
    refused = owner.post(act, {"person": "", "why": WHY})
    assert refused.status_code == 400
    assert owner.post(act, {"person": str(partner.uid), "why": WHY}).status_code == 302
    share = MissionShare.objects.get()
    url = f"/api/v1/missions/{row.ref}/shares"
    assert [each["name"] for each in owner.get(url).json()["shares"]] == ["Pia Noor"]
    ended = owner.post(
        reverse("missions:files_do", args=(row.uid, "unshare")),
        {"share": str(share.uid), "why": "Done."},
    )
    assert ended.status_code == 302
    assert MissionShare.objects.get().ended_at is not None
    given = {"person": str(partner.uid), "reason": WHY}
    made = owner.post(url, given, content_type="application/json")
    assert made.status_code == 200
    over = f"{url}/{made.json()['uid']}/end"
    assert owner.post(over, {"reason": "Done."}, content_type="application/json").status_code == 200
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert viewer.post(act, {"person": str(partner.uid), "why": WHY}).status_code == 403
    assert viewer.post(url, given, content_type="application/json").status_code == 403
    there = make.client(make.person(make.workspace(), "mission_owner"))
    assert there.get(url).status_code == 404


def test_database__keeps_what_was_shown(world: World, partner: User) -> None:
    share = share_mission(world.started(), partner, actor=world.actor, reason=WHY)
    rows = MissionShare.objects.filter(pk=share.pk)
    for change in (
        lambda: rows.delete(),
        lambda: rows.update(person=world.owner),
        lambda: rows.update(ended_by="user:1"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()

"""What customers read, on the review desk: a partner publishes and holds back there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access.models import User
from controlplane.audit.models import AuditEvent
from controlplane.base import twins
from controlplane.lib.errors import Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import InboxItem, Notification
from incidents import links
from incidents.models import Incident, StatusPage, SupportDoor, Update
from incidents.records import moving
from incidents.response import updates
from tests import make
from tests.kit import inhabited, settled
from tests.kit.incidents import Watchroom

HERE = "/desk/customers/"


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


@settled.once
def pia(room: Watchroom) -> User:
    return room.person("product_partner", "Pia Noor")


@settled.once
def partner(pia: User) -> Client:
    return make.client(pia)


@settled.once
def row(room: Watchroom) -> Incident:
    return room.quiet("sev2", title="Secret of the house")


@settled.once
def draft(room: Watchroom, row: Incident) -> Update:
    return drafted(room, row)


def drafted(room: Watchroom, row: Incident, text: str = "Uploads fail.", **given: Any) -> Update:
    values = {"audience": "customers", "subject": "Uploads", "text": text, **given}
    return updates.post_update(row, actor=room.by(room.primary), **values)


def url_of(draft: Update) -> str:
    return reverse("incident_desk:message", args=(draft.uid,))


def read(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, (url, answer.status_code)
    return answer.content.decode().split("<main", 1)[1].split("</main>", 1)[0]


def test_partner__reads_the_draft_and_publishes_it(
    room: Watchroom, row: Incident, draft: Update, pia: User, partner: Client
) -> None:
    page = read(partner, HERE)
    assert url_of(draft) in page
    assert 'class="count">1<' in partner.get("/desk/").content.decode()
    page = read(partner, url_of(draft))
    assert "Uploads fail." in page
    assert "/admin/" not in page
    assert row.title not in page  # what the house calls it is the house's
    done = partner.post(url_of(draft), {"do": "publish", "version": draft.version})
    assert done["Location"] == HERE
    draft.refresh_from_db()
    assert (draft.status, draft.posted_by) == ("posted", make.actor(pia).ref)
    assert AuditEvent.objects.filter(action="incident.publish").exists()
    assert 'value="publish"' not in read(partner, url_of(draft))
    assert "Told lately" in read(partner, HERE)
    again = partner.post(url_of(draft), {"do": "publish", "version": draft.version})
    assert again.status_code == 409
    second = drafted(room, row, "Still so.")
    assert "What they were told before" in read(partner, url_of(second))


def test_partner__holds_it_back_with_a_reason_its_writer_reads(
    room: Watchroom, draft: Update, partner: Client
) -> None:
    bare = partner.post(url_of(draft), {"do": "hold", "reason": " ", "version": draft.version})
    assert bare.status_code == 400
    given = {"do": "hold", "reason": "Say which uploads.", "version": draft.version}
    assert partner.post(url_of(draft), given).status_code == 302
    draft.refresh_from_db()
    assert (draft.status, draft.posted_by) == ("dropped", "")
    told = Notification.objects.get(kind="incident.update_held")
    assert InboxItem.objects.get(notification=told).user == room.primary
    assert "Say which uploads." in told.body
    assert url_of(draft) not in read(partner, HERE)


def test_page_that_is_old__nothing_goes_out(draft: Update, partner: Client) -> None:
    for seen in ("99", "x", ""):
        answer = partner.post(url_of(draft), {"do": "publish", "version": seen})
        assert (answer.status_code, "since you looked" in answer.content.decode()) == (409, True)
    assert partner.post(url_of(draft), {"do": "burn"}).status_code == 404
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_hold_back__of_the_houses_own_or_by_another__refused(
    room: Watchroom, row: Incident, draft: Update, pia: User
) -> None:
    with pytest.raises(NotAllowed):
        updates.hold_back(draft, actor=room.by(room.primary), reason="No.")
    with pytest.raises(Invalid):
        updates.hold_back(draft, actor=make.actor(pia), reason="")
    inner = updates.post_update(row, actor=room.by(room.primary), text="For us.", draft=True)
    with pytest.raises(InvalidTransition):
        updates.hold_back(inner, actor=make.actor(pia), reason="No.")


def test_strangers__find_nothing_and_publish_nothing(
    room: Watchroom, row: Incident, draft: Update, partner: Client
) -> None:
    inner = updates.post_update(row, actor=room.by(room.primary), text="For us.", draft=True)
    assert read(partner, url_of(inner), 404)
    elsewhere = make.client(make.person(make.workspace(), "product_partner"))
    success = make.client(room.person("partner_success"))
    operator = make.client(room.primary)
    for client in (elsewhere, success, operator):
        assert client.get(url_of(draft)).status_code == 404
        answer = client.post(url_of(draft), {"do": "publish", "version": draft.version})
        assert answer.status_code == 404
    assert url_of(draft) not in read(elsewhere, HERE)
    assert success.get(HERE).status_code == 403
    assert HERE not in success.get("/desk/").content.decode()
    assert Client().get(HERE)["Location"].startswith("/access/login/")
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_over__nothing_waits_any_more(
    room: Watchroom, row: Incident, draft: Update, partner: Client
) -> None:
    moving.cancel(row, actor=room.by(room.primary), reason="A false alarm.")
    assert url_of(draft) not in read(partner, HERE)
    assert 'value="publish"' not in read(partner, url_of(draft))
    given = {"do": "publish", "version": draft.version}
    assert partner.post(url_of(draft), given).status_code == 409


def test_console_addresses__lead_a_partner_here(row: Incident, draft: Update, pia: User) -> None:
    actor = make.actor(pia)
    assert twins.of(actor, links.page_of(row)) == HERE
    assert twins.of(actor, links.page_of(draft)) == url_of(draft)
    assert twins.of(actor, "/admin/incidents/statuspage/") == f"{HERE}pages/status/"
    stranger = make.actor(make.person(make.workspace(), "product_partner"))
    assert "elsewhere" in twins.of(stranger, links.page_of(draft))


@pytest.mark.parametrize(
    ("slug", "model", "more"),
    [("status", StatusPage, {"time_zone": "Europe/Berlin"}), ("support", SupportDoor, {})],
)
def test_public_pages__made_and_changed_there(
    room: Watchroom, partner: Client, slug: str, model: Any, more: dict[str, str]
) -> None:
    url = reverse("incident_desk:page", args=(slug,))
    assert "Make it" in read(partner, url)
    given = {"title": "Northwind", "intro": "How we are.", "is_open": "on", **more}
    assert partner.post(url, {**given, "title": ""}).status_code == 400
    assert partner.post(url, given)["Location"] == HERE
    page = model.objects.get(workspace=room.workspace)
    assert (page.title, page.is_open) == ("Northwind", True)
    seen = str(page.version)
    changed = {**given, "title": inhabited.HOSTILE[:80], "version": seen}
    assert partner.post(url, changed).status_code == 302
    stale = partner.post(url, {**given, "title": "Mine", "version": seen})
    assert (stale.status_code, "Mine" in stale.content.decode()) == (409, True)
    assert "<img src=x" not in read(partner, HERE)
    viewer = make.client(make.person(room.workspace, "viewer"))
    assert viewer.post(url, given).status_code == 403
    assert partner.get(f"{HERE}pages/nothing/").status_code == 404

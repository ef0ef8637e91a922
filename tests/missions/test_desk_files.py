"""Evidence beside the packet that names it: seen where it can be, handed out, and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from missions import links
from missions.models import Artifact
from tests import make
from tests.kit import evidence as kit
from tests.kit import settled
from tests.kit.missions import World, all_answered, request_of

TEXT = b"Read with the account team.\n<img src=x onerror=alert(1)>\n"


@settled.once
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def place() -> Iterator[None]:
    with kit.folder():
        yield


@pytest.fixture
def asked(world: World) -> Request:
    """A packet with a text and a picture."""
    with all_answered():
        row = world.locked()
        kit.add(row, "notes.txt", TEXT, actor=world.actor, title="Notes")
        kit.add(row, "canary.png", kit.PNG, actor=world.actor, title="The canary")
        return request_of(world.asked(row))


def read(browser: Client, request: Request) -> str:
    answer = browser.get(reverse("desk:packet", args=(request.uid,)))
    assert answer.status_code == 200
    return answer.content.decode().split("<main", 1)[1]


def saved(answer: Any) -> bytes:
    """The bytes; with the last one the file is let go."""
    return b"".join(answer.streaming_content)


def test_packet__shows_its_evidence__and_hands_it_out_on_the_desk(
    world: World, asked: Request
) -> None:
    pia = make.person(world.workspace, "product_partner")
    approvals.delegate(asked, pia, actor=world.gv, reason="Away.")
    partner = make.client(pia)
    with all_answered():
        page = read(partner, asked)
    shown = page.split('id="apr-evidence"', 1)[1].split("</section>", 1)[0]
    assert "Read with the account team." in shown
    assert "<img src=x" not in shown
    picture = re.findall(r'<img src="([^"]+)"', shown)
    assert len(picture) == 1
    seen = partner.get(picture[0])
    assert seen["Content-Type"] == "image/png"
    assert saved(seen) == kit.PNG
    for row in Artifact.objects.order_by("pk"):
        assert row.sha256 in shown
        file = partner.get(reverse("mission_desk:file", args=(row.mission.uid, row.uid)))
        assert saved(file) in {TEXT, kit.PNG}
        assert file["Content-Disposition"].startswith("attachment")
        led: Any = partner.get(links.artifact_page(row), follow=True)
        assert saved(led)
        assert led.redirect_chain[-1][0] == reverse(
            "mission_desk:file", args=(row.mission.uid, row.uid)
        )


def test_file_that_is_another_by_now__named_and_not_shown(world: World, asked: Request) -> None:
    browser = make.client(make.person(world.workspace, "viewer"))
    signed = asked.packet["evidence"]
    assert [each["sha256"] for each in signed if each["title"] == "Notes"]
    Artifact.objects.filter(path__endswith="notes.txt").update(status="failed", failure="Rot.")
    with all_answered():
        page = read(browser, asked)
    assert "Read with the account team." not in page
    assert "Notes" in page


def test_stranger__gets_no_file(asked: Request) -> None:
    there = make.client(make.person(make.workspace(), "mission_owner"))
    row = Artifact.objects.earliest("pk")
    for name in ("file", "picture"):
        url = reverse(f"mission_desk:{name}", args=(row.mission.uid, row.uid))
        assert there.get(url).status_code == 404
        assert Client().get(url).status_code == 302
        assert there.post(url).status_code == 405

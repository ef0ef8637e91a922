"""The review desk: who gets in, what waits, who signs for whom."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access import services as access
from controlplane.approvals import services
from controlplane.approvals.links import page_of
from controlplane.approvals.models import Decision, Delegation
from controlplane.approvals.web.moments import LocalMoment
from controlplane.audit.models import AuditEvent
from tests import make
from tests.kit import approvals, inhabited, settled
from tests.kit.desk import INBOX, Scene, answer, ask, main_of, read, url_of


@settled.once
def scene() -> Scene:
    return Scene()


@pytest.fixture
def pia(scene: Scene) -> Client:
    return make.client(scene.pia)


@pytest.fixture
def rita(scene: Scene) -> Client:
    return make.client(scene.rita)


# --- Getting in -------------------------------------------------------------------------------


def test_not_signed_in__to_the_sign_in_and_back(scene: Scene) -> None:
    url = url_of(ask(scene))
    answer = Client().get(url)
    assert answer["Location"] == f"/access/login/?next={quote(url, safe='')}"


def test_signed_in_without_the_console__lands_on_the_desk(scene: Scene) -> None:
    landed = make.sign_in(scene.pia).get(reverse("access:login"), follow=True)
    assert landed.redirect_chain[-1][0] == INBOX
    assert landed.status_code == 200
    operator = make.client(scene.rita).get(reverse("access:login"), follow=True)
    assert operator.redirect_chain[-1][0] == "/admin/"


def test_links_of_the_console__lead_to_the_same_thing_on_the_desk(
    scene: Scene, pia: Client
) -> None:
    asked = ask(scene)
    for url in (
        page_of(asked),
        reverse("admin:approvals_request_change", args=(asked.uid,)),
        reverse("approvals:decide", args=(asked.uid,)),
        f"/admin/go/?q={asked.ref}",
    ):
        led = pia.get(url, follow=True)
        assert led.redirect_chain[-1][0] == url_of(asked), url
        assert led.status_code == 200
    for url in ("/admin/approvals/request/", "/admin/inbox/"):
        assert pia.get(url, follow=True).redirect_chain[-1][0] == INBOX, url
    assert "belongs to the console" in read_after(pia, "/admin/access/agent/")
    assert (
        pia.get("/access/members/", follow=True)
        .redirect_chain[-1][0]
        .startswith("/desk/elsewhere/")
    )


def read_after(browser: Client, url: str) -> str:
    return main_of(browser.get(url, follow=True).content.decode())


def test_message_links__whoever_may_enter_the_console_stays_there(
    scene: Scene, rita: Client
) -> None:
    page = rita.get(page_of(ask(scene)))
    assert page.status_code == 200
    assert f'href="{INBOX}"' in page.content.decode()
    assert 'href="/admin/"' in rita.get(INBOX).content.decode()


def test_form_of_the_console_sent_without_a_right_to_enter__refused_and_written_down(
    scene: Scene, pia: Client
) -> None:
    asked = ask(scene)
    sent = pia.post(
        reverse("approvals:decide", args=(asked.uid,)),
        {"verdict": "approved", "sha256": asked.sha256},
    )
    assert sent.status_code == 403
    assert not Decision.objects.exists()
    assert AuditEvent.objects.filter(outcome="denied", action="console.enter").exists()


def test_without_any_role__told_so(db: None) -> None:
    answer = make.client(make.person(None)).get(INBOX)
    assert answer.status_code == 403
    assert "no role in any workspace" in answer.content.decode()


def test_agents_key__opens_no_desk_and_signs_nothing(scene: Scene) -> None:
    _, secret = make.key(make.agent(scene.here))
    asked = ask(scene)
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get(INBOX, headers=headers).status_code == 302
    data = {"verdict": "approved", "sha256": asked.sha256}
    assert Client().post(url_of(asked), data, headers=headers).status_code == 302
    assert not Decision.objects.exists()


def test_stranger__of_another_workspace_finds_nothing(scene: Scene) -> None:
    asked = ask(scene)
    there = make.client(make.person(make.workspace(), "product_partner", "release_manager"))
    assert asked.ref not in read(there, INBOX)
    for page in ("packet", "delegate"):
        assert there.get(url_of(asked, page)).status_code == 404
    for kind in ("html", "pdf"):
        assert there.get(url_of(asked, "export", kind)).status_code == 404
    assert answer(there, asked, "approved").status_code == 404
    assert there.post(url_of(asked, "comment"), {"body": "Psst"}).status_code == 404
    assert not Decision.objects.exists()


def test_wrong_role__reads_and_is_told_why_not(scene: Scene) -> None:
    asked = ask(scene)
    viewer = make.client(make.person(scene.here, "viewer"))
    page = read(viewer, url_of(asked))
    assert "needs Product partner; needs Release manager" in html.unescape(page)
    assert 'name="verdict"' not in page
    assert answer(viewer, asked, "approved").status_code == 403
    assert AuditEvent.objects.filter(outcome="denied", action="approval.sign").exists()


# --- What waits -------------------------------------------------------------------------------


def test_inbox__late_and_oldest_first__with_its_clock(scene: Scene, pia: Client) -> None:
    young = ask(scene, title="Asked just now")
    old = approvals.rewind(ask(scene, title="Asked five hours ago"), timedelta(hours=5))
    page = read(pia, INBOX)
    assert page.index("Asked five hours ago") < page.index("Asked just now")
    assert "queue-late" in page
    assert "2 wait for your signature" in page
    assert "1 past its time" in page
    assert url_of(young) in page
    assert url_of(old) in page


def test_inbox__empty__says_what_comes_here(pia: Client) -> None:
    assert "Nothing waits for your signature" in read(pia, INBOX)


def test_inbox__what_i_signed__and_what_fell_since(scene: Scene, pia: Client) -> None:
    kept, fell = ask(scene, title="It stands"), ask(scene, title="It fell", packet={"n": 1})
    for one in (kept, fell):
        assert answer(pia, one, "approved").status_code == 302
    services.revise(fell, {"n": 2}, actor=make.JOB, vouched=True)
    page = read(pia, INBOX)
    assert "/admin/" not in page
    fallen = page.split("counts no more", 1)[1].split("</section>", 1)[0]
    assert "It fell" in fallen
    assert "It stands" not in fallen
    assert "It stands" in page.split("Signed this week", 1)[1]
    assert "1 waits for your signature" in page  # the new revision


def test_inbox__chosen_workspace_only(scene: Scene) -> None:
    other = make.workspace(name="Southwind")
    both = make.person(scene.here, "product_partner")
    access.grant_role(
        access.add_member(other, both, actor=make.JOB), "release_manager", actor=make.JOB
    )
    mine, theirs = ask(scene, title="Of Northwind"), approvals.ask(other, title="Of Southwind")
    browser = make.client(both)
    page = read(browser, INBOX)
    assert mine.title in page
    assert theirs.title in page
    browser.post("/access/workspace/", {"workspace": other.slug, "next": INBOX})
    page = read(browser, INBOX)
    assert mine.title not in page
    assert theirs.title in page


def test_inbox__queries_do_not_grow_with_what_waits(
    scene: Scene, pia: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        ask(scene, title=f"Number {number}")
    pia.get(INBOX)
    with django_assert_max_num_queries(25):
        assert "8 wait" in read(pia, INBOX)


# --- Signing for each other -------------------------------------------------------------------


def test_delegate__from_the_desk__the_other_signs_there(scene: Scene, pia: Client) -> None:
    asked = ask(scene)
    vera = make.person(scene.here, "viewer", name="Vera Wood")
    url = url_of(asked, "delegate")
    assert "Vera Wood" in read(pia, url)
    form = {"to": str(vera.uid), "reason": inhabited.HOSTILE[:300], "until": ""}
    assert pia.post(url, {**form, "reason": ""}).status_code == 400
    assert pia.post(url, form)["Location"] == url_of(asked)
    hers = make.client(vera)
    assert asked.title in read(hers, INBOX)
    assert answer(hers, asked, "approved").status_code == 302
    assert Decision.objects.get().delegated_from == scene.pia
    assert asked.title in read(pia, "/desk/signed/?whose=given")


def test_away__lent_until_a_day__ended_by_the_two_only(scene: Scene, pia: Client) -> None:
    vera = make.person(scene.here, "viewer", name="Vera Wood")
    form = {
        "to": str(vera.uid), "role": "product_partner", "starts": "", "reason": "Holiday",
        "until": f"{approvals.later(days=3):%Y-%m-%dT%H:%M}",
    }  # fmt: skip
    past = pia.post("/desk/away/", {**form, "until": "2001-01-01T10:00"})
    assert past.status_code == 400
    assert "Holiday" in past.content.decode()
    for _ in range(2):  # sent twice it is lent once
        assert pia.post("/desk/away/", form).status_code == 302
    lent = Delegation.objects.get()
    assert (lent.from_user, lent.to_user, lent.role) == (scene.pia, vera, "product_partner")
    assert "Vera Wood signs for you" in read(pia, "/desk/away/")
    end = reverse("desk:away_end", args=(lent.uid,))
    assert make.client(scene.rita).post(end).status_code == 404
    assert make.client(vera).post(end).status_code == 302
    lent.refresh_from_db()
    assert lent.ended_at is not None


def test_away__in_ones_own_time__which_the_page_names(scene: Scene) -> None:
    ben = make.person(scene.here, "product_partner", name="Ben Lin")
    access.change_user(ben, actor=make.actor(ben), time_zone="Europe/Berlin")
    client = make.client(ben)
    assert read(client, "/desk/away/").count("Europe/Berlin") == 3
    wall = approvals.later(days=3).astimezone(ZoneInfo("Europe/Berlin"))
    form = {"to": str(scene.rita.uid), "reason": "Away", "until": f"{wall:%Y-%m-%dT%H:%M}"}
    said = client.post("/desk/away/", form, follow=True).content.decode()
    assert said.count(f"{wall:%Y-%m-%d %H:%M} (Europe/Berlin)") == 2
    assert Delegation.objects.get().until == wall.replace(second=0, microsecond=0)
    assert client.post("/desk/away/", {**form, "until": "soon"}).status_code == 400


def test_moments__of_hours_that_are_skipped_or_come_twice() -> None:
    begins, ends = LocalMoment(), LocalMoment(last=True)
    for field in (begins, ends):
        field.within("Europe/Berlin", "")
    skipped, twice = begins.clean("2031-03-30T02:30"), ends.clean("2031-10-26T02:30")
    assert (skipped.isoformat(), twice.isoformat()) == (
        "2031-03-30T01:00:00+00:00", "2031-10-26T01:30:00+00:00",
    )  # fmt: skip
    assert begins.clean("2031-10-26T02:30").isoformat() == "2031-10-26T00:30:00+00:00"


def test_you__roles_factor_and_ways_out(scene: Scene, pia: Client) -> None:
    page = read(pia, "/desk/you/")
    for said in ("Pia Noor", "Product partner", "Northwind", "Sign out", "Second factor"):
        assert said in page, said
    for url in set(re.findall(r'href="(/[^"]+)"', page)):
        assert pia.get(html.unescape(url), follow=True).status_code == 200, url

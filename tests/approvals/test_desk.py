"""The review desk: who gets in, what waits, what is read, how it is answered."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from controlplane.access import services as access
from controlplane.access.models import UserSession
from controlplane.approvals import services
from controlplane.approvals.links import page_of
from controlplane.approvals.models import Decision, Delegation, Request, RequestComment
from controlplane.approvals.web.moments import LocalMoment
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.work import services as work
from tests import make
from tests.kit import approvals, inhabited, settled
from tests.kit import work as items

TYPED = 'I looked at "all" of it: <b>fine</b> & done.'
INBOX = "/desk/"


class Scene:
    """A partner who only signs, an operator who signs too, and the policy that asks the partner."""

    def __init__(self) -> None:
        self.here = make.workspace(name="Northwind")
        self.pia = make.person(self.here, "product_partner", name="Pia Noor")
        self.rita = make.person(self.here, "release_manager", name="Rita Lund")
        self.policy = approvals.policy(
            self.here,
            approvals.slot("partner", "product_partner"),
            approvals.slot("release", "release_manager"),
            slug="partner",
        )


@settled.once
def scene() -> Scene:
    return Scene()


@pytest.fixture
def pia(scene: Scene) -> Client:
    return make.client(scene.pia)


@pytest.fixture
def rita(scene: Scene) -> Client:
    return make.client(scene.rita)


def ask(scene: Scene, **given: Any) -> Request:
    return approvals.ask(scene.here, policy=scene.policy, **given)


def url_of(request: Request, page: str = "packet", *more: str) -> str:
    return reverse(f"desk:{page}", args=(request.uid, *more))


def read(browser: Client, url: str, status: int = 200) -> str:
    answer = browser.get(url)
    assert answer.status_code == status, (url, answer.status_code, answer.content[:2000])
    return main_of(answer.content.decode())


def main_of(page: str) -> str:
    return page.split("<main", 1)[1].split("</main>", 1)[0]


def answer(browser: Client, request: Request, verdict: str, **given: Any) -> HttpResponse:
    data = {"verdict": verdict, "sha256": request.sha256, **given}
    return browser.post(url_of(request), data)  # type: ignore[return-value]


def typed_in(page: str) -> str:
    found = re.search(r'<textarea id="apr-comment"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


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


# --- Read and answered ------------------------------------------------------------------------


def test_packet__reads_whole_and_answers_with_the_hash_that_was_shown(
    scene: Scene, pia: Client
) -> None:
    packet = {
        "what": "Write to **200** accounts.", "undo": {"label": "Delete the drafts"},
        "evidence": [{"title": "Canary", "url": "https://ci.example.org/7", "sha256": "a" * 64}],
        "anything_else": {"deep": {"er": "seen"}}, "made_by": f"user:{scene.rita.pk}",
        "of_elsewhere": f"user:{make.person(make.workspace(), 'viewer', name='Zoe Far').pk}",
    }  # fmt: skip
    asked = ask(scene, packet=packet)
    page = read(pia, url_of(asked))
    for said in ("<strong>200</strong>", "Delete the drafts", "https://ci.example.org/7", "seen",
                 "Rita Lund", asked.sha256):  # fmt: skip
        assert said in page, said
    assert "Zoe Far" not in page
    form = page.split('id="decide"', 1)[1].split("</form>", 1)[0]
    assert f'name="sha256" value="{asked.sha256}"' in form
    assert answer(pia, asked, "approved", comment="Go.")["Location"] == url_of(asked)
    signed = Decision.objects.get()
    assert (signed.person, signed.sha256, signed.as_role) == (
        scene.pia, asked.sha256, "product_partner",
    )  # fmt: skip
    event = AuditEvent.objects.filter(action="approval.sign").latest("pk")
    assert event.source == "desk"
    page = read(pia, url_of(asked))
    assert "You answered this" in page
    assert "It waits for" not in page or "Release manager" in page


def test_every_link_of_a_packet__leads_somewhere_for_who_only_signs(
    scene: Scene, pia: Client, rita: Client
) -> None:
    item = items.item(scene.here, "The work")
    first = ask(scene, packet={"n": 1, "see": f"{item.key} and APR-1"}, item=item)
    assert answer(rita, first, "approved").status_code == 302
    asked = services.revise(first, {"n": 2, "see": "APR-1"}, actor=make.JOB, vouched=True)
    page = pia.get(url_of(asked)).content.decode()
    for url in set(re.findall(r'href="(/[^"]+)"', page)):
        if url.startswith("/static/"):
            continue
        led = pia.get(html.unescape(url), follow=True)
        assert led.status_code == 200, url
        assert "console" not in str(led.redirect_chain[-1:] or ""), url


@pytest.mark.parametrize("verdict", ["rejected", "changes_requested"])
def test_refusing__wants_a_reason_and_loses_nothing(
    scene: Scene, pia: Client, verdict: str
) -> None:
    asked = ask(scene)
    again = answer(pia, asked, verdict, comment="  ")
    assert again.status_code == 400
    assert "Say why." in again.content.decode()
    assert "comment: Say why." not in again.content.decode()
    assert answer(pia, asked, verdict, comment=TYPED).status_code == 302
    assert approvals.now_of(asked).status == verdict
    page = read(pia, url_of(asked))
    assert html.escape(TYPED) in page
    assert "<b>fine" not in page


def test_sent_twice__one_decision(scene: Scene, pia: Client) -> None:
    asked = ask(scene)
    for _ in range(2):
        assert answer(pia, asked, "approved", comment="Go.")["Location"] == url_of(asked)
    assert "it counts once" in read(pia, url_of(asked))
    assert answer(pia, asked, "rejected", comment="No.").status_code == 409
    assert Decision.objects.count() == 1


def test_changed_while_it_was_read__difference_shown__typed_kept__answer_there(
    scene: Scene, pia: Client
) -> None:
    read_one = ask(scene, packet={"percent": 10})
    new = services.revise(read_one, {"percent": 25}, actor=make.JOB, vouched=True)
    stale = answer(pia, read_one, "approved", comment=TYPED)
    assert stale.status_code == 409
    page = main_of(stale.content.decode())
    assert "Nothing was signed" in page
    assert re.search(r'kit-before">10<.*kit-after">25<', page, re.DOTALL)
    assert typed_in(page) == TYPED
    assert f'action="{url_of(new)}"' in page
    assert not Decision.objects.exists()
    assert answer(pia, new, "approved", comment=typed_in(page)).status_code == 302


def test_signed_before__the_difference_since_then_stands_first(scene: Scene, pia: Client) -> None:
    signed = ask(scene, packet={"percent": 10}, subject="tests:7")
    answer(pia, signed, "approved")
    services.withdraw(approvals.now_of(signed), actor=make.JOB, vouched=True)
    anew = ask(scene, packet={"percent": 25}, subject="tests:7")
    page = read(pia, url_of(anew))
    since = page.split("Changed since you signed", 1)[1].split("</section>", 1)[0]
    assert re.search(r"10.*25", since, re.DOTALL)
    assert page.index("Changed since you signed") < page.index("What will happen")
    viewer = make.client(make.person(scene.here, "viewer"))
    assert "Changed since Pia Noor signed" in read(viewer, url_of(anew))
    assert "Changed since" not in read(pia, url_of(ask(scene, subject="tests:8")))


def test_second_factor_too_old__led_to_the_code_and_back__typed_kept(scene: Scene) -> None:
    strict = approvals.policy(
        scene.here, approvals.slot("one", "product_partner"), fresh_factor_minutes=15
    )
    asked = approvals.ask(scene.here, policy=strict)
    pia = make.client(scene.pia)
    UserSession.objects.filter(user=scene.pia).update(
        second_factor_at=clock.now() - timedelta(minutes=16)
    )
    page = html.unescape(read(pia, url_of(asked)))
    assert f"/access/confirm/?next={quote(url_of(asked), safe='')}" in page
    refused = answer(pia, asked, "approved", comment=TYPED)
    assert refused.status_code == 403
    assert typed_in(refused.content.decode()) == TYPED
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    "given",
    [
        {"verdict": "maybe"},
        {"sha256": "é\x00"},
        {"sha256": "x" * 500},
        {"comment": "\x00" * 9},
        {"slot": "'; drop table"},
    ],
)
def test_hostile_answers__nothing_signed(scene: Scene, pia: Client, given: dict[str, str]) -> None:
    asked = ask(scene)
    data = {"verdict": "rejected", "sha256": asked.sha256, "comment": "no", **given}
    assert pia.post(url_of(asked), data).status_code in {400, 409}
    assert not Decision.objects.exists()


def test_form_without_its_token__refused(scene: Scene, pia: Client) -> None:
    asked = ask(scene)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = pia.cookies
    assert answer(strict, asked, "approved").status_code == 403
    assert pia.get(f"{url_of(asked)}?verdict=approved&sha256={asked.sha256}").status_code == 200
    assert not Decision.objects.exists()


def test_comment__said_and_no_signature(scene: Scene, pia: Client) -> None:
    asked = ask(scene)
    sent = pia.post(url_of(asked, "comment"), {"body": inhabited.HOSTILE})
    assert sent["Location"] == url_of(asked)
    assert RequestComment.objects.count() == 1
    page = read(pia, url_of(asked))
    assert "<img src=x" not in page
    assert approvals.now_of(asked).is_open


def test_hostile_texts__escaped_everywhere(scene: Scene, pia: Client) -> None:
    asked = ask(scene, title=inhabited.HOSTILE[:200], packet={"what": inhabited.HOSTILE,
                inhabited.HOSTILE[:150]: [inhabited.HOSTILE]})  # fmt: skip
    answer(pia, asked, "changes_requested", comment=inhabited.HOSTILE)
    for url in (INBOX, url_of(asked), "/desk/signed/", f"/desk/signed/?q={quote('<img')}"):
        page = pia.get(url)
        assert page.status_code == 200
        assert b"<img src=x" not in page.content, url
        assert "no-store" in page["Cache-Control"], url


# --- Taken along ------------------------------------------------------------------------------


def test_files__pdf_and_html_for_who_may_read_it(scene: Scene, pia: Client) -> None:
    asked = ask(scene, packet={"what": "Ten percent.", "made_by": f"user:{scene.rita.pk}"})
    assert f"Rita Lund (user:{scene.rita.pk})" in html.unescape(
        pia.get(url_of(asked, "export", "html")).content.decode()
    )
    for kind, begin in (("pdf", b"%PDF-"), ("html", b"<!DOCTYPE html>")):
        file = pia.get(url_of(asked, "export", kind))
        assert file.content.startswith(begin)
        assert file["Content-Disposition"].startswith("attachment")
        key = make.key(make.agent(scene.here), scopes=["approval.view"])[1]
        called = Client().get(
            f"/api/v1/approvals/{asked.uid}/export?format={kind}",
            headers={"Authorization": f"Bearer {key}"},
        )
        assert called.status_code == 200, called.content
        assert called.content.startswith(begin)
    assert pia.get(url_of(asked, "export", "docx")).status_code == 404


def test_signed__stays_as_it_was__found_and_exported(scene: Scene, pia: Client) -> None:
    first = ask(scene, title="=SUM(A1) of everything", packet={"percent": 10})
    answer(pia, first, "approved", comment="Looked at it.")
    services.revise(first, {"percent": 99}, actor=make.JOB, vouched=True)
    answer(pia, ask(scene, title="Another"), "rejected", comment="No.")
    page = read(pia, "/desk/signed/")
    assert url_of(first) in page
    assert re.search(r"10", read(pia, url_of(first)))
    signed = read(pia, url_of(first)).split("You answered this")[1].split("Signatures")[0]
    assert "99" not in re.sub(r"<[^>]+>", " ", signed)  # ids in addresses hold any digits
    for query, found, missing in (
        (f"q={first.ref}", "everything", "Another"),
        ("q=looked", "everything", "Another"),
        (f"q={first.sha256[:12]}", "everything", "Another"),
        ("answer=rejected", "Another", "everything"),
        ("answer=no-such&before=x&q=", "Another", "<script"),
    ):
        page = read(pia, f"/desk/signed/?{query}")
        assert found in page, query
        assert missing not in page, query
    file = pia.get("/desk/signed.csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(file)))
    assert [row["Answer"] for row in rows] == ["rejected", "approved"]
    assert rows[1]["Title"] == "'=SUM(A1) of everything"
    assert (rows[1]["SHA-256 signed"], rows[1]["What became of it"]) == (first.sha256, "Void")
    others = make.client(make.person(scene.here, "product_partner"))
    assert "You have signed nothing yet" in read(others, "/desk/signed/")
    assert len(others.get("/desk/signed.csv").content.splitlines()) == 1


def test_signed__older_pages(scene: Scene, pia: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.approvals.desk.signed.ROWS", 2)
    asked = [ask(scene, title=f"Number {number}") for number in range(3)]
    for one in asked:
        answer(pia, one, "approved")
    page = read(pia, "/desk/signed/")
    assert "Number 0" not in page
    older = html.unescape(re.findall(r'href="(\?before=\d+)"', page)[0])
    page = read(pia, f"/desk/signed/{older}")
    assert "Number 0" in page
    assert "Number 2" not in page


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


# --- Evidence ---------------------------------------------------------------------------------


def test_file_of_the_item__only_where_something_is_asked_about_it(
    scene: Scene, pia: Client
) -> None:
    asked_about, other = items.item(scene.here, "A"), items.item(scene.here, "B")
    links = [
        work.attach(item, actor=make.JOB, filename="report.txt", content=b"words")
        for item in (asked_about, other)
    ]
    asked = ask(scene, item=asked_about)
    assert reverse("desk:file", args=(links[0].uid,)) in read(pia, url_of(asked))
    file: Any = pia.get(reverse("desk:file", args=(links[0].uid,)))
    assert b"".join(file.streaming_content) == b"words"
    assert file["Content-Disposition"].startswith("attachment")
    assert pia.get(reverse("desk:file", args=(links[1].uid,))).status_code == 404
    there = make.client(make.person(make.workspace(), "product_partner"))
    assert there.get(reverse("desk:file", args=(links[0].uid,))).status_code == 404

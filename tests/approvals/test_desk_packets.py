"""The review desk: a packet is read whole, answered, taken along; its evidence is opened."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access.models import UserSession
from controlplane.approvals import services
from controlplane.approvals.models import Decision, RequestComment
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.work import services as work
from tests import make
from tests.kit import approvals, inhabited, settled
from tests.kit import work as items
from tests.kit.desk import INBOX, Scene, answer, ask, main_of, read, url_of

TYPED = 'I looked at "all" of it: <b>fine</b> & done.'


@settled.once
def scene() -> Scene:
    return Scene()


@pytest.fixture
def pia(scene: Scene) -> Client:
    return make.client(scene.pia)


@pytest.fixture
def rita(scene: Scene) -> Client:
    return make.client(scene.rita)


def typed_in(page: str) -> str:
    found = re.search(r'<textarea id="apr-comment"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


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

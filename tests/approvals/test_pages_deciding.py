"""Signing in the console: three answers, a comment that is never lost, the hash that is signed."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from controlplane.access.models import User, UserSession, Workspace
from controlplane.approvals import owners, services
from controlplane.approvals.models import Decision, Delegation, Request
from controlplane.lib import clock
from tests import make
from tests.approvals.test_pages import main_of, page_of, read
from tests.kit import approvals, inhabited, settled

TYPED = 'I looked at "all" of it: <b>fine</b> & done.'


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def rita(here: Workspace) -> User:
    return make.person(here, "release_manager", email="rita@example.org", name="Rita Lund")


@settled.once
def browser(rita: User) -> Client:
    return make.client(rita)


def url_of(request: Request) -> str:
    return reverse("approvals:decide", args=(request.uid,))


def answer(browser: Client, request: Request, verdict: str, **given: Any) -> HttpResponse:
    data = {"verdict": verdict, "sha256": request.sha256, **given}
    return browser.post(url_of(request), data)  # type: ignore[return-value]


def typed_in(page: str) -> str:
    found = re.search(r'<textarea id="apr-comment"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def test_page__shows_what_is_signed_and_three_answers(here: Workspace, browser: Client) -> None:
    asked = approvals.ask(here)
    for url in (page_of(asked), url_of(asked)):
        page = read(browser, url)
        form = page.split('id="decide"', 1)[1].split("</form>", 1)[0]
        assert f'name="sha256" value="{asked.sha256}"' in form
        assert re.findall(r'name="verdict" value="(\w+)"', form) == [
            "approved", "changes_requested", "rejected",
        ]  # fmt: skip
        assert f'title="{asked.sha256}"' in form


def test_approve__signed_with_the_hash_that_was_shown(
    here: Workspace, browser: Client, rita: User
) -> None:
    asked = approvals.ask(here)
    done = answer(browser, asked, "approved", comment="Go.")
    assert done["Location"] == page_of(asked)
    signed = Decision.objects.get(request=asked)
    assert (signed.person, signed.sha256, signed.comment) == (rita, asked.sha256, "Go.")
    assert signed.factor_age_s is not None
    assert "is approved" in read(browser, page_of(asked))
    mine = browser.get("/admin/approvals/decision/?by=me").content.decode()
    assert asked.ref in mine


@pytest.mark.parametrize("verdict", ["rejected", "changes_requested"])
def test_refusing__needs_a_comment__then_is_kept(
    here: Workspace, browser: Client, verdict: str
) -> None:
    asked = approvals.ask(here)
    again = answer(browser, asked, verdict, comment="   ")
    assert again.status_code == 400
    page = again.content.decode()
    assert "Say why." in page
    assert 'aria-invalid="true"' in page
    assert approvals.now_of(asked).is_open
    assert answer(browser, asked, verdict, comment=TYPED).status_code == 302
    assert approvals.now_of(asked).status == verdict
    shown = read(browser, page_of(asked))
    assert html.escape(TYPED) in shown
    assert "<b>fine" not in shown


def test_too_long_a_comment__refused_and_still_there(here: Workspace, browser: Client) -> None:
    asked, long = approvals.ask(here), "word " * 1_200
    again = answer(browser, asked, "approved", comment=long)
    assert again.status_code == 400
    assert typed_in(again.content.decode()) == long
    assert not Decision.objects.exists()


def test_revised_meanwhile__difference_shown__comment_kept__answer_there_at_once(
    here: Workspace, browser: Client
) -> None:
    read_one = approvals.ask(here, packet={"percent": 10})
    new = services.revise(read_one, {"percent": 25}, actor=make.JOB, vouched=True)
    stale = answer(browser, read_one, "approved", comment=TYPED)
    assert stale.status_code == 409
    page = main_of(stale.content.decode())
    assert "Nothing was signed" in page
    assert re.search(r'kit-before">10<.*kit-after">25<', page, re.DOTALL)
    assert typed_in(page) == TYPED
    assert f'name="sha256" value="{new.sha256}"' in page
    assert f'action="{url_of(new)}"' in page
    assert not Decision.objects.exists()
    assert answer(browser, new, "approved", comment=typed_in(page)).status_code == 302
    assert Decision.objects.get().comment == TYPED


@pytest.fixture
def subject() -> Any:
    """Something that is asked about, and changes under the signer's hands."""
    stands: dict[str, Any] = {"packet": {"percent": 10}}
    owners.register("tests.subject", current_packet=lambda request: stands["packet"])
    yield stands
    del owners.OWNERS["tests.subject"]


def test_subject_moved_on__said_before_and_refused_after__comment_kept(
    here: Workspace, browser: Client, subject: dict[str, Any]
) -> None:
    asked = approvals.ask(here, owner="tests.subject", packet={"percent": 10})
    assert "has changed since" not in read(browser, page_of(asked))
    subject["packet"] = {"percent": 99}
    assert "Its subject has changed since this was asked" in read(browser, page_of(asked))
    stale = answer(browser, asked, "approved", comment=TYPED)
    assert stale.status_code == 409
    page = main_of(stale.content.decode())
    assert re.search(r'kit-before">10<.*kit-after">99<', page, re.DOTALL)
    assert html.escape(TYPED) in page
    assert not Decision.objects.exists()


def test_subject_that_fails_or_is_gone__page_stands(
    here: Workspace, browser: Client, subject: dict[str, Any]
) -> None:
    asked = approvals.ask(here, owner="tests.subject", packet={"percent": 10})
    subject["packet"] = None
    assert "What was asked about is gone." in read(browser, page_of(asked))
    del subject["packet"]
    assert "can&#x27;t be read just now" in read(browser, page_of(asked)).replace(
        "can't", "can&#x27;t"
    )


def test_signed_twice__the_same_form_counts_once__another_answer_is_refused(
    here: Workspace, browser: Client
) -> None:
    chosen = approvals.policy(here, approvals.slot("two", "release_manager", count=2))
    asked = approvals.ask(here, policy=chosen)
    assert answer(browser, asked, "approved", comment="Go.").status_code == 302
    assert "you have signed already" in read(browser, page_of(asked))
    assert answer(browser, asked, "approved", comment="Go.").status_code == 302
    assert "it counts once" in read(browser, page_of(asked))
    assert answer(browser, asked, "approved", comment="Or so.").status_code == 409
    assert answer(browser, asked, "rejected", comment="No.").status_code == 409
    assert Decision.objects.count() == 1


def test_several_slots__one_chooses(here: Workspace) -> None:
    chosen = approvals.policy(
        here, approvals.slot("one", "release_manager"), approvals.slot("two", "engineering_lead")
    )
    asked = approvals.ask(here, policy=chosen)
    both = make.client(make.person(here, "release_manager", "engineering_lead"))
    assert '<select id="apr-slot" name="slot">' in read(both, page_of(asked))
    assert answer(both, asked, "approved", slot="two").status_code == 302
    assert Decision.objects.get().slot.slug == "two"
    assert answer(both, asked, "approved", slot="no-such").status_code in {400, 403}


@pytest.mark.parametrize(
    "given",
    [
        {"verdict": "maybe"},
        {"verdict": ""},
        {"sha256": ""},
        {"sha256": "x" * 500},
        {"sha256": "é\x00"},
        {"comment": "\x00" * 9},
        {"slot": "'; drop table"},
    ],
)
def test_hostile_answers__nothing_signed(
    here: Workspace, browser: Client, given: dict[str, str]
) -> None:
    asked = approvals.ask(here)
    data = {"verdict": "rejected", "sha256": asked.sha256, "comment": "no", **given}
    assert browser.post(url_of(asked), data).status_code in {400, 409}
    assert not Decision.objects.exists()


def test_look_alone__signs_nothing(here: Workspace, browser: Client) -> None:
    asked = approvals.ask(here)
    query = f"?verdict=approved&sha256={asked.sha256}"
    assert browser.get(f"{url_of(asked)}{query}").status_code == 200
    assert not Decision.objects.exists()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    assert answer(strict, asked, "approved").status_code == 403


# --- Delegation -------------------------------------------------------------------------------


def test_delegate__somebody_else_signs_for_me(here: Workspace, browser: Client, rita: User) -> None:
    asked = approvals.ask(here)
    vera = make.person(here, "viewer", name="Vera Wood")
    url = reverse("approvals:delegate", args=(asked.uid,))
    assert "Vera Wood" in read(browser, url)
    form = {"to": str(vera.uid), "reason": inhabited.HOSTILE, "until": ""}
    assert browser.post(url, {**form, "reason": ""}).status_code == 400
    assert not Delegation.objects.exists()
    assert browser.post(url, form).status_code == 302
    hers = make.client(vera)
    page = read(hers, page_of(asked))
    assert "for Rita Lund" in page
    assert "<img src=x" not in page
    assert answer(hers, asked, "approved").status_code == 302
    signed = Decision.objects.get()
    assert (signed.person, signed.delegated_from) == (vera, rita)


def test_delegate__who_may_not_sign__is_told_why(here: Workspace) -> None:
    asked = approvals.ask(here)
    browser = make.client(make.person(here, "viewer"))
    url = reverse("approvals:delegate", args=(asked.uid,))
    assert "There is nothing of yours to delegate: needs Release manager" in read(browser, url)
    other = make.person(here, "viewer")
    assert browser.post(url, {"to": str(other.uid), "reason": "away"}).status_code == 403
    assert not Delegation.objects.exists()


def test_delegate__to_somebody_of_elsewhere_or_in_the_past__refused_at_the_field(
    here: Workspace, browser: Client
) -> None:
    asked = approvals.ask(here)
    there = make.person(make.workspace(), "viewer")
    vera = make.person(here, "viewer")
    url = reverse("approvals:delegate", args=(asked.uid,))
    assert browser.post(url, {"to": str(there.uid), "reason": "x"}).status_code == 400
    past = {"to": str(vera.uid), "reason": "my reason", "until": "2001-01-01T10:00"}
    again = browser.post(url, past)
    assert again.status_code == 400
    assert "id_until_error" in again.content.decode()
    assert "my reason" in again.content.decode()
    assert not Delegation.objects.exists()


def test_away__everything_until_a_day__ended_by_the_two_only(
    here: Workspace, browser: Client, rita: User
) -> None:
    vera = make.person(here, "viewer", name="Vera Wood")
    form = {
        "to_user": str(vera.pk), "role": "release_manager", "starts": "", "reason": "Holiday",
        "until": f"{approvals.later(days=3):%Y-%m-%dT%H:%M}", "_save": "1",
    }  # fmt: skip
    assert browser.post("/admin/approvals/delegation/add/", form).status_code == 302
    lent = Delegation.objects.get()
    assert (lent.from_user, lent.to_user, lent.role) == (rita, vera, "release_manager")
    assert "Rita Lund → Vera Wood" in read(browser, "/admin/approvals/delegation/?whose=mine")
    end = reverse("admin:approvals_delegation_button", args=(lent.uid, "end"))
    stranger = make.client(make.person(here, "viewer"))
    assert stranger.post(end, {"reason": "Spite"}).status_code == 403
    assert make.client(vera).post(end, {"reason": "Back already"}).status_code == 302
    lent.refresh_from_db()
    assert lent.ended_at is not None


def test_second_factor_too_old__said_before_and_refused_after__comment_kept(
    here: Workspace, rita: User, browser: Client
) -> None:
    strict = approvals.policy(
        here, approvals.slot("release", "release_manager"), fresh_factor_minutes=15
    )
    asked = approvals.ask(here, policy=strict)
    assert "Confirm with a code" not in read(browser, url_of(asked))
    UserSession.objects.filter(user=rita).update(
        second_factor_at=clock.now() - timedelta(minutes=16)
    )
    page = read(browser, url_of(asked))
    assert f"/access/confirm/?next={quote(url_of(asked), safe='')}" in html.unescape(page)
    refused = answer(browser, asked, "approved", comment=TYPED)
    assert refused.status_code == 403
    assert typed_in(refused.content.decode()) == TYPED
    assert not Decision.objects.exists()

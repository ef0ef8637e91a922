"""The queue and the packet's page: who sees what, what refuses them, what the page costs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.approvals import services
from controlplane.approvals.models import Decision, Request
from tests import make
from tests.console.test_colours_and_sizes import sheets, undressed, weight
from tests.console.test_own_pages import asked_of
from tests.kit import approvals, inhabited, settled, work

QUEUE = "/admin/approvals/request/"


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def rita(here: Workspace) -> User:
    return make.person(here, "release_manager", email="rita@example.org", name="Rita Lund")


@settled.once
def browser(rita: User) -> Client:
    return make.client(rita)


def page_of(request: Request) -> str:
    return reverse("admin:approvals_request_change", args=(request.uid,))


def read(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200
    return main_of(answer.content.decode())


def main_of(page: str) -> str:
    return page.split("<main", 1)[1].split("</main", 1)[0]


def listed(browser: Client, query: str) -> list[str]:
    page = browser.get(f"{QUEUE}?{query}").content.decode()
    return re.findall(r'apr-ref">(APR-\d+)<', page)


# --- The queue --------------------------------------------------------------------------------


def test_queue__opens_with_what_waits_for_me__longest_waiting_first(
    here: Workspace, browser: Client, rita: User
) -> None:
    newer = approvals.ask(here)
    older = approvals.rewind(approvals.ask(here), timedelta(hours=1))
    approvals.ask(here, actor=make.actor(rita))  # one's own packet is not one's to sign
    approvals.ask(here, policy="hotfix")  # other roles sign that
    opened = browser.get(QUEUE)
    assert opened["Location"].endswith("?queue=mine")
    assert listed(browser, "queue=mine") == [older.ref, newer.ref]


def test_queue__tabs__open_decided_asked(here: Workspace, browser: Client, rita: User) -> None:
    waits, done = approvals.ask(here), approvals.ask(here)
    approvals.sign(done, make.actor(rita))
    mine = approvals.ask(here, actor=make.actor(rita))
    assert set(listed(browser, "queue=open")) == {waits.ref, mine.ref}
    assert listed(browser, "queue=decided") == [done.ref]
    assert listed(browser, "queue=asked") == [mine.ref]
    assert listed(browser, "queue=late") == []
    assert listed(browser, f"q={waits.ref}&view=all") == [waits.ref]


@pytest.mark.parametrize(
    ("used", "pressure"),
    [(0.2, "calm"), (0.49, "calm"), (0.51, "warn"), (0.99, "warn"), (1.1, "due")],
)
def test_queue__ages_at_half_and_at_the_whole_of_the_target(
    here: Workspace, browser: Client, used: float, pressure: str
) -> None:
    asked = approvals.ask(here)
    approvals.rewind(asked, (asked.due_at - asked.requested_at) * used)
    page = read(browser, f"{QUEUE}?queue=mine")
    assert re.findall(r"kit-countdown-(calm|warn|due)", page) == [pressure]


def test_queue__first_reminder_of_the_policy__is_when_it_ages(
    here: Workspace, browser: Client
) -> None:
    chosen = approvals.policy(here, remind_at=[20, 80])
    asked = approvals.ask(here, policy=chosen)
    approvals.rewind(asked, timedelta(minutes=chosen.target_minutes * 0.3))
    assert "kit-countdown-warn" in read(browser, f"{QUEUE}?queue=mine")


def test_queue__another_workspace__not_there(here: Workspace, browser: Client) -> None:
    there = approvals.ask(make.workspace(), title="Their secret change")
    for query in ("queue=mine", "queue=open", "view=all", f"q={there.ref}&view=all"):
        assert "Their secret change" not in browser.get(f"{QUEUE}?{query}").content.decode()
    assert browser.get(page_of(there)).status_code == 404
    for name in ("decide", "delegate"):
        url = reverse(f"approvals:{name}", args=(there.uid,))
        assert browser.get(url).status_code == 404
        assert browser.post(url, {"verdict": "approved", "sha256": there.sha256}).status_code == 404
    assert browser.get(reverse("approvals:export", args=(there.uid, "html"))).status_code == 404
    there.refresh_from_db()
    assert there.is_open


def test_signed_out__led_to_the_sign_in(here: Workspace) -> None:
    asked = approvals.ask(here)
    for url in (QUEUE, page_of(asked), reverse("approvals:decide", args=(asked.uid,))):
        answer = Client().get(url)
        assert answer.status_code == 302
        assert "/login" in answer["Location"]


# --- The packet -------------------------------------------------------------------------------

PACKET: dict[str, Any] = {
    "what": "Turn **checkout** on.",
    "before": {"percent": 5},
    "after": {"percent": 10},
    "affected": {"records": 12_000, "segments": ["eu", "beta"]},
    "safeguards": [{"title": "Stops by itself", "severity": "high"}],
    "undo": {"label": "Kill the flag", "steps": ["Press kill on its page", "Tell the orders team"]},
    "evidence": [{"title": "lat.csv", "type": "text/csv", "content": "path,p95\n/pay,310\n"}],
    "ticket": "OPS-77",
}


def test_packet__says_what_happens_to_whom_and_how_it_is_undone(
    here: Workspace, browser: Client
) -> None:
    page = read(browser, page_of(approvals.ask(here, packet=PACKET)))
    for said in (
        "<strong>checkout</strong>", "What changes", "12,000", "eu, beta", "Stops by itself",
        "Kill the flag", "Tell the orders team", "lat.csv", "310", "OPS-77",
    ):  # fmt: skip
        assert said in page, said


def test_packet__nothing_signed_stays_unshown(here: Workspace, browser: Client) -> None:
    """Whatever an app puts in, under any name, at any depth."""
    odd = {"zq1": [[{"zq2": ["zq3", {"zq4": "zq5"}]}]], "what": {"zq6": "zq7"}, "undo": 3.25}
    page = read(browser, page_of(approvals.ask(here, packet=odd)))
    for said in ("zq2", "zq3", "zq4", "zq5", "zq7", "3.25"):
        assert said in page, said


def test_packet__slots__who_signed_who_may_and_why_not(here: Workspace, browser: Client) -> None:
    chosen = approvals.policy(
        here,
        approvals.slot("first", "governance_validator"),
        approvals.slot("second", "release_manager", "engineering_lead"),
        order="in_order",
    )
    asked = approvals.ask(here, policy=chosen)
    gita = approvals.person(here, "governance_validator", name="Gita Voss")
    page = read(browser, page_of(asked))
    assert "Gita Voss" in page
    assert "First comes first" in page
    assert "apr-decide" not in page
    approvals.sign(asked, gita, comment="The undo plan is whole.")
    page = read(browser, page_of(asked))
    assert "The undo plan is whole." in page
    assert "You may sign it" in page
    assert asked.sha256 in page
    assert 'value="approved"' in page


def test_packet__nobody_holds_the_role__said(here: Workspace, browser: Client) -> None:
    chosen = approvals.policy(here, approvals.slot("db", "database_lead"))
    page = read(browser, page_of(approvals.ask(here, policy=chosen)))
    assert "Nobody here may sign it." in page


@pytest.mark.parametrize(
    ("role", "why"), [("viewer", "needs Release manager"), ("legal", "needs Release manager")]
)
def test_packet__wrong_role__sees_it_and_why_not(here: Workspace, role: str, why: str) -> None:
    asked = approvals.ask(here)
    browser = make.client(make.person(here, role))
    page = read(browser, page_of(asked))
    assert why in page
    assert "apr-decide" not in page
    url = reverse("approvals:decide", args=(asked.uid,))
    answer = browser.post(url, {"verdict": "approved", "sha256": asked.sha256})
    assert answer.status_code == 403
    assert approvals.now_of(asked).is_open


def test_packet__difference_to_the_last_revision(here: Workspace, browser: Client) -> None:
    first = approvals.ask(here, packet={"percent": 10, "same": "same"})
    second = services.revise(first, {"percent": 25, "same": "same"}, actor=make.JOB, vouched=True)
    page = read(browser, page_of(second))
    assert "Changed since revision 1" in page
    assert re.search(r'kit-before">.*10.*kit-after">.*25', page, re.DOTALL)
    old = read(browser, page_of(first))
    assert f"{second.ref}, revision 2" in old
    assert "apr-decide" not in old


def test_packet__comments_are_the_items(here: Workspace, browser: Client) -> None:
    item = work.item(here, "Roll it out")
    asked = approvals.ask(here, item=item)
    assert item.key in read(browser, page_of(asked))
    url = reverse("work:comment", args=(item.uid,))
    worker = make.client(make.person(here, "primary_operator", "release_manager"))
    assert url in read(worker, page_of(asked))
    worker.post(url, {"body": "The canary looks well.", "next": page_of(asked)})
    page = read(browser, page_of(asked))
    assert page.count("The canary looks well.") == 1
    item_page = browser.get(reverse("admin:work_item_change", args=(item.uid,)))
    assert f"{asked.ref}, asked" in item_page.content.decode()


def test_packet__hostile_texts__stay_texts(here: Workspace, browser: Client) -> None:
    bad = inhabited.HOSTILE
    packet = {
        "what": bad, bad: bad, "undo": [bad], "safeguards": [{"title": bad, "severity": bad}],
        "evidence": [{"title": bad, "url": "javascript:alert(1)"}],
    }  # fmt: skip
    asked = approvals.ask(here, title=bad[:190], packet=packet)
    for url in (page_of(asked), f"{QUEUE}?queue=mine", "/admin/"):
        page = browser.get(url).content.decode()
        assert "<img src=x" not in page
        assert 'href="javascript:' not in page


# --- What it costs ----------------------------------------------------------------------------


def queries(browser: Client, url: str) -> list[str]:
    browser.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(url).status_code == 200
    return asked_of(captured)


@pytest.mark.slow
def test_queue__warm__as_many_queries_for_thirty_as_for_three(
    here: Workspace, browser: Client
) -> None:
    for _ in range(3):
        approvals.ask(here)
    # The list alone: what the frame counts is kept for some seconds, and then asked again.
    few = queries(browser, f"{QUEUE}?queue=mine&_part=list")
    for _ in range(27):
        approvals.ask(here)
    many = queries(browser, f"{QUEUE}?queue=mine&_part=list")
    assert len(many) == len(few)
    assert len(many) <= 12, "\n".join(many)


def test_packet__warm__few_queries(here: Workspace, browser: Client) -> None:
    item = work.item(here, "Roll it out")
    first = approvals.ask(here, packet=PACKET, item=item)
    asked = services.revise(first, {**PACKET, "ticket": "1"}, actor=make.JOB, vouched=True)
    made = queries(browser, f"{page_of(asked)}?_part=row")
    assert len(made) <= 20, "\n".join(made)


def test_pages__load_what_draws_them__in_eighty_five_kilobytes(
    here: Workspace, browser: Client, rita: User
) -> None:
    asked = services.revise(
        approvals.ask(here, packet=PACKET), {"what": "x"}, actor=make.JOB, vouched=True
    )
    approvals.sign(approvals.ask(here), make.actor(rita))
    signed = Decision.objects.get()
    pages = [
        page_of(asked), f"{QUEUE}?queue=mine", "/admin/approvals/decision/?view=all",
        reverse("admin:approvals_decision_change", args=(signed.uid,)),
        "/admin/approvals/delegation/add/", "/admin/approvals/policy/?view=all",
        reverse("admin:approvals_policy_change", args=(asked.policy.uid,)),
        reverse("approvals:decide", args=(asked.uid,)),
        reverse("approvals:delegate", args=(asked.uid,)),
    ]  # fmt: skip
    drawn = sheets()
    for url in pages:
        page = browser.get(url).content.decode()
        assert weight(page) <= 85 * 1024, url
        assert not undressed(page, drawn), url


# --- Around -----------------------------------------------------------------------------------


def test_home__what_waits_and_what_came_back(here: Workspace, browser: Client, rita: User) -> None:
    late = approvals.ask(here, title="Late one")
    approvals.rewind(late, timedelta(hours=5))
    mine = approvals.ask(here, actor=make.actor(rita), title="Mine sent back")
    lead = approvals.person(here, "engineering_lead")
    approvals.sign(mine, lead, "changes_requested")
    page = read(browser, "/admin/")
    assert f"{late.ref} Late one" in page
    assert f"{mine.ref} Mine sent back" in page
    stranger = make.client(make.person(here, "viewer"))
    assert "Late one" not in read(stranger, "/admin/")


@pytest.mark.parametrize(("hours", "tone"), [(0.0, "neutral"), (2.5, "warn"), (4.5, "bad")])
def test_sidebar__counts_mine__red_when_one_is_late(
    here: Workspace, browser: Client, hours: float, tone: str
) -> None:
    approvals.rewind(approvals.ask(here), timedelta(hours=hours))
    approvals.ask(here)
    shown = browser.get("/admin/").context["shell"].nav
    entries = {entry.item.slug: entry.count for _, group in shown for entry in group}
    assert (entries["approvals"].value, entries["approvals"].tone) == (2, tone)


def test_palette__ref_and_verbs_lead_to_it(here: Workspace, browser: Client, rita: User) -> None:
    asked = approvals.ask(here, title="Longer sessions")
    own = approvals.ask(here, actor=make.actor(rita), title="Shorter sessions")

    def hits(text: str) -> list[str]:
        found = browser.get("/admin/go/", {"q": text, "format": "json"}).json()["hits"]
        return [hit["url"] for hit in found]

    assert page_of(asked) in hits(asked.ref)
    assert reverse("approvals:decide", args=(asked.uid,)) in hits(f"approve {asked.ref}")
    assert reverse("approvals:delegate", args=(asked.uid,)) in hits("delegate longer")
    assert any(str(own.uid) in url for url in hits(f"withdraw {own.ref}"))
    assert not any(str(own.uid) in url for url in hits(f"approve {own.ref}"))


def test_withdraw__by_whoever_asked__with_a_reason(here: Workspace, rita: User) -> None:
    asked = approvals.ask(here, actor=make.actor(rita))
    url = reverse("admin:approvals_request_button", args=(asked.uid, "withdraw"))
    other = make.client(make.person(here, "release_manager"))
    assert other.post(url, {"reason": "Not mine."}).status_code == 403
    browser = make.client(rita)
    assert browser.post(url, {"reason": ""}).status_code == 200
    assert approvals.now_of(asked).is_open
    assert browser.post(url, {"reason": "Another way was found."}).status_code == 302
    assert approvals.now_of(asked).status == "withdrawn"
    assert "Another way was found." in read(browser, page_of(asked))


def test_closed__no_answers__and_the_next_one_is_the_next_step(
    here: Workspace, browser: Client, rita: User
) -> None:
    first, second = approvals.ask(here), approvals.ask(here)
    approvals.sign(first, make.actor(rita))
    page = read(browser, page_of(first))
    assert "apr-decide" not in page
    assert f"Next: {second.ref}" in page

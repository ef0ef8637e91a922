"""Threads in the console: the list, the conversation, what a person can do there."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.access.models import User
from missions.threads import links
from missions.threads.models import AgentPulse, Message, Thread
from tests import make
from tests.kit import settled
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\"'{{7*7}} <img src=x onerror=alert(2)>"
LIST = links.LIST


@settled.once
def talk() -> Talk:
    return Talk()


@settled.once
def person(talk: Talk) -> User:
    return make.person(talk.workspace, "operations_command", name="Ada Ops")


@settled.once
def browser(person: User) -> Client:
    return make.client(person)


@settled.once
def viewer(talk: Talk) -> Client:
    return make.client(make.person(talk.workspace, "viewer"))


def page(client: Client, row: Thread, query: str = "") -> str:
    answer = client.get(f"{links.page_of(row)}{query}")
    assert answer.status_code == 200, answer.content[:500]
    return str(answer.content.decode())


def asked() -> CaptureQueriesContext:
    return CaptureQueriesContext(connection)


def questions(caught: CaptureQueriesContext) -> int:
    """Without what only keeps a slot of the page from spoiling the others."""
    return sum("SAVEPOINT" not in each["sql"] for each in caught.captured_queries)


def press(client: Client, row: Thread, name: str, **given: Any) -> Any:
    url = reverse("admin:threads_thread_button", args=(row.uid, name))
    return client.post(url, given, follow=True)


# --- The list ------------------------------------------------------------------------------------


def test_list__says_who_is_awake_who_is_waited_for_and_what_was_said_last(
    talk: Talk, browser: Client
) -> None:
    talk.post("reviewer")
    talk.post("executioner", HOSTILE)
    talk.event("executioner", "finding_reported", metadata={"finding_id": "F-1"})
    talk.asleep(talk.reviewer)
    text = browser.get(f"{LIST}?standing=open").content.decode()
    assert talk.thread.ref in text
    assert "1 open" in text
    assert f"{talk.reviewer.name}: asleep" in text
    assert f"{talk.executioner.name}: live" in text
    assert f"{talk.coordinator.name}: never seen" in text
    assert f"{talk.reviewer.name} (3)" in text
    assert "<script>alert" not in text


def test_list__search_finds_refs_titles_and_what_was_said(talk: Talk, browser: Client) -> None:
    other = talk.begin(title="Quite another matter")
    talk.post("executioner", "the flux capacitor leaks", thread=other)
    talk.post("executioner", "nothing of note")

    def found(query: str) -> list[str]:
        answer = browser.get(LIST, {"q": query, "view": "all"})
        return [row.ref for row in answer.context["cl"].result_list]

    assert found("capacitor") == [other.ref]
    assert found("another matter") == [other.ref]
    assert found(talk.thread.ref) == [talk.thread.ref]
    assert found("' OR 1=1 --") == []


def test_list__costs_the_same_however_long_it_is(talk: Talk, browser: Client) -> None:
    for number in range(30):
        row = talk.begin(title=f"Thread {number}")
        talk.post("executioner", "Hello.", thread=row)
    browser.get(f"{LIST}?view=all")
    with asked() as queries:
        text = browser.get(f"{LIST}?view=all").content
    assert questions(queries) <= 14
    assert len(text) < 85 * 1024


# --- The page ------------------------------------------------------------------------------------


def test_page__bodies_are_text_and_numbers_are_anchors(talk: Talk, browser: Client) -> None:
    first = talk.post("executioner", HOSTILE)
    talk.post("reviewer", "I see.", in_reply_to=first.seq, to={"role": "executioner"})
    talk.event("reviewer", "finding_reported", "It leaks.", metadata={"finding_id": "F-1"})
    text = page(browser, talk.thread)
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert f'id="m-{first.seq}"' in text
    assert "to every executioner" in text
    assert "Finding reported" in text
    assert ">F-1</code>" in text


def test_page__long_bodies_are_folded_and_stand_whole_on_their_own_page(
    talk: Talk, browser: Client
) -> None:
    body = "\n".join(f"line {number} {HOSTILE}" for number in range(400))
    seq = talk.post("executioner", body).seq
    text = page(browser, talk.thread)
    assert "The rest" in text
    assert "line 399" not in text
    whole = browser.get(links.whole(talk.thread, seq)).content.decode()
    assert "line 399" in whole
    assert "<script>alert" not in whole


def test_page__two_hundred_messages_stay_light_and_are_paged(talk: Talk, browser: Client) -> None:
    for number in range(200):
        talk.post(talk.operator, f"message {number} " + "word " * 60)
    page(browser, talk.thread)
    with asked() as queries:
        text = page(browser, talk.thread)
    assert questions(queries) <= 20
    assert len(text.encode()) <= 85 * 1024
    assert "message 199" in text
    assert "message 100 " not in text
    older = page(browser, talk.thread, "?before=151")
    assert "message 149 " in older
    assert "message 150 " not in older
    around = page(browser, talk.thread, "?at=12")
    assert 'id="m-12"' in around


def test_part__the_conversation_is_asked_for_alone_and_answers_304(
    talk: Talk, browser: Client
) -> None:
    talk.post("executioner", "first")
    url = f"{links.page_of(talk.thread)}?_part=talk"
    first = browser.get(url)
    assert b"<html" not in first.content
    assert b"first" in first.content
    tag = first["ETag"]
    assert browser.get(url, headers={"if-none-match": tag}).status_code == 304
    talk.post("executioner", "second")
    with asked() as queries:
        again = browser.get(url, headers={"if-none-match": tag})
    assert b"second" in again.content
    assert questions(queries) <= 12


def test_page__blocked_says_which_guard_and_who_is_asked(talk: Talk, browser: Client) -> None:
    for _ in range(3):
        talk.event("reviewer", "finding_reported", metadata={"finding_id": "F-1"})
    text = page(browser, talk.thread)
    assert "Blocked by a guard: the same finding again and again." in text
    assert "Nobody is named to be asked" in text


# --- Writing --------------------------------------------------------------------------------------


def test_say__a_person_writes_to_all_to_a_role_to_agents(talk: Talk, browser: Client) -> None:
    url = links.act(talk.thread, "say")
    assert browser.post(url, {"body": "To all.", "to": "all"}).status_code == 302
    browser.post(url, {"body": "To some.", "to": "role:reviewer"})
    browser.post(url, {"body": "To one.", "to": "all", "agent": str(talk.executioner.uid)})
    told = Message.objects.filter(thread=talk.thread).exclude(user=None).order_by("seq")
    assert [(row.body, row.to, row.to_role) for row in told] == [
        ("To all.", "all", ""), ("To some.", "role", "reviewer"), ("To one.", "agents", ""),
    ]  # fmt: skip
    assert list(told)[2].to_agents == [talk.executioner.pk]


def test_say__sent_twice_is_said_once_and_what_is_refused_is_still_there(
    talk: Talk, browser: Client
) -> None:
    url = links.act(talk.thread, "say")
    for _ in range(2):
        browser.post(url, {"body": "Once.", "to": "all", "once": "form-1"})
    assert Message.objects.filter(thread=talk.thread, body="Once.").count() == 1
    answer = browser.post(url, {"body": HOSTILE, "to": "all", "reply": "99"})
    assert answer.status_code == 400
    assert "&lt;script&gt;" in answer.content.decode()


# --- Buttons --------------------------------------------------------------------------------------


def test_buttons__a_thread_goes_its_way(talk: Talk, browser: Client) -> None:
    row = talk.thread
    press(browser, row, "block", reason="Two of them disagree.")
    row.refresh_from_db()
    assert (row.status, row.status_reason) == ("blocked", "Two of them disagree.")
    press(browser, row, "unblock", reason="Settled by phone.")
    press(browser, row, "resolve", reason="Done.")
    row.refresh_from_db()
    assert row.status == "resolved"
    press(browser, row, "reopen", reason="Not quite.")
    press(browser, row, "resolve", reason="Now it is.")
    press(browser, row, "close")
    row.refresh_from_db()
    assert row.status == "closed"
    assert "The thread is closed: nothing more is written in it." in page(browser, row)
    press(browser, row, "archive")
    row.refresh_from_db()
    assert row.archived_at is not None


def test_override__is_typed_and_says_that_a_person_did_it(talk: Talk, browser: Client) -> None:
    row = talk.thread
    press(browser, row, "override", reason="Nobody needs it.", typed="something else")
    row.refresh_from_db()
    assert row.status == "active"
    press(browser, row, "override", reason="Nobody needs it.", typed=str(row))
    row.refresh_from_db()
    assert (row.status, row.status_reason) == ("closed", "human_override: Nobody needs it.")


def test_pause__of_a_thread_and_of_an_agent(talk: Talk, browser: Client) -> None:
    row = talk.thread
    talk.asleep(talk.reviewer)
    url = links.act(row, "pause", talk.reviewer.uid)
    assert browser.post(url, {"to": "pause", "reason": ""}).status_code == 400
    browser.post(url, {"to": "pause", "reason": "It is broken."})
    assert AgentPulse.objects.get(agent=talk.reviewer).wakes_paused
    press(browser, row, "pause", reason="Quiet hours.")
    talk.post("executioner")
    browser.post(url, {"to": "wake"})
    talk.post("executioner")
    assert talk.wakes(talk.reviewer) == []
    press(browser, row, "go_on")
    assert len(talk.wakes(talk.reviewer)) == 1


def test_people__are_added_and_taken_out(talk: Talk, browser: Client) -> None:
    row, url = talk.thread, links.act(talk.thread, "people")
    fresh = talk.agent("planner", name="Fresh")
    browser.post(url, {"do": "add", "agent": str(fresh.uid), "role": "second"})
    assert talk.part(fresh).role == "second"
    assert browser.post(url, {"do": "add", "agent": "no"}).status_code == 400
    browser.post(url, {"do": "remove", "agent": str(fresh.uid), "reason": "done"})
    assert talk.part(fresh).left_at is not None
    assert "Left: Fresh." in page(browser, row)


# --- The stranger ---------------------------------------------------------------------------------


def test_stranger__of_another_workspace_finds_nothing(talk: Talk) -> None:
    talk.post("executioner", "secret words")
    stranger = make.client(make.person(make.workspace(), "operations_command"))
    assert stranger.get(links.page_of(talk.thread)).status_code == 404
    assert stranger.get(links.whole(talk.thread, 1)).status_code == 404
    assert stranger.post(links.act(talk.thread, "say"), {"body": "x"}).status_code == 404
    assert stranger.get(links.act(talk.thread, "people")).status_code == 404
    url = links.act(talk.thread, "pause", talk.reviewer.uid)
    assert stranger.post(url, {"to": "pause", "reason": "x"}).status_code == 404
    assert talk.thread.ref not in stranger.get(f"{LIST}?view=all").content.decode()
    assert press(stranger, talk.thread, "block", reason="x").status_code == 404


def test_viewer__reads_and_changes_nothing(talk: Talk, viewer: Client) -> None:
    talk.post("executioner", "to be read")
    text = page(viewer, talk.thread)
    assert "to be read" in text
    assert 'id="say-body"' not in text
    assert viewer.post(links.act(talk.thread, "say"), {"body": "x"}).status_code == 403
    assert viewer.get(links.act(talk.thread, "people")).status_code == 403
    assert press(viewer, talk.thread, "block", reason="x").status_code == 403
    url = links.act(talk.thread, "pause", talk.reviewer.uid)
    assert viewer.post(url, {"to": "pause", "reason": "x"}).status_code == 403
    assert Message.objects.filter(thread=talk.thread).count() == 1


def test_partner__sees_no_threads(talk: Talk) -> None:
    partner = make.client(make.person(talk.workspace, "product_partner"))
    assert partner.get(f"{LIST}?view=all").status_code in {302, 403}
    assert partner.get(links.page_of(talk.thread)).status_code in {302, 403, 404}

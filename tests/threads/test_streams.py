"""Waiting for messages in the process that is run: held reads, events, the inbox of an agent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from django.db import connections

from tests import make
from tests.kit import events
from tests.kit.threads import Talk
from tests.kit.threads_api import THREADS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]
_T = TypeVar("_T")


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """In a loop of its own thread: what the test asks the database stays in the test's."""

    async def whole() -> _T:
        try:
            return await work
        finally:
            await events.hang_up()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, whole()).result()


async def meanwhile(work: Any, *args: Any, **given: Any) -> Any:
    """A service called while something waits."""

    def call() -> Any:
        try:
            return work(*args, **given)
        finally:
            connections.close_all()

    return await asyncio.to_thread(call)


@pytest.fixture
def talk() -> Talk:
    found = Talk()
    assert found.thread.last_seq == 0  # begun here: no loop may ask the database
    return found


@pytest.fixture
def secret(talk: Talk) -> str:
    return make.key(talk.reviewer)[1]


def messages(base: str, talk: Talk, query: str = "") -> str:
    return f"{base}{THREADS}/{talk.thread.uid}/messages{query}"


def events_of(base: str, talk: Talk, query: str = "") -> str:
    return f"{base}/stream/threads/{talk.thread.uid}{query}"


def test_wait__is_answered_when_something_is_said(stream: str, talk: Talk, secret: str) -> None:
    url = messages(stream, talk, "?since_seq=0&wait=20")

    async def play() -> tuple[Any, float]:
        answer = await events.get(url, secret)
        assert answer.status == 200
        waiting = asyncio.create_task(answer.json())
        await asyncio.sleep(0)
        began = time.monotonic()
        await meanwhile(talk.post, "executioner", "Are you there?")
        return await waiting, time.monotonic() - began

    page, seconds = run(play())
    assert [row["body"] for row in page["messages"]] == ["Are you there?"]
    assert (page["next_seq"], page["last_read_seq"]) == (1, 0)
    assert seconds < 3


def test_wait__what_is_there_is_answered_at_once(stream: str, talk: Talk, secret: str) -> None:
    talk.post("executioner", "Hello.")

    async def play() -> Any:
        return await (await events.get(messages(stream, talk, "?wait=20"), secret)).json()

    assert len(run(play())["messages"]) == 1


def test_wait__ends_with_nothing(stream: str, talk: Talk, secret: str) -> None:
    async def play() -> Any:
        return await (await events.get(messages(stream, talk, "?wait=0.3"), secret)).json()

    page = run(play())
    assert (page["messages"], page["next_seq"], page["has_more"]) == ([], 0, False)


def test_wait__strangers_are_refused_before_anything_waits(stream: str, talk: Talk) -> None:
    stranger = make.key(talk.agent("validator"))[1]
    outsider = make.key(make.agent(make.workspace(), role="reviewer"))[1]

    async def codes(url: str, *secrets: str) -> list[tuple[int, str]]:
        found = []
        for secret in secrets:
            answer = await events.get(url, secret)
            found.append((answer.status, (await answer.json())["error"]["code"]))
        return found

    expected = [(403, "FORBIDDEN"), (404, "NOT_FOUND"), (401, "UNAUTHORIZED")]
    everybody = (stranger, outsider, "")
    assert run(codes(messages(stream, talk, "?wait=20"), *everybody)) == expected
    assert run(codes(events_of(stream, talk), *everybody)) == expected
    assert run(codes(f"{stream}/stream/inbox", "")) == [(401, "UNAUTHORIZED")]


def test_without_a_broker__it_is_found_all_the_same(deaf: str, talk: Talk, secret: str) -> None:
    async def play() -> tuple[Any, Any]:
        waiting = await events.get(messages(deaf, talk, "?wait=20"), secret)
        listening = await events.get(events_of(deaf, talk), secret)
        await meanwhile(talk.post, "executioner", "Hello.")
        return await waiting.json(), await listening.take(1)

    page, told = run(play())
    assert len(page["messages"]) == 1
    assert told[0].data["body"] == "Hello."


def test_stream__tells_of_each_message_and_resumes(stream: str, talk: Talk, secret: str) -> None:
    talk.post("executioner", "One.\n\nevent: end\ndata: {}")
    talk.post("executioner", "Two.")

    async def play() -> list[Any]:
        answer = await events.get(events_of(stream, talk), secret)
        assert answer.headers["content-type"] == "text/event-stream"
        found = await answer.take(2)
        answer.close()
        await meanwhile(talk.post, "executioner", "Three.")
        again = await events.get(events_of(stream, talk), secret, Last_Event_ID=found[-1].id)
        found += await again.take(1)
        await meanwhile(talk.post, "executioner", "Four.")
        found += await again.take(1)
        return found

    found = run(play())
    assert [(each.name, each.id) for each in found] == [("message", str(n)) for n in range(1, 5)]
    assert found[0].data["body"] == "One.\n\nevent: end\ndata: {}"
    assert [each.data["body"] for each in found[1:]] == ["Two.", "Three.", "Four."]


def test_stream__a_place_that_is_no_number_is_refused(stream: str, talk: Talk, secret: str) -> None:
    async def play() -> list[int]:
        bad = await events.get(events_of(stream, talk), secret, Last_Event_ID="x")
        odd = await events.get(events_of(stream, talk, "?since_seq=-1"), secret)
        none = await events.get(f"{stream}/stream/threads/THR-999", secret)
        return [bad.status, odd.status, none.status]

    assert run(play()) == [400, 400, 404]


def test_stream__a_hundred_get_everything_in_order(stream: str, talk: Talk, secret: str) -> None:
    said = 30

    async def play() -> list[list[int]]:
        asked = (events.get(events_of(stream, talk), secret) for _ in range(100))
        answers = await asyncio.gather(*asked)
        reading = [asyncio.create_task(answer.take(said)) for answer in answers]
        for number in range(said):
            await meanwhile(talk.post, ("executioner", "coordinator")[number % 2],
                            f"{number}", kind="event", event_type="fix_pushed")  # fmt: skip
        found = await asyncio.gather(*reading)
        for answer in answers:
            answer.close()
        return [[event.data["seq"] for event in each] for each in found]

    assert run(play()) == [list(range(1, said + 1))] * 100


def test_inbox__tells_where_something_is_unread(stream: str, talk: Talk, secret: str) -> None:
    other = talk.begin(title="Another")
    talk.post("executioner", "First.")

    async def play() -> list[Any]:
        answer = await events.get(f"{stream}/stream/inbox", secret)
        told = await answer.take(1)
        await meanwhile(talk.post, "executioner", "There too.", other)
        told += await answer.take(1)
        return told

    first, second = run(play())
    assert (first.name, first.data["ref"], first.data["unread"]) == ("unread", talk.thread.ref, 1)
    assert (second.data["ref"], second.data["unread"]) == (other.ref, 1)

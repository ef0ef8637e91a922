"""Wakes over the streams of the process that is run: told once, lost by no kill."""

from __future__ import annotations

import asyncio
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from controlplane.embedded.processes import wait_until
from missions.threads import numbers
from missions.threads.models import AgentPulse, RuntimeSession, WakeAttempt
from tests import make
from tests.kit import events
from tests.kit.served import Served
from tests.kit.waking import Night
from tests.mcp.test_listening import listen
from tests.threads.test_streams import meanwhile, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


@pytest.fixture
def brief(transactional_db: None, tmp_path: Path) -> Iterator[Served]:
    """One in which streams are let go soon, and looked at often."""
    served = Served(tmp_path / "brief.log", "asgi")
    served.start(
        CONTROLPLANE_THREADS_PRESENCE_BEAT_SECONDS="0.5", ALLOWED_HOSTS="127.0.0.1",
        CONTROLPLANE_MCP_LISTEN_BEAT_SECONDS="0.5", CONTROLPLANE_STREAMS_SEND_SECONDS="2",
    )  # fmt: skip
    yield served
    served.stop()


@pytest.fixture
def night(transactional_db: None) -> Night:
    found = Night()
    assert found.talk.thread.last_seq == 0  # begun here: no loop may ask the database
    return found


async def there(session: RuntimeSession) -> None:
    """Until its stream is known to be open."""

    def known() -> bool:
        rows = RuntimeSession.objects.filter(pk=session.pk)
        return bool(rows.exclude(connected_until=None).exists())

    until = time.monotonic() + 20
    while time.monotonic() < until:
        if await meanwhile(known):
            return
        await meanwhile(AgentPulse.objects.count)
    raise AssertionError("nobody said that the stream is open")


def test_sse__wakes_once_and_is_no_sign_of_life(brief: Served, night: Night) -> None:
    session = night.session("s1", adapter="sse")
    secret = make.key(night.talk.reviewer)[1]
    url = f"{brief.url}/stream/inbox"

    async def play() -> tuple[Any, Any]:
        answer = await events.get(url, secret)
        again = await events.get(f"{url}?session_id=s1", secret)
        await there(session)
        row = await meanwhile(night.post)
        assert await meanwhile(night.turn) == ["live"]
        told = await _wake(answer, again)
        answer.close()
        again.close()
        return told, row

    wake, row = run(play())
    assert wake.data["wake_id"] == str(row.uid)
    assert wake.data["unread"] == {"from_seq": 1, "to_seq": 1}
    assert WakeAttempt.objects.filter(pushed_at__isnull=False).count() == 1
    assert not AgentPulse.objects.filter(agent=night.talk.reviewer).exists()


async def _wake(*answers: Any) -> Any:
    """The wake, on whichever of the streams it comes."""

    async def first(answer: Any) -> Any:
        async for event in answer._events:
            if event.name == "wake":
                return event
        return None

    tasks = [asyncio.create_task(first(each)) for each in answers]
    done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for each in left:
        each.cancel()
    return done.pop().result()


def test_mcp__wakes_by_news_of_the_inbox(brief: Served, night: Night) -> None:
    session = night.session("s1", adapter="mcp")
    key = make.key(night.talk.reviewer)[1]
    with listen(brief, key, 7, resourceSubscriptions=["inbox://me"]) as frames:
        frames.next()
        run(there(session))
        row = night.post()
        assert night.turn() == ["live"]
        found: dict[str, Any] = {}
        while "controlplane/wake" not in (found := frames.next()["params"])["_meta"]:
            assert found["uri"] == "inbox://me"
    assert found["uri"] == "inbox://me"
    assert found["_meta"]["controlplane/wake"]["wake_id"] == str(row.uid)
    assert found["_meta"]["io.modelcontextprotocol/subscriptionId"] == 7


def test_killed_stream_process__loses_no_wake(brief: Served, night: Night) -> None:
    session = night.session("s1", adapter="sse")
    secret = make.key(night.talk.reviewer)[1]
    url = f"{brief.url}/stream/inbox?session_id=s1"

    async def first() -> Any:
        await events.get(url, secret)
        await there(session)
        brief.kill()  # with the stream open: nobody takes its lease back
        row = await meanwhile(night.post)
        assert await meanwhile(night.turn) == ["live"]
        return row

    row = run(first())
    night.later(numbers.ACK_SECONDS.value + 1)
    assert night.turn() == ["unanswered"]
    night.later(numbers.BACKOFF_SECONDS.value + 1)
    RuntimeSession.objects.filter(pk=session.pk).update(connected_at=None, connected_until=None)
    assert night.turn() == ["live"]
    assert night.tries[-1] == ("live", "failed")  # not connected
    brief.start(CONTROLPLANE_THREADS_PRESENCE_BEAT_SECONDS="0.5", ALLOWED_HOSTS="127.0.0.1")

    async def back() -> Any:
        answer = await events.get(url, secret)
        for _ in range(400):
            if await meanwhile(night.turn):
                break
        found = await _wake(answer)
        answer.close()
        return found

    wake = run(back())
    assert wake.data["wake_id"] == str(row.uid)
    assert wake.data["try"] == 3


def test_stranger__names_no_session_of_another(brief: Served, night: Night) -> None:
    night.session("s1", adapter="sse")
    secret = make.key(night.talk.executioner)[1]

    async def play() -> tuple[int, str]:
        answer = await events.get(f"{brief.url}/stream/inbox?session_id=s1", secret)
        return answer.status, (await answer.json())["error"]["code"]

    assert run(play()) == (403, "CLAIM_MISMATCH")


def test_client_that_takes_nothing__costs_little_and_is_let_go(brief: Served, night: Night) -> None:
    """It reads on where it stopped when it comes back."""
    night.session("s1", adapter="sse")
    secret = make.key(night.talk.reviewer)[1]
    body, count = "x" * 60_000, 400
    for number in range(count):
        night.talk.post(night.talk.operator, f"{number} {body}")
    request = (
        f"GET /stream/threads/{night.talk.thread.uid} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {secret}\r\n\r\n"
    ).encode()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.connect(("127.0.0.1", brief.port))
        slow.sendall(request)
        assert wait_until(lambda: waiting(brief) == 1, 20)
        before = memory(brief)
        assert wait_until(lambda: waiting(brief) == 0, 20)
        assert memory(brief) - before < count * len(body)  # never all that waits for it
        slow.settimeout(5)
        got = 0
        with suppress(TimeoutError):
            while chunk := slow.recv(1 << 20):
                got += len(chunk)
    assert got < count * len(body) / 2


def waiting(served: Served) -> int:
    with urllib.request.urlopen(f"{served.url}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    found = re.findall(r"^controlplane_threads_waiting{[^}]*} ([0-9.]+)$", text, re.MULTILINE)
    return int(sum(map(float, found)))


def memory(served: Served) -> int:
    """Of its workers, in bytes."""
    assert served._process is not None
    tasks = Path(f"/proc/{served._process.pid}/task").glob("*/children")
    workers = [int(pid) for each in tasks for pid in each.read_text().split()]
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in workers]
    return sum(pages) * 4_096

"""Rights are looked at while somebody streams: who loses them hears that it ends, within a beat."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from controlplane.access.models import UserSession
from controlplane.access.services.keys import revoke_key
from controlplane.access.services.sessions import end_session
from controlplane.audit.models import AuditEvent
from missions.threads import services
from tests import make
from tests.kit import events
from tests.kit.threads import Talk
from tests.threads.test_streams import events_of, meanwhile, messages, run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


@pytest.fixture
def talk() -> Talk:
    found = Talk()
    found.post("executioner", "Hello.")
    return found


def test_left__the_stream_ends_and_the_denial_is_on_record(stream: str, talk: Talk) -> None:
    secret = make.key(talk.reviewer)[1]

    async def play() -> list[Any]:
        answer = await events.get(events_of(stream, talk), secret)
        found = await answer.take(1)
        await meanwhile(
            services.remove_participant, talk.thread, talk.reviewer, actor=talk.by("coordinator")
        )
        await meanwhile(talk.post, "executioner", "Not for you any more.")
        return found + [event async for event in answer._events]

    *told, last = run(play())
    assert (last.name, last.data["code"]) == ("end", "FORBIDDEN")
    assert "Not for you any more." not in [each.data["body"] for each in told]
    denied = AuditEvent.objects.filter(action="thread.read", outcome="denied")
    assert denied.filter(actor_ref=f"agent:{talk.reviewer.pk}").exists()


def test_revoked__streams_of_the_key_end_at_once(stream: str, talk: Talk) -> None:
    """Not when they look by themselves, which takes until 5 seconds and what is remembered."""
    key, secret = make.key(talk.reviewer)

    async def play() -> tuple[list[Any], list[Any], Any, float]:
        thread = await events.get(events_of(stream, talk), secret)
        inbox = await events.get(stream + "/stream/inbox", secret)
        held = await events.get(messages(stream, talk, "?since_seq=1&wait=15"), secret)
        began = time.monotonic()
        await meanwhile(revoke_key, key, actor=make.JOB, reason="lost")
        first = [event async for event in thread._events]
        second = [event async for event in inbox._events]
        page = await held.json()
        return first, second, page, time.monotonic() - began

    first, second, page, seconds = run(play())
    assert (first[-1].name, first[-1].data["code"]) == ("end", "UNAUTHORIZED")
    assert (second[-1].name, second[-1].data["code"]) == ("end", "UNAUTHORIZED")
    assert (page["messages"], page["error"]["code"]) == ([], "UNAUTHORIZED")
    assert seconds < 3


def test_revoked__without_a_broker_the_next_look_ends_it(deaf: str, talk: Talk) -> None:
    key, secret = make.key(talk.reviewer)

    async def play() -> Any:
        answer = await events.get(events_of(deaf, talk, "?since_seq=1"), secret)
        await meanwhile(revoke_key, key, actor=make.JOB)
        return [event async for event in answer._events]

    assert run(play())[-1].data["code"] == "UNAUTHORIZED"


def test_only_so_many__are_let_wait(stream: str, talk: Talk) -> None:
    """The others are told to come back: nobody is kept out by one who opens hundreds."""
    secret, other = make.key(talk.reviewer)[1], make.key(talk.executioner)[1]

    async def play() -> tuple[list[int], Any, int]:
        asked = (events.get(events_of(stream, talk), secret) for _ in range(200))
        answers = await asyncio.gather(*asked)
        refused = await events.get(events_of(stream, talk), secret)
        body = await refused.json()
        besides = await events.get(events_of(stream, talk), other)
        for answer in (*answers, besides):
            answer.close()
        return [each.status for each in answers], body, besides.status

    statuses, body, besides = run(play())
    assert statuses == [200] * 200
    assert body["error"]["code"] == "UNAVAILABLE"
    assert besides == 200


def test_pulse__who_waits_is_awake(stream: str, talk: Talk) -> None:
    """Whoever listens is not woken: the message reaches them by itself."""
    secret = make.key(talk.reviewer)[1]
    talk.asleep()

    async def play() -> Any:
        answer = await events.get(events_of(stream, talk), secret)
        await answer.take(1)
        await meanwhile(talk.post, "executioner", "Look.")
        return await answer.take(1)

    (event,) = run(play())
    assert event.data["body"] == "Look."
    assert talk.wakes(talk.coordinator)
    assert [each.to_seq for each in talk.wakes(talk.reviewer)] in ([], [1])


def test_person__streams_while_the_session_lasts(stream: str, talk: Talk) -> None:
    person = make.person(talk.workspace, "operations_command")
    cookies = make.client(person).cookies
    header = "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items())
    (session,) = UserSession.objects.filter(user=person)
    actor = make.actor(person)

    async def play() -> list[Any]:
        answer = await events.get(events_of(stream, talk), Cookie=header)
        found = await answer.take(1)
        await meanwhile(talk.post, "executioner", "More.")
        found += await answer.take(1)
        await meanwhile(end_session, session, actor=actor)
        return found + [event async for event in answer._events]

    first, second, last = run(play())
    assert [first.data["body"], second.data["body"]] == ["Hello.", "More."]
    assert (last.name, last.data["code"]) == ("end", "UNAUTHORIZED")


def test_person__of_another_workspace_streams_nothing(stream: str, talk: Talk) -> None:
    person = make.person(make.workspace(), "operations_command")
    cookies = make.client(person).cookies
    header = "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items())

    async def play() -> list[int]:
        thread = await events.get(events_of(stream, talk), Cookie=header)
        inbox = await events.get(f"{stream}/stream/inbox", Cookie=header)
        return [thread.status, inbox.status]

    assert run(play()) == [404, 403]

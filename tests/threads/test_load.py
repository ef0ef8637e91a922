"""Many who write at once, over HTTP against two workers: nothing but the defined answers, numbers
that only rise, and everything said once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import UUID

import pytest

from missions.threads.benches.crowd import Speaker
from missions.threads.benches.driving import OURS, Client, Link, drive, now
from missions.threads.benches.serving import Server, serving
from missions.threads.models import Message, Thread
from tests import make
from tests.kit.threads import Talk

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.django_db(transaction=True)]
WRITERS, THREADS, SECONDS = 24, 20, 2.0


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    with serving() as running:
        yield running


def numbers_of(thread: UUID) -> list[int]:
    rows = Message.objects.filter(thread__uid=thread).order_by("seq")
    return list(rows.values_list("seq", flat=True))


def gapless(thread: UUID) -> int:
    found = numbers_of(thread)
    assert found == list(range(1, len(found) + 1))
    assert Thread.objects.get(uid=thread).last_seq == len(found)
    return len(found)


def at_once(count: int, work: Callable[[int], None]) -> None:
    wrong: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - told below
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong, wrong[0]


def test_burst_in_one_thread__no_error_and_numbers_that_rise(server: Server) -> None:
    talk = Talk()
    agents = [talk.agent("executioner") for _ in range(WRITERS)]
    thread = talk.begin(participants=[(each, "") for each in agents]).uid
    keys = [make.key(each)[1] for each in agents]
    got: list[list[int]] = [[] for _ in agents]

    def write(number: int) -> None:
        speaker = Speaker(keys[number], keys[number], thread)
        with closing(Client(server.port, OURS, speaker)) as client:
            for _ in range(8):
                seq = now(client.post())
                assert seq is not None, client.heard.failed_posts
                got[number].append(seq)

    at_once(WRITERS, write)
    assert all(each == sorted(each) for each in got), "each sender's numbers rise"
    assert sorted(seq for each in got for seq in each) == numbers_of(thread)
    assert gapless(thread) == WRITERS * 8


def test_sustained_writes_and_reads_over_many_threads(server: Server) -> None:
    talk = Talk()
    keys = {each.pk: make.key(each)[1] for each in (talk.executioner, talk.reviewer)}
    writer, reader = keys[talk.executioner.pk], keys[talk.reviewer.pk]
    speakers = [Speaker(writer, reader, talk.begin(title=f"T {n}").uid) for n in range(THREADS)]
    heard, _ = drive(server, OURS, speakers, Client.post_and_read, SECONDS)
    assert (heard.failed_posts, heard.failed_reads) == ([], [])
    assert len(heard.visible) == len(heard.post) > THREADS
    assert sum(gapless(each.thread) for each in speakers) >= len(heard.post)


def test_burst_of_one_key__is_said_once(server: Server) -> None:
    talk = Talk()
    key = make.key(talk.executioner)[1]
    path = OURS.format(thread=talk.thread.uid)
    body = json.dumps({"body": "Once.", "idempotency_key": "k-1"}).encode()
    answers: list[tuple[int, bytes]] = []

    def send(number: int) -> None:
        with closing(Link(server.port)) as link:
            answers.append(link.ask("POST", path, key, body))

    at_once(WRITERS, send)
    assert {status for status, _ in answers} == {201}
    assert {json.loads(text)["seq"] for _, text in answers} == {1}
    assert gapless(talk.thread.uid) == 1


def test_burst_of_what_no_client_should_send__is_refused_each_time(server: Server) -> None:
    talk, other = Talk(), Talk()
    key, stranger = make.key(talk.executioner)[1], make.key(other.executioner)[1]
    path = OURS.format(thread=talk.thread.uid)
    wrong = [
        b"{", b"[]", b'{"body": 1}', b'{"body": ""}', b'{"body": "x", "kind": "song"}',
        b'{"body": "x", "to": {"role": 5}}', b'{"body": "x", "in_reply_to": -1}',
        b'{"body": "\\u0000"}', b'{"body": "\\ud800"}', b'{"body": "x", "body": "y"}',
    ]  # fmt: skip
    codes: list[tuple[int, str]] = []

    def send(number: int) -> None:
        asked = [(key, wrong[number % len(wrong)]), (stranger, b'{"body": "Let me in."}')]
        with closing(Link(server.port)) as link:
            for credentials, body in asked:
                status, text = link.ask("POST", path, credentials, body)
                codes.append((status, json.loads(text)["error"]["code"]))

    at_once(WRITERS, send)
    assert set(codes) == {(400, "INVALID_ARGUMENT"), (403, "WORKSPACE_MISMATCH")}
    assert numbers_of(talk.thread.uid) == []

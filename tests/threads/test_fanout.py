"""What was said is announced on the broker without waiting for it; a broker that is away, slow or
comes back costs nobody who posts more than a moment."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from controlplane.base.api.counters import plain_url
from missions.threads import fanout


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fanout, "_paused_until", 0.0)
    fanout._line.cache_clear()
    yield
    fanout._line.cache_clear()


@pytest.fixture
def heard(db: None) -> Iterator[Any]:
    with Redis.from_url(plain_url(settings.REDIS_URL)) as client, client.pubsub() as listener:
        listener.subscribe(fanout.channel())
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        yield listener


def _next(listener: Any) -> Any:
    return json.loads(listener.get_message(timeout=5)["data"])


def test_hints__arrive_in_order_and_whole(heard: Any) -> None:
    for number in range(50):
        fanout._publish(json.dumps({"seq": number, "text": "ä\r\n$5\r\n" * number}))
    assert [_next(heard)["seq"] for _ in range(50)] == list(range(50))


def test_hints__of_many_at_once_are_none_less(heard: Any) -> None:
    def speak(who: int) -> None:
        for number in range(20):
            fanout._publish(json.dumps([who, number]))

    speakers = [threading.Thread(target=speak, args=(who,)) for who in range(8)]
    for each in speakers:
        each.start()
    for each in speakers:
        each.join()
    assert len({tuple(_next(heard)) for _ in range(160)}) == 160


def test_broker__that_hung_up_is_left_alone_and_found_again(
    heard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fanout._publish('"one"')
    line = fanout._line(settings.REDIS_URL)
    line._open._sock.shutdown(socket.SHUT_RDWR)
    fanout._publish('"lost"')
    assert fanout._paused_until > 0
    fanout._publish('"not even tried"')
    monkeypatch.setattr(fanout, "_paused_until", 0.0)
    fanout._publish('"two"')
    assert [_next(heard), _next(heard)] == ["one", "two"]


def test_broker__that_never_answers_holds_nobody(
    settings: Any, db: None, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        for _ in range(3):
            fanout._publish("{}")
    assert fanout._paused_until > 0
    assert caplog.text.count("messages are not announced") == 1

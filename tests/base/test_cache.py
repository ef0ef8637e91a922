"""The cache helps and never matters: values come back right with, without and after Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from controlplane.base import cache

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def awake() -> Iterator[None]:
    cache.wake()
    cache._forget("tests:")
    yield
    cache.wake()


class Producer:
    def __init__(self, *values: object) -> None:
        self.values = list(values)
        self.calls = 0

    def __call__(self) -> object:
        self.calls += 1
        return self.values[min(self.calls, len(self.values)) - 1]


def test_cached__second_time__not_produced() -> None:
    produce = Producer({"tools": [1, 2]}, "other")
    assert cache.cached("tests:a", 60, produce) == {"tools": [1, 2]}
    assert cache.cached("tests:a", 60, produce) == {"tools": [1, 2]}
    assert produce.calls == 1


def test_cached__nothing__remembered_too() -> None:
    produce = Producer(None, 1)
    assert cache.cached("tests:a", 60, produce) is None
    assert cache.cached("tests:a", 60, produce) is None


def test_forget__by_prefix__after_commit_only(
    db: None, django_capture_on_commit_callbacks: Any
) -> None:
    produce = Producer(1, 2, 3)
    cache.cached("tests:a:1", 60, produce)
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        cache.forget("tests:a")
        assert cache.cached("tests:a:1", 60, produce) == 1
    assert cache.cached("tests:a:1", 60, produce) == 2


def test_forget__rolled_back_change__keeps(db: None) -> None:
    produce = Producer(1, 2)
    cache.cached("tests:a", 60, produce)
    with pytest.raises(RuntimeError), transaction.atomic():
        cache.forget("tests:a")
        raise RuntimeError
    assert cache.cached("tests:a", 60, produce) == 1


def test_forget__pattern_marks_in_the_prefix__are_plain_letters() -> None:
    produce = Producer(1, 2)
    cache.cached("tests:star", 60, produce)
    cache._forget("tests:*nothing")
    assert cache.cached("tests:star", 60, produce) == 1


def test_cached__change_during_production__stale_value_is_not_stored() -> None:
    def slow() -> str:
        cache._forget("tests:a")
        return "read before the change"

    cache.cached("tests:a", 60, slow)
    assert cache.cached("tests:a", 60, lambda: "fresh") == "fresh"


def test_cached__no_server__produces_each_time_and_asks_rarely(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    asked: list[str] = []
    client = cache._client

    def ask(url: str) -> Any:
        asked.append(url)
        return client(url)

    monkeypatch.setattr(cache, "_client", ask)
    produce = Producer(1, 2, 3)
    assert [cache.cached("tests:a", 60, produce) for _ in range(3)] == [1, 2, 3]
    assert len(asked) == 1

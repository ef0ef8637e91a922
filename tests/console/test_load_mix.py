"""What simulated users send is taken: at a small world of their own, through the application."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.test.utils import override_settings

from controlplane.console.benches.load import mix
from controlplane.console.benches.load.mix import Kind, Someone
from telemetry.models import Event
from tests.kit import loaded

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    with override_settings(REQUIRE_SECOND_FACTOR=False):
        yield loaded.small(monkeypatch)


def send(kind: Kind, who: Someone) -> HttpResponseBase:
    ask = kind.make(who)
    headers = dict(ask.headers)
    browser = Client(REMOTE_ADDR="127.0.0.1")
    name, _, value = headers.pop("Cookie", "").partition("=")
    if name:
        browser.cookies[name] = value
    return browser.generic(
        ask.method, ask.path, ask.body, headers.pop("Content-Type", ""), headers=headers
    )


def test_each_kind__is_answered_well_and_does_what_it_says(filled: dict[str, Any]) -> None:
    before = Event.objects.count()
    answers = {}
    for kind in mix.KINDS:
        number = 0 if kind.people else len(filled["sessions"])
        answers[kind.name] = send(kind, Someone(number, filled, Random(1)))
    wrong = {name: answer.status_code for name, answer in answers.items()
             if not 200 <= answer.status_code < 300}  # fmt: skip
    assert wrong == {}
    assert Event.objects.count() == before + 20


def test_stranger__gets_none_of_it(filled: dict[str, Any]) -> None:
    nobody = {**filled, "sessions": ["x"] * 2, "agents": [{**each, "key": "cp_local_x"}
              for each in filled["agents"]], "owner": "x", "flags": "x", "alerts": "x"}  # fmt: skip
    for kind in mix.KINDS:
        answer = send(kind, Someone(0 if kind.people else 2, nobody, Random(1)))
        assert answer.status_code in {302, 401, 403, 404}, kind.name

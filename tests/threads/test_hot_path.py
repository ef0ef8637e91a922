"""What each post and read costs beside its statement: little, however much the portal grows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import get_resolver
from django.urls.resolvers import RoutePattern

from controlplane.base.prepared import _read
from missions.threads.statements.post import POST
from tests.kit.threads import Talk

MOST = 60  # patterns looked at; all routes together are many hundreds


@pytest.mark.parametrize(
    "path", ["/api/v1/threads/THR-1/messages", "/api/v1/threads/THR-1/ack",
             "/api/v1/threads/inbox", "/api/v1/telemetry/events"],
)  # fmt: skip
def test_hot_routes__stand_before_the_others(path: str, monkeypatch: Any) -> None:
    looked = 0
    match = RoutePattern.match

    def counted(self: RoutePattern, given: str) -> Any:
        nonlocal looked
        looked += 1
        return match(self, given)

    monkeypatch.setattr(RoutePattern, "match", counted)
    assert get_resolver().resolve(path).route.startswith("api/v1/t")
    assert looked <= MOST


def test_a_statement__is_read_once_and_names_each_value_once() -> None:
    text, names = _read(POST)
    assert _read(POST)[0] is text, "the text that is prepared is the same object"
    assert len(set(names)) == len(names)
    assert {int(number) for number in re.findall(rb"\$(\d+)", text)} == {
        number + 1 for number in range(len(names))
    }
    assert b"%(" not in text
    assert b"%%" not in text


@pytest.mark.django_db
def test_a_percent_sign__is_what_it_was() -> None:
    talk = Talk()
    said = talk.post("executioner", "50 % of $1 and %(agent)s", metadata={"share": "100%"})
    assert said.seq == 1
    message = talk.thread.messages.get()
    assert message.body == "50 % of $1 and %(agent)s"
    assert message.metadata == {"share": "100%"}

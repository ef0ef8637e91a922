"""What each post and read costs beside its statement: little, however much the portal grows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.urls import get_resolver
from django.urls.resolvers import RoutePattern

from controlplane.lib.prepared import _read
from missions.threads import services
from missions.threads.statements.read import READ
from tests.kit.threads import Talk

MOST = 30  # patterns looked at; all routes together are many hundreds


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
    text, names = _read(READ)
    assert _read(READ)[0] is text, "the text that is prepared is the same object"
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


@pytest.mark.django_db
@pytest.mark.servers
def test_what_a_message_changes__is_written_in_place() -> None:
    """No index of these holds a column that a post, a read or its acknowledgement changes."""
    talk = Talk()
    talk.post("executioner", "First.")
    tables = ["threads_thread", "threads_agentpulse"]
    before = _written(tables)
    for number in range(4):
        talk.post("executioner", f"Message {number}")
        services.ack_read(talk.thread.uid, number + 1, actor=talk.by("executioner"))
    for table, (changed, in_place) in _written(tables).items():
        rose = changed - before[table][0], in_place - before[table][1]
        assert rose[0] == rose[1] >= 4, (table, rose)


def _written(tables: list[str]) -> dict[str, tuple[int, int]]:
    """Rows changed in this transaction, and those of them that no index was told of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
            " WHERE relname = ANY(%s)",
            [tables],
        )
        return {name: (changed, in_place) for name, changed, in_place in cursor.fetchall()}

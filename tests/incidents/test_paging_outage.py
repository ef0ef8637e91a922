"""The database is out: told by mail, to whom the last look left in a file, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from incidents.paging import outage
from incidents.paging.outage import Outage
from tests.kit.incidents import Watchroom
from tests.kit.oncall import layer, schedule

pytestmark = pytest.mark.django_db


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def room(settings: Any, tmp_path: Path) -> Watchroom:
    settings.STATE_DIR = tmp_path
    room = Watchroom()
    room.everybody()
    room.person("database_lead")
    return room


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, Any]:
    """A socket that nobody listens on."""
    return {**outage.parameters(), "host": str(tmp_path)}


def looks(one: Outage, clock: Clock, count: int) -> None:
    for _ in range(count):
        clock.at += 5
        one.look("web")


def test_connection__is_tried_for_real(nowhere: dict[str, Any], room: Watchroom) -> None:
    assert outage.answers(outage.parameters())
    assert not outage.answers(nowhere)


def test_half_of_connections_fail__those_on_call_are_told_once_and_again_when_it_is_over(
    room: Watchroom, nowhere: dict[str, Any]
) -> None:
    on_duty = room.person("primary_operator", "Ada Duty")
    layer(schedule(room.workspace), [on_duty])
    there, clock = {"to": outage.parameters()}, Clock()
    one = Outage(ask=lambda: outage.answers(there["to"]), now=clock)
    looks(one, clock, 12)
    assert not mail.outbox
    there["to"] = nowhere
    looks(one, clock, 6)
    assert not mail.outbox, "half is not more than half"
    looks(one, clock, 4)
    [told] = mail.outbox
    assert "outage" in told.subject
    assert on_duty.email in told.to
    assert any("person" in each for each in told.to)
    assert room.primary.email not in told.to, "somebody else is on duty"
    assert room.vp.email not in told.to
    begun_later = Outage(ask=lambda: outage.answers(there["to"]), now=clock)
    looks(begun_later, clock, 6)
    assert len(mail.outbox) == 1, "one process of this machine tells"
    there["to"] = outage.parameters()
    looks(one, clock, 12)
    assert len(mail.outbox) == 2
    assert "answers again" in mail.outbox[1].subject
    looks(begun_later, clock, 14)
    assert len(mail.outbox) == 2


def test_mail_server_away_too__the_call_goes_out_as_soon_as_it_is_back(
    room: Watchroom, nowhere: dict[str, Any], settings: Any
) -> None:
    clock = Clock()
    outage.Roster().keep()
    ours, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.Nothing"
    one, other = (Outage(ask=lambda: False, now=clock) for _ in range(2))
    looks(one, clock, 6)
    assert not mail.outbox
    settings.EMAIL_BACKEND = ours
    looks(one, clock, 3)
    looks(other, clock, 6)
    assert len(mail.outbox) == 1


def test_processes_that_see_different_things__do_not_call_by_turns(
    room: Watchroom, nowhere: dict[str, Any]
) -> None:
    """Too many connections: some find a place, others don't."""
    clock = Clock()
    lucky = Outage(ask=lambda: True, now=clock)
    out = Outage(ask=lambda: False, now=clock)
    for _ in range(20):
        looks(lucky, clock, 1)
        looks(out, clock, 1)
    assert [each.subject for each in mail.outbox] == ["[portal] database: outage"]
    looks(lucky, clock, 4)
    assert len(mail.outbox) == 2


def test_roster__is_known_to_a_process_that_began_while_it_was_out(
    room: Watchroom, nowhere: dict[str, Any]
) -> None:
    clock = Clock()
    looks(Outage(now=clock), clock, 1)
    late = Outage(ask=lambda: outage.answers(nowhere), now=clock)
    looks(late, clock, 4)
    [told] = mail.outbox
    assert room.primary.email in told.to
    assert oct(late.roster.path.stat().st_mode)[-3:] == "600"


def test_workspace_without_anybody_on_call__its_admins_are_told(
    settings: Any, tmp_path: Path
) -> None:
    settings.STATE_DIR = tmp_path
    empty = Watchroom()
    assert empty.admin.email in outage.Roster().keep()


def test_other_processes__try_nothing(room: Watchroom) -> None:
    asked = []

    def ask() -> bool:
        asked.append(1)
        return True

    Outage(ask=ask, now=Clock()).look("beat")
    assert not asked

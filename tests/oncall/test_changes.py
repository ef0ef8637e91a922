"""Whoever gains or loses a shift hears of it, however it came."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from controlplane.access.models import User, Workspace
from controlplane.lib.errors import NotAllowed
from controlplane.notify.models import Notification
from controlplane.oncall import services
from controlplane.oncall.models import Schedule
from controlplane.oncall.services.changes import without
from tests import make
from tests.kit import oncall


def told(kind: str = "oncall.changed") -> list[tuple[str, str]]:
    rows = Notification.objects.filter(kind=kind).order_by("id")
    return [
        (one.user.name, row.body)
        for row in rows
        for one in row.deliveries.order_by("user__name").distinct("user__name")
        if one.user
    ]


@pytest.fixture
def rota(here: Workspace, noon: time_machine.Traveller) -> tuple[Schedule, User, User, User]:
    schedule = oncall.schedule(here)
    ann, bob, eve = oncall.people(here, "Ann", "Bob", "Eve")
    oncall.layer(schedule, [ann, bob])
    Notification.objects.all().delete()
    return schedule, ann, bob, eve


def test_rotation_without_somebody__tells_who_is_left_out(
    rota: tuple[Schedule, User, User, User],
) -> None:
    schedule, _, bob, eve = rota
    oncall.layer(schedule, [eve, bob], starts_on=None, reason="Ann is on leave")
    [(name, body)] = told()
    assert name == "Ann"
    assert body.startswith("- No longer yours: Wed 2026-11-04 12:00 CET")
    assert "Ann is on leave" in body
    assert {name for name, _ in told("oncall.rota")} == {"Bob", "Eve"}


def test_rotation_that_ends__tells_who_is_below_and_who_was_above(
    rota: tuple[Schedule, User, User, User],
) -> None:
    schedule, _, _, eve = rota
    oncall.layer(schedule, [eve], 2, until=date(2026, 11, 18))
    assert {name for name, _ in told()} == {"Ann", "Bob"}, "it hides theirs"
    Notification.objects.all().delete()
    services.drop_layer(schedule, 2, actor=make.JOB)
    lines = dict(told())
    assert "No longer yours" in lines["Eve"]
    assert "Yours now: Wed 2026-11-04" in lines["Ann"]
    assert "Yours now: Mon 2026-11-09" in lines["Bob"]


def test_swap_taken_back__tells_who_has_the_shift_again(
    rota: tuple[Schedule, User, User, User],
) -> None:
    schedule, _, _, eve = rota
    at = datetime(2026, 11, 6, 8, tzinfo=UTC)
    made = services.override(schedule, eve, actor=make.JOB, starts=at, ends=at + timedelta(hours=3))
    services.end_override(made, actor=make.actor(eve))
    assert told() == [
        ("Ann", "- Yours now: Fri 2026-11-06 09:00 CET (08:00 UTC) to Fri 2026-11-06 12:00 CET "
                "(11:00 UTC)\n\nBy " + make.actor(eve).label + ". ")
    ]  # fmt: skip


def test_change_that_changes_nobodys_shifts__tells_nobody(
    rota: tuple[Schedule, User, User, User],
) -> None:
    schedule, ann, bob, _ = rota
    services.change_schedule(schedule, actor=make.JOB, about="Other words")
    oncall.layer(schedule, [ann, bob])
    assert told() == []
    stranger = make.person(make.workspace(), "ux", password=None)
    with pytest.raises(NotAllowed):
        services.drop_layer(schedule, 1, actor=make.actor(stranger))
    assert told() == []


def test_schedule_that_is_retired__tells_everybody_who_had_a_shift(
    rota: tuple[Schedule, User, User, User],
) -> None:
    services.retire_schedule(rota[0], actor=make.JOB, reason="Nobody needs it")
    lines = dict(told())
    assert set(lines) == {"Ann", "Bob"}
    assert "and " in lines["Ann"]
    assert "Nobody needs it" in lines["Ann"]


def test_what_is_in_none_of_the_others() -> None:
    def at(hour: int) -> datetime:
        return datetime(2026, 11, 4, hour, tzinfo=UTC)

    day = [(at(0), at(10)), (at(12), at(20))]
    assert without(day, []) == day
    assert without(day, day) == []
    assert without(day, [(at(2), at(3)), (at(9), at(13)), (at(20), at(21))]) == [
        (at(0), at(2)), (at(3), at(9)), (at(13), at(20)),
    ]  # fmt: skip

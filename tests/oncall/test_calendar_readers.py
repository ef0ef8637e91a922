"""Our calendars, read by somebody else's reader, against who is on duty: a year, over both changes
of the clocks."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import icalendar
import pytest
import recurring_ical_events
import time_machine
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.oncall import services
from controlplane.oncall.feeding import document
from controlplane.oncall.services.feeds import token_of
from tests import make
from tests.kit import oncall

NOON = datetime(2026, 11, 4, 11, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")


def read(raw: bytes) -> list[tuple[datetime, datetime, str]]:
    calendar = icalendar.Calendar.from_ical(raw)
    assert not [event.errors for event in calendar.walk() if event.errors]
    found = recurring_ical_events.of(calendar).between(NOON, NOON + timedelta(days=366))
    return sorted((one.start, one.end, str(one["SUMMARY"])) for one in found)


def asked(schedule: Any, at: datetime) -> str:
    [duty] = services.on_duty("primary_operator", at, workspace=schedule.workspace)
    return duty.person.name


@pytest.mark.parametrize("zone", ZONES)
def test_feed__tells_a_real_reader_who_is_on_duty(
    here: Workspace, noon: time_machine.Traveller, zone: str
) -> None:
    compare(here, zone, moments=20, shifts=10)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_feed__at_many_moments(here: Workspace, noon: time_machine.Traveller, zone: str) -> None:
    compare(here, zone, moments=150, shifts=30)


def compare(here: Workspace, zone: str, *, moments: int, shifts: int) -> None:
    """The feed of a year with the service, at random, where clocks change and where shifts do."""
    schedule = oncall.schedule(here, title="Primary", time_zone=zone)
    ann, bob, eve = oncall.people(here, "Ann", "Bob, the second", "Eve; \\ \n üß")
    oncall.layer(schedule, [ann, bob, eve], handoff_time=time(2, 30), handoff_weekday=6,
                 starts_on=date(2026, 11, 1))  # fmt: skip
    oncall.layer(schedule, [eve], 2, turn="daily", hours_from=time(22), hours_until=time(6),
                 starts_on=None, days=[5, 6])  # fmt: skip
    services.override(schedule, bob, actor=make.JOB, starts=datetime(2027, 3, 27, tzinfo=UTC),
                      ends=datetime(2027, 3, 29, tzinfo=UTC))  # fmt: skip
    feed = services.subscribe(here, actor=make.actor(ann), schedule=schedule)
    told = read(Client().get(f"/oncall/calendars/{token_of(feed)}.ics").content)
    assert len(told) > 150
    chance = random.Random(zone)
    looked = [NOON + timedelta(seconds=chance.randrange(364 * 86_400)) for _ in range(moments)]
    # The hours in which the clocks change, and the instants at which shifts do.
    for near in (datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 10, 31, tzinfo=UTC)):
        looked += [near + timedelta(minutes=20 * step) for step in range(12)]
    looked += [at for since, until, _ in told[:shifts] for at in (since, until) if at > NOON]
    for at in looked:
        here_then = [who for since, until, who in told if since <= at < until]
        assert len(here_then) == 1, (zone, at, here_then)
        name = " ".join(asked(schedule, at).split())
        assert " ".join(here_then[0].split()) == f"{name}: Primary", (zone, at)


def test_own_feed__holds_exactly_ones_own(here: Workspace, noon: time_machine.Traveller) -> None:
    schedule = oncall.schedule(here, title="Primary")
    ann, bob = oncall.people(here, "Ann", "Bob")
    oncall.layer(schedule, [ann, bob])
    feed = services.subscribe(here, actor=make.actor(bob))
    told = read(document(feed)[0])
    assert len(told) == 26
    for since, until, _ in told:
        for at in (since, until - timedelta(seconds=1)):
            assert asked(schedule, at) == "Bob"
        assert asked(schedule, until) == "Ann"


def test_feed_of_elsewhere__holds_nothing_of_this(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    oncall.layer(oncall.schedule(here), oncall.people(here, "Ann"))
    other = make.workspace()
    stranger = make.actor(make.person(other, "ux", password=None))
    assert not read(document(services.subscribe(other, actor=stranger))[0])

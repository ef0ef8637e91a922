"""When somebody of the contact book can be called: their days, their hours, their clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.notify import availability
from controlplane.notify.models import Contact

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]


def contact(**hours: object) -> Contact:
    return Contact(name="Desk", purpose="partner", email="desk@partner.example", **hours)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_no_hours__are_all_hours() -> None:
    assert availability.is_there(contact(), at("2026-11-22T03:00"))
    assert availability.words(contact()) == "At any time"
    assert availability.why_not(contact(), at("2026-11-22T03:00")) == ""


def test_office_hours__on_their_clocks() -> None:
    desk = contact(days="mon_fri", from_time=time(9), until_time=time(17),
                   time_zone="Europe/Berlin")  # fmt: skip
    for moment, opens in {
        "2026-11-23T08:00": "2026-11-23T08:00",  # Monday, 09:00 in Berlin
        "2026-11-23T07:59": "2026-11-23T08:00",
        "2026-11-23T16:00": "2026-11-24T08:00",
        "2026-11-27T16:00": "2026-11-30T08:00",  # Friday evening to Monday
        "2026-07-06T07:00": "2026-07-06T07:00",  # in summer an hour sooner
    }.items():
        assert availability.opens_at(desk, at(moment)) == at(opens), moment
    said = availability.why_not(desk, at("2026-11-28T12:00"))
    assert said == (
        "Desk is there again at 2026-11-30 08:00 UTC"
        " (Monday to Friday, 09:00 to 17:00 Europe/Berlin)."
    )


def test_hours_past_midnight__belong_to_the_day_they_began() -> None:
    night = contact(days="mon_fri", from_time=time(22), until_time=time(6))
    assert availability.is_there(night, at("2026-11-28T05:59"))  # Friday's night, on Saturday
    assert availability.opens_at(night, at("2026-11-28T06:00")) == at("2026-11-30T22:00")


@pytest.mark.parametrize("days", Contact.Days.values)
def test_days_alone__are_whole_days(days: str) -> None:
    desk = contact(days=days)
    week = [at("2026-11-23T12:00") + timedelta(days=n) for n in range(7)]
    there = [moment.weekday() for moment in week if availability.is_there(desk, moment)]
    wanted = {"all": [0, 1, 2, 3, 4, 5, 6], "mon_fri": [0, 1, 2, 3, 4],
              "mon_sat": [0, 1, 2, 3, 4, 5], "sun_thu": [0, 1, 2, 3, 6],
              "weekend": [5, 6]}  # fmt: skip
    assert there == wanted[days]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(ZONES), st.sampled_from(Contact.Days.values), st.times(), st.times(),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
)  # fmt: skip
def test_next_opening__is_never_past_and_is_an_hour_of_theirs(
    zone: str, days: str, begins: time, ends: time, moment: datetime
) -> None:
    """Through every change of the clocks: what is answered is an hour in which they are there,
    and never further away than the longest week without one."""
    if begins == ends:
        return
    desk = contact(days=days, from_time=begins, until_time=ends, time_zone=zone)
    opens = availability.opens_at(desk, moment)
    assert moment <= opens <= moment + timedelta(days=8)
    assert availability.opens_at(desk, opens) == opens
    if opens > moment:
        assert availability.opens_at(desk, opens - timedelta(microseconds=1)) == opens

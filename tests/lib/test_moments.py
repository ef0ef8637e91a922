"""Times inside of sentences, on the clock of whoever reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from controlplane.lib import moments


def test_utc__is_written_in_the_one_form_that_is_read_back() -> None:
    moment = datetime(2026, 11, 23, 17, 39, 12, tzinfo=timezone(timedelta(hours=1)))
    assert moments.utc(moment) == "2026-11-23 16:39 UTC"
    assert (
        moments.by_clock(moments.utc(moment), "Europe/Berlin") == "2026-11-23 17:39 Europe/Berlin"
    )


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("By 2026-11-23 23:30 UTC.", "By 2026-11-24 00:30 Europe/Berlin."),
        ("At 2026-07-01 10:00:05 UTC", "At 2026-07-01 12:00:05 Europe/Berlin"),
        (
            "Down from 2026-11-23 16:00 to 2026-11-23 16:05:10 UTC.",
            "Down from 2026-11-23 17:00 to 2026-11-23 17:05:10 Europe/Berlin.",
        ),
        ("2026-13-40 16:00 UTC", "2026-13-40 16:00 UTC"),
        ("Sun 6 Dec 2026, 02:00 to 04:00 UTC", "Sun 6 Dec 2026, 02:00 to 04:00 UTC"),
        ("12026-11-23 16:00 UTC", "12026-11-23 16:00 UTC"),
        ("2026-11-23 16:00 UTCX", "2026-11-23 16:00 UTCX"),
    ],
)
def test_by_clock__only_what_is_a_moment_is_changed(said: str, read: str) -> None:
    assert moments.by_clock(said, "Europe/Berlin") == read


@pytest.mark.parametrize("zone", ["", "UTC", "Mars/Olympus", "../etc/passwd"])
def test_by_clock__without_another_zone__stays_as_written(zone: str) -> None:
    said = f"By {moments.utc(datetime(2026, 1, 2, 3, 4, tzinfo=UTC))}."
    assert moments.by_clock(said, zone) == said


def test_by_clock__a_time_beyond_the_calendar__stays_as_written() -> None:
    assert moments.by_clock("9999-12-31 23:59 UTC", "Asia/Tokyo") == "9999-12-31 23:59 UTC"

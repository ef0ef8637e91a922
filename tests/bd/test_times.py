"""Moments as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.bd import times
from controlplane.bd.errors import BadOption

# A Thursday.
NOW = datetime(2026, 1, 15, 13, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("typed", "exact"),
    [
        ("", ""),
        ("+6h", "2026-01-15T18:30:00Z"),
        ("-2d", "2026-01-13T12:30:00Z"),
        ("+30min", "2026-01-15T13:00:00Z"),
        ("+2w", "2026-01-29T12:30:00Z"),
        ("+1m", "2026-02-15T12:30:00Z"),
        ("+1y", "2027-01-15T12:30:00Z"),
        ("3 days ago", "2026-01-12T12:30:00Z"),
        ("in 2 hours", "2026-01-15T14:30:00Z"),
        ("now", "2026-01-15T12:30:00Z"),
        ("today", "2026-01-14T23:00:00Z"),
        ("Tomorrow", "2026-01-15T23:00:00Z"),
        ("tomorrow at 9am", "2026-01-16T08:00:00Z"),
        ("tomorrow 12am", "2026-01-15T23:00:00Z"),
        ("friday 14:30", "2026-01-16T13:30:00Z"),
        ("next thursday", "2026-01-21T23:00:00Z"),
        ("next monday", "2026-01-18T23:00:00Z"),
        ("next week", "2026-01-21T23:00:00Z"),
        ("2026-01-15", "2026-01-14T23:00:00Z"),
        ("2026-07-01", "2026-06-30T22:00:00Z"),
        ("2026-01-15 10:00", "2026-01-15T09:00:00Z"),
        ("2026-01-15T10:00:00Z", "2026-01-15T10:00:00Z"),
        ("2026-01-15T10:00:00-08:00", "2026-01-15T18:00:00Z"),
    ],
)
def test_exact__each_form(typed: str, exact: str) -> None:
    assert times.exact(typed, flag="due", now=NOW) == exact


def test_exact__the_31st_and_a_month__is_the_last_of_february() -> None:
    assert times.exact("+1m", flag="due", now=datetime(2026, 1, 31, tzinfo=ZoneInfo("UTC"))) == (
        "2026-02-28T00:00:00Z"
    )


@pytest.mark.parametrize("typed", ["soon", "2026-02-30", "+h", "tomorrow 25:00", "13pm", "0000"])
def test_exact__anything_else_is_refused_with_examples(typed: str) -> None:
    with pytest.raises(BadOption, match=r"invalid --due format .* tomorrow"):
        times.exact(typed, flag="due", now=NOW)


@given(typed=st.text(max_size=20), shift=st.integers(-12, 12))
def test_exact__no_text_brings_it_down(typed: str, shift: int) -> None:
    now = datetime(2026, 1, 15, tzinfo=timezone(timedelta(hours=shift)))
    try:
        found = times.exact(typed, flag="due", now=now)
    except BadOption:
        return
    assert not found or datetime.fromisoformat(found).tzinfo == UTC

"""The days of events as a bar each: what is kept, what is open, what is made ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from telemetry.models import Partition
from telemetry.partitions.opening import FEW_AHEAD

DRAWN = 45
_TABLE = "to_regclass('telemetry_events_' || to_char(telemetry_partition.day, 'YYYYMMDD'))"
_ROWS = f"(SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = {_TABLE})"  # noqa: S608
_BYTES = f"pg_total_relation_size({_TABLE})"
_UNITS = ("B", "kB", "MB", "GB", "TB")


def with_sizes(rows: Any) -> Any:
    """These days with what the database says of their tables now: `rows` and `bytes` are counted
    when a day is sealed, and until then it is still growing."""
    return rows.annotate(
        rows_now=RawSQL(_ROWS, (), output_field=BigIntegerField()),  # noqa: S611
        bytes_now=RawSQL(_BYTES, (), output_field=BigIntegerField()),  # noqa: S611
    )


def events_of(day: Any) -> int | None:
    """Counted, or as the planner estimates; None where there is no table and never was a count."""
    return day.rows or getattr(day, "rows_now", None)


def bytes_of(day: Any) -> int | None:
    return getattr(day, "bytes_now", None) or day.bytes or None


def size_words(count: int | None) -> str:
    if count is None:
        return ""
    left = float(count)
    for unit in _UNITS[:-1]:
        if left < 1000:
            return f"{left:.3g} {unit}"
        left /= 1000
    return f"{left:.3g} {_UNITS[-1]}"


def panel(rows: Sequence[Any], today: date) -> Mapping[str, Any]:
    """What stands above the list. `rows` by day, with their sizes."""
    open_days = {row.day for row in rows if row.state == Partition.State.OPEN}
    ahead = 0
    while today + timedelta(days=ahead + 1) in open_days:
        ahead += 1
    kept = [row for row in rows if row.state in {Partition.State.OPEN, Partition.State.SEALED}]
    drawn = kept[-DRAWN:]
    return {
        "ahead": ahead,
        "few_ahead": FEW_AHEAD.value,
        "today_open": today in open_days,
        "oldest": kept[0].day if kept else None,
        "kept_days": len([row for row in kept if row.day <= today]),
        "bytes": sum(bytes_of(row) or 0 for row in kept),
        "events": sum(events_of(row) or 0 for row in kept),
        "bars": _bars(drawn, today),
    }


def _bars(drawn: Sequence[Any], today: date) -> Mapping[str, Any]:
    def of(wanted: str) -> list[int | None]:
        return [bytes_of(row) if _kind(row, today) == wanted else None for row in drawn]

    return {
        "kind": "bar",
        "title": "Days of events",
        "period": f"{len(drawn)} days",
        "unit": "bytes",
        "size": "small",
        "stacked": True,
        "horizontal": False,
        "categories": [f"{row.day:%d %b}" for row in drawn],
        "series": [{"name": name, "values": of(name)} for name in ("open", "ahead", "sealed")],
        "empty": "No day is made: events are refused.",
    }


def _kind(row: Any, today: date) -> str:
    if row.state == Partition.State.SEALED:
        return "sealed"
    return "ahead" if row.day > today else "open"

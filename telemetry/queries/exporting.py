"""Tables as files. A cell that a spreadsheet would take for a formula is quoted."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from telemetry.queries.kinds import Table

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(table: Table) -> str:
    """Columns by name, the unit in brackets."""
    names = [each.name + (f" [{each.unit}]" if each.unit else "") for each in table.columns]
    return csv_of(names, table.rows)


def csv_of(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in names])  # groups are columns too
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def as_data(table: Table) -> dict[str, Any]:
    """For JSON: rows as lists, in the order of the columns."""
    return {
        "columns": [
            {"name": each.name, "label": each.label, "unit": each.unit} for each in table.columns
        ],
        "rows": [list(row) for row in table.rows],
        "note": table.note,
        "start": table.start,
        "end": table.end,
    }


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value

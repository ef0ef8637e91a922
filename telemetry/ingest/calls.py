"""What a batch tells of tool calls, for the breakers of the toolkits."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

import msgspec

from controlplane.catalog.services import reports
from controlplane.catalog.services.reports import Call
from telemetry.ingest.shaping import Row
from telemetry.rollups.statements import CALL, CALL_ERROR

_CALLS = frozenset({CALL, CALL_ERROR})
_OK = frozenset({"success", "info"})


def tell(rows: Iterable[Row]) -> None:
    """In the transaction that stores them: each is told once, or none is."""
    found = _telling(rows)
    calls = [call for row in found if (call := _call(row)) is not None]
    if calls and found[0].workspace_id:
        reports.keep(found[0].workspace_id, calls)


def _telling(rows: Iterable[Row]) -> list[Row]:
    """Of each toolkit the last call that worked and those that did not, as they came. Nearly all
    calls work, and of those before the last nobody wants to know: they cost next to nothing."""
    worked: dict[str, tuple[int, Row]] = {}
    others: list[tuple[int, Row]] = []
    for place, row in enumerate(rows):
        if row.event_type not in _CALLS or not row.toolkit or not row.workspace_id:
            continue
        if row.status not in _OK or row.event_type == CALL_ERROR:
            others.append((place, row))
        elif (last := worked.get(row.toolkit)) is None or row.occurred_at >= last[1].occurred_at:
            worked[row.toolkit] = (place, row)
    return [row for _, row in sorted([*worked.values(), *others], key=itemgetter(0))]


def _call(row: Row) -> Call | None:
    """A warning is neither a call that worked nor one that failed; nor is an error event that
    tells of no error."""
    is_error_event = row.event_type == CALL_ERROR
    ok = row.status in _OK and not is_error_event
    if not ok and row.status != "error":
        return None
    return Call(
        toolkit=row.toolkit,
        at=row.occurred_at,
        ok=ok,
        is_error_event=is_error_event,
        twin=None if ok else _twin(row),
        error="" if ok else " ".join(filter(None, (row.operation, row.code))),
        weight=row.weight,
    )


def _twin(row: Row) -> tuple[str, str] | None:
    """As rollups know it: the same correlation id and action."""
    if not row.correlation_id:
        return None
    context = msgspec.json.decode(row.context[1:])  # without the mark of the server's form
    return row.correlation_id, str(context.get("action") or row.operation)

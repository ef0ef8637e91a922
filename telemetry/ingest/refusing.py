"""What was refused and why, counted: a sender that never reads its receipts is seen by operators
all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db import connection, transaction

from telemetry.ingest.cleaning import clean_word
from telemetry.ingest.receipts import Problem
from telemetry.ingest.shaping import Sender

_ADD = """
    INSERT INTO telemetry_refusal
        (workspace_id, hour, source, code, event_name, total, reason, last_at)
    SELECT %s, date_trunc('hour', %s::timestamptz), %s, code, name, n, reason, %s
    FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[]) AS new (code, name, n, reason)
    ON CONFLICT (workspace_id, hour, source, code, event_name) DO UPDATE
    SET total = telemetry_refusal.total + EXCLUDED.total,
        reason = EXCLUDED.reason,
        last_at = greatest(telemetry_refusal.last_at, EXCLUDED.last_at)
"""
MOST = 50  # kinds of one batch; what is past them is counted without its name


def note(sender: Sender, problems: Sequence[Problem]) -> None:
    """Count them by source, code and name."""
    if not problems:
        return
    totals: Counter[tuple[str, str]] = Counter()
    reasons: dict[tuple[str, str], str] = {}
    for problem in problems:
        key = (problem.code, _kept(problem.name, 80))
        if key not in totals and len(totals) >= MOST:
            key = (problem.code, "")
        totals[key] += 1
        reasons[key] = _kept(problem.reason, 200)
    keys = sorted(totals)  # one order for all, so that two batches never wait for each other
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _ADD,
            [
                sender.workspace_id,
                sender.now,
                sender.source[:80],
                sender.now,
                [code for code, _ in keys],
                [name for _, name in keys],
                [totals[key] for key in keys],
                [reasons[key] for key in keys],
            ],
        )


def _kept(text: str, width: int) -> str:
    """As wide as its column, though redaction made it longer, and without what no column takes:
    names are cut from events that could not be read."""
    return clean_word(text).replace("\x00", "\ufffd")[:width]

"""What else happened under the same correlation id: lanes over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from controlplane.lib.actors import Actor
from telemetry.models import Event
from telemetry.shown.words import event_words

MOST = 50
AROUND = timedelta(days=1)
_TONES = {"info": "active", "success": "good", "warning": "warn", "error": "bad"}
_MOMENT = timedelta(milliseconds=1)


def of(event: Event, actor: Actor) -> list[Event]:
    """The events of its correlation, itself among them, oldest first: within a day of it, which
    is what keeps the question to three partitions."""
    if not event.correlation_id:
        return [event]
    rows: Any = Event.objects.visible_to(actor)
    rows = rows.of(event.workspace_id).filter(correlation_id=event.correlation_id)
    rows = rows.between(event.occurred_at - AROUND, event.occurred_at + AROUND)
    rows = rows.defer("context", "message", "redactions")
    found = list(rows.order_by("occurred_at", "id")[: MOST + 1])
    if event.pk not in {row.pk for row in found}:
        found = [*found[:MOST], event]
    return found


def chart(event: Event, found: Sequence[Event]) -> Mapping[str, Any] | None:
    """One lane an event, as long as it took; None where it is alone."""
    shown = list(found[:MOST])
    if len(shown) < 2:
        return None
    spans = [_during(row) for row in shown]
    start, end = min(a for a, _ in spans), max(b for _, b in spans)
    least = max((end - start) / 300, _MOMENT)
    lanes = [
        {
            "name": _name(row, event),
            "href": event_url(row),
            "spans": [
                {
                    "start": begun,
                    "end": max(ended, begun + least),
                    "state": row.status,
                    "tone": _TONES.get(row.status, "quiet"),
                    "label": _told(row),
                }
            ],
        }
        for row, (begun, ended) in zip(shown, spans, strict=True)
    ]
    more = f"the first {MOST}" if len(found) > MOST else ""
    return {
        "kind": "timeline",
        "title": "The same correlation",
        "period": f"{len(shown)} events",
        "note": more,
        "start": start,
        "end": max(end, start + least),
        "lanes": lanes,
        "heading": False,
        "shares": False,
    }


def event_url(event: Event) -> str:
    return reverse("admin:telemetry_event_change", args=(event.pk,))


def _during(event: Event) -> tuple[datetime, datetime]:
    """From when to when. A span of a trace is stamped when it begins, any other event when it is
    over and known."""
    lasted = timedelta(milliseconds=min(event.duration_ms or 0.0, 86_400_000.0))
    if event.span_id:
        return event.occurred_at, event.occurred_at + lasted
    return event.occurred_at - lasted, event.occurred_at


def _name(row: Event, event: Event) -> str:
    what = row.operation or row.toolkit or row.agent
    said = f"{event_words(row.event_type)}{f', {what}' if what else ''}"
    return f"▸ {said}" if row.pk == event.pk else said


def _told(row: Event) -> str:
    return " ".join(part for part in (row.agent, row.code) if part)

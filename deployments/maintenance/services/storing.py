"""What every change of a window shares: its span is read, its columns are written."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from controlplane.lib import clock
from deployments.maintenance import numbers
from deployments.models import MaintenanceWindow
from deployments.services import reading


def span(starts_at: Any, ends_at: Any) -> tuple[datetime, datetime]:
    start, end = reading.moment("starts_at", starts_at), reading.moment("ends_at", ends_at)
    if start is None or end is None:
        raise reading.refuse("starts_at" if start is None else "ends_at", "Missing.")
    if end <= start:
        raise reading.refuse("ends_at", "After it begins.")
    if end - start > timedelta(hours=numbers.LONGEST_HOURS.value):
        raise reading.refuse("ends_at", f"At most {numbers.LONGEST_HOURS.value} hours.")
    if start < clock.now() - timedelta(days=1):
        raise reading.refuse("starts_at", "That has passed.")
    if start > clock.now() + timedelta(days=numbers.FURTHEST_DAYS.value):
        raise reading.refuse("starts_at", "That is years ahead.")
    return start, end


def store(row: MaintenanceWindow, values: dict[str, Any]) -> None:
    values = {**values, "changed_at": clock.now()}
    MaintenanceWindow.objects.filter(pk=row.pk).update(**values, version=F("version") + 1)
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1

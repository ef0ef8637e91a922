"""Fields of an incident that are no state."""

from __future__ import annotations

from typing import Any

from incidents.models import Incident


def put(row: Incident, changes: dict[str, Any]) -> None:
    """A later look sees a later version."""
    changes = {**changes, "version": row.version + 1}
    Incident.objects.filter(pk=row.pk).update(**changes)
    row.refresh_from_db(fields=list(changes))

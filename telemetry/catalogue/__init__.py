"""Which events there are, what they carry and what is measured on them.

The table in `events` and `events_of_parts` is data: ingest, rollups, dashboards, the audit and
the documents read it. An event that stands not in it is stored all the same and reported by the
audit.
"""

from __future__ import annotations

from telemetry.catalogue import events as _events  # noqa: F401  (fills the table)
from telemetry.catalogue import events_of_parts as _of_parts  # noqa: F401  (the same)
from telemetry.catalogue.kinds import KINDS, Key, Kind, find
from telemetry.catalogue.names import (
    AGENT_ROLES,
    ALIASES,
    ANYWHERE,
    BY_CHANCE,
    OPERATIONS,
    STAGE_NAMES,
    STAGES,
    stage_of,
)

__all__ = [
    "AGENT_ROLES",
    "ALIASES",
    "ANYWHERE",
    "BY_CHANCE",
    "KINDS",
    "OPERATIONS",
    "STAGES",
    "STAGE_NAMES",
    "Key",
    "Kind",
    "find",
    "stage_of",
]

"""Tables of telemetry. Events come in through `ingest`, rollups are recomputed from them."""

from telemetry.models.events import Event, Flag, Partition, Refusal
from telemetry.models.rollups import Dirty, MissionDay, RollupDay, RollupHour, RollupMinute

__all__ = [
    "Dirty",
    "Event",
    "Flag",
    "MissionDay",
    "Partition",
    "Refusal",
    "RollupDay",
    "RollupHour",
    "RollupMinute",
]

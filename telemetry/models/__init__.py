"""Tables of telemetry. Events come in through `ingest`, rollups are recomputed from them."""

from telemetry.models.audits import AuditRun, Gap
from telemetry.models.events import Event, Flag, Partition, Refusal
from telemetry.models.kpis import KpiValue
from telemetry.models.queries import SavedQuery
from telemetry.models.rollups import Dirty, MissionDay, RollupDay, RollupHour, RollupMinute
from telemetry.models.rules import AlertRule, RuleChange, RuleReadings, RuleState, Severity
from telemetry.models.sessions import ToolSession
from telemetry.models.snapshots import HealthSnapshot
from telemetry.models.waiting import DirtyMission

__all__ = [
    "AlertRule",
    "AuditRun",
    "Dirty",
    "DirtyMission",
    "Event",
    "Flag",
    "Gap",
    "HealthSnapshot",
    "KpiValue",
    "MissionDay",
    "Partition",
    "Refusal",
    "RollupDay",
    "RollupHour",
    "RollupMinute",
    "RuleChange",
    "RuleReadings",
    "RuleState",
    "SavedQuery",
    "Severity",
    "ToolSession",
]

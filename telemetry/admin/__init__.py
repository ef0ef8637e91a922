"""Lists and rows of telemetry in the console."""

from telemetry.admin.audits import AuditRunAdmin
from telemetry.admin.events import EventAdmin
from telemetry.admin.gaps import GapAdmin
from telemetry.admin.partitions import PartitionAdmin
from telemetry.admin.refusals import RefusalAdmin
from telemetry.admin.rules import AlertRuleAdmin
from telemetry.admin.rules_alerts import RuleChangeAdmin, RuleStateAdmin
from telemetry.admin.sessions import ToolSessionAdmin
from telemetry.admin.snapshots import HealthSnapshotAdmin

__all__ = [
    "AlertRuleAdmin",
    "AuditRunAdmin",
    "EventAdmin",
    "GapAdmin",
    "HealthSnapshotAdmin",
    "PartitionAdmin",
    "RefusalAdmin",
    "RuleChangeAdmin",
    "RuleStateAdmin",
    "ToolSessionAdmin",
]

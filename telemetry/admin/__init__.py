"""Lists and rows of telemetry in the console."""

from telemetry.admin.events import EventAdmin
from telemetry.admin.partitions import PartitionAdmin
from telemetry.admin.refusals import RefusalAdmin

__all__ = ["EventAdmin", "PartitionAdmin", "RefusalAdmin"]

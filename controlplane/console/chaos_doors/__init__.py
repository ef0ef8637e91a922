"""Traffic on every door of a whole portal while its processes are killed: what was acknowledged is
stored once, and what it promised is sent. Rows without doors are in `console.chaos`."""

from controlplane.console.chaos_doors.trial import Plan, Told, hold

__all__ = ["Plan", "Told", "hold"]

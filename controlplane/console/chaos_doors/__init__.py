"""Traffic on every door of a whole portal while its processes are killed: what was acknowledged is
stored once, and what it promised is sent. Rows without doors are in `console.chaos`."""

from controlplane.console.chaos_doors.trial import Plan, Told, carry_out, hold

__all__ = ["Plan", "Told", "carry_out", "hold"]

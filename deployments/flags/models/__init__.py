"""Tables of feature flags."""

from __future__ import annotations

from deployments.flags.models.changes import ChangeRequest, FlagChange, ScheduledChange
from deployments.flags.models.flags import Flag, FlagEnvironment, FlagState, Segment

__all__ = [
    "ChangeRequest",
    "Flag",
    "FlagChange",
    "FlagEnvironment",
    "FlagState",
    "ScheduledChange",
    "Segment",
]

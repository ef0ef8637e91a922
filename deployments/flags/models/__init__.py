"""Tables of feature flags."""

from __future__ import annotations

from deployments.flags.models.changes import ChangeRequest, FlagChange, ScheduledChange
from deployments.flags.models.flags import Flag, FlagEnvironment, FlagState, Segment
from deployments.flags.models.serving import (
    FlagUsage,
    ImpactSample,
    SdkApp,
    SdkInstance,
    SdkToken,
    UnknownFlag,
)

__all__ = [
    "ChangeRequest",
    "Flag",
    "FlagChange",
    "FlagEnvironment",
    "FlagState",
    "FlagUsage",
    "ImpactSample",
    "ScheduledChange",
    "SdkApp",
    "SdkInstance",
    "SdkToken",
    "Segment",
    "UnknownFlag",
]

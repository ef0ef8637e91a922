"""Lists and rows of feature flags in the console."""

from deployments.flags.admin.asked import ChangeRequestAdmin, ScheduledChangeAdmin
from deployments.flags.admin.changes import FlagChangeAdmin
from deployments.flags.admin.flags import FlagAdmin
from deployments.flags.admin.places import FlagEnvironmentAdmin
from deployments.flags.admin.segments import SegmentAdmin
from deployments.flags.admin.tokens import SdkTokenAdmin
from deployments.flags.admin.unknown import UnknownFlagAdmin

__all__ = [
    "ChangeRequestAdmin",
    "FlagAdmin",
    "FlagChangeAdmin",
    "FlagEnvironmentAdmin",
    "ScheduledChangeAdmin",
    "SdkTokenAdmin",
    "SegmentAdmin",
    "UnknownFlagAdmin",
]

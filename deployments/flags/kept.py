"""What flags keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always

nothing(
    "flags.flags",
    "feature_flags.flag",
    "feature_flags.flagstate",
    "feature_flags.flagenvironment",
    "feature_flags.segment",
    why="who owns a flag is a key to the account, who changed it an opaque ref",
)
nothing(
    "flags.changes",
    "feature_flags.flagchange",
    "feature_flags.scheduledchange",
    "feature_flags.changerequest",
    why="who did it stands there by an opaque ref",
)
keep_always(
    "flags.flags",
    "feature_flags.flag",
    "feature_flags.flagstate",
    "feature_flags.flagenvironment",
    "feature_flags.segment",
    why="archived, never deleted: a name stays taken, or old code would read a new flag",
)
keep_always(
    "flags.changes",
    "feature_flags.flagchange",
    "feature_flags.scheduledchange",
    "feature_flags.changerequest",
    why="the whole history of a flag: what incidents are compared with",
)

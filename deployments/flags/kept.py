"""What flags keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always, keep_rows

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

# --- Who asks, and what is counted of it ----------------------------------------------------------

nothing(
    "flags.serving",
    "feature_flags.sdktoken",
    "feature_flags.flagusage",
    "feature_flags.unknownflag",
    "feature_flags.sdkapp",
    "feature_flags.sdkinstance",
    "feature_flags.impactsample",
    why="names of applications and sums; whom a flag was evaluated for is never stored",
)
keep_always(
    "flags.tokens",
    "feature_flags.sdktoken",
    why="a hash and who made it: revoked ones answer for what was read with them",
)
keep_rows(
    "flags.usage",
    "feature_flags.flagusage",
    "hour",
    days=400,
    what="how often flags were asked for",
    why="a year and a month: what was on in the same season last year",
)
keep_rows(
    "flags.unknown",
    "feature_flags.unknownflag",
    "last_seen",
    days=90,
    what="flags that were asked for and don't exist",
    why="a name nobody asks for any more was mended",
)
keep_rows(
    "flags.sdk_apps",
    "feature_flags.sdkapp",
    "last_seen",
    days=30,
    what="applications that ask for flags",
    why="a name that nobody tells any more leaves its place to another",
)
keep_rows(
    "flags.sdk_instances",
    "feature_flags.sdkinstance",
    "last_seen",
    days=30,
    what="running copies that ask for flags",
    why="copies that ended; each deployment makes new ones",
)
keep_rows(
    "flags.impact",
    "feature_flags.impactsample",
    "minute",
    days=90,
    what="measurements of what flags changed",
    why="a rollout is judged within hours and looked back on within a quarter",
)

"""Numbers of approvals, by name."""

from __future__ import annotations

from controlplane.lib import defaults

TARGET = defaults.define(
    "approvals.target_minutes",
    240,
    unit="minutes",
    why="The playbook's goal: an answer within four hours at the 95th percentile.",
)
EXPIRES = defaults.define(
    "approvals.expires_minutes",
    7 * 24 * 60,
    unit="minutes",
    why="What nobody answered in a week was asked about another world.",
)
MAX_PACKET = defaults.define(
    "approvals.max_packet_bytes",
    256 * 1024,
    unit="bytes",
    why="More than anybody reads before signing; evidence belongs behind links.",
)
MAX_DEPTH = defaults.define(
    "approvals.max_packet_depth", 32, unit="levels", why="Deeper than any page can show."
)
MAX_NODES = defaults.define(
    "approvals.max_packet_values",
    20_000,
    unit="values",
    why="A diff of two such packets is made while somebody waits.",
)
ABSENCE_DAYS = defaults.define(
    "approvals.max_absence_days",
    92,
    unit="days",
    why="A longer absence is a change of roles, and is granted as one.",
)
MAX_SIGNATURES = defaults.define(
    "approvals.max_signatures", 20, unit="signatures", why="Of one slot; more is a meeting."
)
FRESH_FACTOR = defaults.define(
    "approvals.fresh_factor_minutes",
    15,
    unit="minutes",
    why="What reaches production is signed by who sits there now, not by whoever found the session "
    "of this morning; long enough to read the packet first.",
)
MAX_COMMENT = defaults.define(
    "approvals.max_comment_characters",
    5_000,
    unit="characters",
    why="What is longer is evidence and belongs behind a link; the export prints all of it.",
)

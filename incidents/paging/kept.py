"""What paging keeps about people, and for how long it keeps what."""

from __future__ import annotations

from controlplane.base.personal import erase_rows, holds, nothing, rows_of
from controlplane.base.retention import keep_always

holds(
    "incidents.called",
    "incidents.page",
    "to which incidents and tickets somebody was called, when, and whether they answered",
    rows_of(
        "incidents.page",
        "user_id",
        "incident__ref",
        "ticket__ref",
        "why",
        "status",
        "created_at",
        "answered_at",
    ),
    "the proof that somebody was called; the name goes with the account",
)
holds(
    "incidents.paging_rules",
    "incidents.personalrule",
    "by which ways somebody wants to be called",
    rows_of("incidents.personalrule", "user_id", "urgency", "way", "after_s"),
    erase=erase_rows("incidents.personalrule", "user_id"),
)
nothing(
    "incidents.paging",
    "incidents.escalationpolicy",
    "incidents.policyversion",
    "incidents.escalationrun",
    "incidents.drill",
    why="roles and times; who made them stands there by an opaque ref",
)
keep_always(
    "incidents.paging",
    "incidents.escalationpolicy",
    "incidents.policyversion",
    "incidents.escalationrun",
    "incidents.page",
    "incidents.personalrule",
    "incidents.drill",
    why="who was called by which policy, and what drills showed: asked for in reviews and audits",
)

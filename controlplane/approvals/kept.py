"""What approvals keep about people, and for how long."""

from __future__ import annotations

from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always

_RECORD = "part of the record of who consented to what; the name goes with the account"

nothing("approvals.policies", "approvals.policy", "approvals.requestslot", why="names of roles")
holds(
    "approvals.requests",
    "approvals.request",
    "what somebody asked consent for",
    rows_of("approvals.request", "requested_by_id", "number", "title", "status", "requested_at"),
    _RECORD,
)
holds(
    "approvals.decisions",
    "approvals.decision",
    "what somebody signed, and what they said of it",
    rows_of(
        "approvals.decision",
        "person_id",
        "request__number",
        "request__title",
        "verdict",
        "comment",
        "sha256",
        "decided_at",
    ),
    _RECORD,
)
holds(
    "approvals.delegations",
    "approvals.delegation",
    "whom somebody let sign for them, and why",
    rows_of("approvals.delegation", "from_user_id", "reason", "starts", "until", "created_at"),
    _RECORD,
)
holds(
    "approvals.comments",
    "approvals.requestcomment",
    "what somebody said about what was asked",
    rows_of("approvals.requestcomment", "author_id", "request__number", "text", "created_at"),
    _RECORD,
)
keep_always(
    "approvals.record",
    "approvals.policy",
    "approvals.request",
    "approvals.requestslot",
    "approvals.decision",
    "approvals.delegation",
    "approvals.requestcomment",
    why="consent and who gave it: evidence behind releases and missions; the database keeps "
    "anybody from changing it",
)

"""Steps of what waits: schedules and change requests. Consent is the approvals' business, so a
change request only follows what becomes of it."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

SCHEDULED_CHANGE = TransitionTable(
    "feature_flags.ScheduledChange",
    initial="waiting",
    steps={
        "waiting": {
            "applied": Step(None, "Apply"),
            "failed": Step(None, "Give up"),
            "cancelled": Step("flag.change", "Cancel"),
        }
    },
)

CHANGE_REQUEST = TransitionTable(
    "feature_flags.ChangeRequest",
    initial="waiting",
    steps={
        "waiting": {
            "approved": Step(None, "Consent"),
            "applied": Step(None, "Apply"),
            "rejected": Step(None, "Refuse"),
            "returned": Step(None, "Send back"),
            "withdrawn": Step(None, "Withdraw"),
            "expired": Step(None, "Expire"),
            "void": Step(None, "Void"),
        },
        "approved": {
            "applied": Step(None, "Apply"),
            "withdrawn": Step(None, "Withdraw"),
            "void": Step(None, "Void"),
        },
    },
)

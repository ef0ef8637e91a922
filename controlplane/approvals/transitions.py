"""How a request may move. People's answers are the steps of `decide`; whatever else ends one is
the portal's own step, made by services on somebody's behalf."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

_SIGN = "approval.sign"


def _own(label: str) -> Step:
    # The service writes the audit row, with whoever really did it.
    return Step(None, label, primary=False, audited=False)


REQUEST = TransitionTable(
    "approvals.Request",
    initial="open",
    steps={
        "open": {
            "approved": Step(_SIGN, "Approve", audited=False),
            "changes_requested": Step(_SIGN, "Ask for changes", primary=False, audited=False),
            "rejected": Step(_SIGN, "Reject", primary=False, audited=False),
            "withdrawn": Step("approval.withdraw", "Withdraw", primary=False, audited=False),
            "expired": _own("Expire"),
            "void": _own("Void"),
            "superseded": _own("Supersede"),
        },
        "approved": {"void": _own("Void"), "superseded": _own("Supersede")},
        "changes_requested": {"superseded": _own("Supersede")},
        "rejected": {"superseded": _own("Supersede")},
        "expired": {"superseded": _own("Supersede")},
    },
)

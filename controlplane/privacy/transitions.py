"""How a request for erasure may move."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

DELETION = TransitionTable(
    "privacy.DeletionRequest",
    initial="waiting",
    steps={
        "waiting": {
            "done": Step("privacy.erase", "Erase"),
            "held": Step("privacy.hold", "Hold", primary=False),
            "cancelled": Step("privacy.ask", "Withdraw", primary=False),
        },
        "held": {
            "waiting": Step("privacy.hold", "Release"),
            "cancelled": Step("privacy.ask", "Withdraw", primary=False),
        },
    },
)

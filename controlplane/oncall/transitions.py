"""How a request for a swap and a hand-off note may move."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

_OWN = "oncall.override"

REQUEST = TransitionTable(
    "oncall.SwapRequest",
    initial="open",
    steps={
        "open": {
            "taken": Step(_OWN, "Take the shift"),
            "declined": Step(_OWN, "Decline", primary=False),
            # Its asker's, and whoever's manages schedules: the service looks at that.
            "withdrawn": Step("oncall.view", "Withdraw", primary=False),
            "expired": Step(None, "Expire"),
        },
    },
)
NOTE = TransitionTable(
    "oncall.HandoffNote",
    initial="draft",
    steps={
        "draft": {"written": Step(None, "Hand over"), "due": Step(None, "Ask for it")},
        "due": {"written": Step(_OWN, "Write it"), "missed": Step(None, "Miss it")},
        "missed": {"written": Step(_OWN, "Write it late")},
        "written": {"read": Step(_OWN, "Read it")},
    },
)

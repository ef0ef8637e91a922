"""State tables. A closed breaker lets calls through, an open one none, a half open one a trial."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

INTEGRATION = TransitionTable(
    "catalog.Integration",
    initial="closed",
    steps={
        "closed": {"open": Step("catalog.trip", "Open")},
        "open": {
            "half_open": Step("catalog.trip", "Let one try"),
            "closed": Step("catalog.trip", "Close", primary=False),
        },
        "half_open": {
            "closed": Step("catalog.trip", "Close"),
            "open": Step("catalog.trip", "Open again", primary=False),
        },
    },
)

SERVICE = TransitionTable(
    "catalog.Service",
    initial="active",
    steps={
        "active": {"retired": Step("catalog.manage", "Retire")},
        "retired": {"active": Step("catalog.manage", "Take back into service")},
    },
)

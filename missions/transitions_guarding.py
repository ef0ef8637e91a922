"""How safeguards, findings, violations, overrides, toolkits and sessions may move. The database
holds to the same steps (migrations `…_guarding_guards`)."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

_DECIDE = "mission.safeguards"
_ACCEPT = Step(_DECIDE, "Accept")
_EDIT = Step(_DECIDE, "Accept with changes", primary=False)
_REJECT = Step(_DECIDE, "Reject", primary=False)

SAFEGUARD = TransitionTable(
    "missions.Safeguard",
    initial="suggested",
    steps={
        "suggested": {"accepted": _ACCEPT, "edited": _EDIT, "rejected": _REJECT},
        "accepted": {"edited": _EDIT, "rejected": _REJECT},
        "edited": {"edited": _EDIT, "rejected": _REJECT},
        "rejected": {"accepted": _ACCEPT, "edited": _EDIT},
    },
)

# What passed, was skipped or was mended by the agent is noted, and moves nowhere.
FINDING = TransitionTable(
    "missions.Finding",
    initial="open",
    steps={
        "open": {
            "resolved": Step("mission.resolve", "Resolve"),
            "excepted": Step("mission.override", "Let pass", primary=False),
        },
        # Its exception is over, or was taken back.
        "excepted": {
            "open": Step("mission.override", "Take back", primary=False),
            "resolved": Step("mission.resolve", "Resolve"),
        },
    },
)

VIOLATION = TransitionTable(
    "missions.Violation",
    initial="open",
    steps={"open": {"settled": Step(None, "Each of its findings is decided")}},
)

OVERRIDE = TransitionTable(
    "missions.Override",
    initial="requested",
    steps={
        "requested": {
            "granted": Step("mission.override", "Grant"),
            "denied": Step("mission.override", "Deny", primary=False),
        },
        "granted": {
            "revoked": Step("mission.override", "Revoke", primary=False),
            "expired": Step(None, "Its time is over"),
        },
    },
)

TOOLKIT = TransitionTable(
    "missions.MissionToolkit",
    initial="undecided",
    steps={
        "undecided": {
            "approved": Step("mission.authorize", "Approve scopes"),
            "dropped": Step("mission.authorize", "Drop", primary=False),
        },
        # Other scopes are asked for.
        "approved": {
            "undecided": Step("mission.toolkits", "Ask for other scopes", primary=False),
            "dropped": Step("mission.authorize", "Drop", primary=False),
        },
        "dropped": {"undecided": Step("mission.toolkits", "Ask for it again", primary=False)},
    },
)

CONNECTION = TransitionTable(
    "missions.ToolkitConnection",
    initial="initiated",
    steps={
        "initiated": {
            "approved": Step("mission.connect", "Connected"),
            "failed": Step("mission.connect", "Failed", primary=False),
            "expired": Step("mission.connect", "Nobody answered", primary=False),
            "revoked": Step("mission.disconnect", "Revoke", primary=False),
        },
        "approved": {
            "expired": Step("mission.connect", "Expired", primary=False),
            "revoked": Step("mission.disconnect", "Revoke", primary=False),
        },
    },
)

SESSION = TransitionTable(
    "missions.AgentSession",
    initial="active",
    steps={
        "active": {
            "idle": Step("mission.session", "Silent", audited=False),
            "terminated": Step("mission.session", "End", primary=False),
        },
        "idle": {
            "active": Step("mission.session", "Back", audited=False),
            "terminated": Step("mission.session", "End", primary=False),
        },
        "terminated": {"active": Step("mission.session", "Open again", audited=False)},
    },
)

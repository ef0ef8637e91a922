"""Who may do what with missions, what is learnt of them, and meetings."""

from __future__ import annotations

from controlplane.access.role_table import (
    ADMIN,
    AGENTS,
    EVERYBODY,
    OPERATORS,
    OUTSIDE,
    PEOPLE,
    SECURITY,
    define,
)

MISSION_PEOPLE = frozenset(
    ["mission_owner", "governance_validator", "operations_command", "telemetry_analyst",
     "knowledge_curator"]
)  # fmt: skip
define(
    "mission",
    [
        ("view", "See missions", EVERYBODY),
        (
            "create",
            "Plan missions",
            ADMIN | {"mission_owner", "operations_command", "product_manager", "coordinator"},
        ),
        (
            "change",
            "Change what a mission is",
            ADMIN | {"mission_owner", "operations_command", "coordinator"},
        ),
        ("brief", "Write a mission's brief", ADMIN | {"mission_owner", "coordinator", "planner"}),
        (
            "evidence",
            "Keep a mission's evidence: files and links",
            MISSION_PEOPLE
            | {"coordinator", "inspector", "planner", "validator", "executor", "evidence"},
        ),
        (
            "start",
            "Start missions",
            ADMIN | {"mission_owner", "operations_command", "coordinator"},
        ),
        (
            "ask",
            "Ask for a mission's checkpoint",
            frozenset(["mission_owner", "operations_command", "knowledge_curator", "coordinator"]),
        ),
        (
            "move",
            "Bring a signed mission to its next stage",
            frozenset(["mission_owner", "operations_command", "coordinator"]),
        ),
        (
            "send_back",
            "Send a mission back to an earlier stage",
            frozenset(
                ["mission_owner", "governance_validator", "operations_command", "coordinator"]
            ),
        ),
        (
            "pause",
            "Pause missions",
            OPERATORS
            | {"mission_owner", "governance_validator", "coordinator", "validator", "executor"},
        ),
        (
            "archive",
            "Put missions that ended away",
            ADMIN | {"mission_owner", "operations_command", "knowledge_curator"},
        ),
        ("import", "Import missions", ADMIN | {"operations_command"}),
        (
            "toolkits",
            "Ask for a mission's toolkits",
            frozenset(
                ["mission_owner", "operations_command", "coordinator", "inspector", "planner"]
            ),
        ),
        (
            "connect",
            "Connect a mission's toolkits, and inspect what is behind them",
            frozenset(["inspector", "operations_command"]),
        ),
        (
            "suggest",
            "Suggest safeguards of a mission",
            frozenset(
                ["mission_owner", "governance_validator", "coordinator", "planner", "validator"]
            ),
        ),
        (
            "find",
            "Report what safeguards found",
            frozenset(
                [
                    "governance_validator",
                    "operations_command",
                    "coordinator",
                    "inspector",
                    "validator",
                    "executor",
                ]
            ),
        ),
        (
            "except",
            "Ask to let something of a mission pass",
            MISSION_PEOPLE | {"coordinator", "inspector", "planner", "validator", "executor"},
        ),
        ("session", "Keep an agent's session of a mission", AGENTS),
    ],
)
define(
    "mission",
    [
        ("lock", "Lock a mission's brief, or open it again", frozenset({"mission_owner"})),
        (
            "share",
            "Show a mission to people of other houses, or stop",
            ADMIN | {"mission_owner", "governance_validator"},
        ),
        ("tick", "Tick a mission's checklist", MISSION_PEOPLE),
        (
            "resume",
            "Let a paused mission go on",
            frozenset(["mission_owner", "governance_validator", "operations_command"]),
        ),
        ("cancel", "Cancel missions", ADMIN | {"mission_owner", "operations_command"}),
        ("fail", "Give missions up", frozenset(["mission_owner", "operations_command"])),
        (
            "safeguards",
            "Accept, change and reject a mission's safeguards",
            frozenset(["mission_owner", "governance_validator"]),
        ),
        (
            "acknowledge",
            "Acknowledge a mission's safeguards",
            frozenset(["mission_owner", "governance_validator"]),
        ),
        ("authorize", "Approve or drop a mission's toolkits", frozenset(["operations_command"])),
        (
            "attest",
            "Attest to what was approved of a mission's toolkit",
            frozenset(["governance_validator", "operations_command"]),
        ),
        (
            "disconnect",
            "Revoke a mission's connection",
            frozenset(["operations_command", "governance_validator"]) | SECURITY,
        ),
        (
            "resolve",
            "Say that a finding of a mission is resolved",
            frozenset(["governance_validator", "operations_command"]),
        ),
        (
            "override",
            "Let something of a mission pass, or not",
            frozenset(["governance_validator", "operations_command"]),
        ),
        (
            "templates",
            "Keep the policy templates of missions",
            ADMIN | SECURITY | {"governance_validator", "compliance"},
        ),
    ],
    by_key=False,
)
define(
    "mission",
    [
        (
            "plan",
            "Propose plays, write risks and undo plans",
            MISSION_PEOPLE | {"coordinator", "planner"},
        ),
        (
            "execute",
            "Run a play, report its steps, carry out an undo",
            frozenset(["operations_command", "coordinator", "executor", "executioner"]),
        ),
        (
            "undo",
            "Take back what a mission did, or practise it",
            OPERATORS | {"mission_owner"},
        ),
        ("staff", "Say who watches over a mission", ADMIN | {"operations_command"}),
    ],
)
define(
    "mission",
    [
        (
            "select",
            "Choose the play of a mission",
            frozenset(["mission_owner", "operations_command"]),
        ),
        ("hooks", "Check the telemetry hooks of a plan", frozenset({"telemetry_analyst"})),
    ],
    by_key=False,
)
define(
    "mission",
    [
        (
            "bundle",
            "Make a mission's evidence bundle",
            MISSION_PEOPLE
            | OPERATORS
            | {"compliance", "legal", "privacy_officer", "coordinator", "evidence"},
        ),
    ],
)
_CLEARED = frozenset(["governance_validator", "compliance", "legal", "privacy_officer"])
define(
    "mission",
    [
        ("remove_evidence", "Take evidence of a mission away, or bring it back", MISSION_PEOPLE),
        ("clear_evidence", "Say that evidence may go out as it is", _CLEARED),
        (
            "export_evidence",
            "Make a mission's redacted export for outside readers",
            _CLEARED | {"mission_owner"},
        ),
        (
            "hold",
            "Hold a mission's evidence by law, or let it go",
            frozenset(["compliance", "legal"]),
        ),
    ],
    by_key=False,
)
define(
    "mission",
    [
        (
            "ask_feedback",
            "Ask people how a mission went",
            ADMIN | {"mission_owner", "operations_command", "knowledge_curator", "coordinator"},
        ),
        (
            "retrospective",
            "Write a mission's retrospective and what follows from it",
            MISSION_PEOPLE | {"coordinator", "evidence"},
        ),
        (
            "training",
            "Keep the training backlog",
            ADMIN | {"mission_owner", "operations_command", "knowledge_curator"},
        ),
    ],
)
define(
    "mission",
    [
        ("feedback", "Say how a mission went", PEOPLE),
        (
            "classify",
            "Say what of a mission can be used again, and what people should learn",
            frozenset({"knowledge_curator"}),
        ),
    ],
    by_key=False,
)
define(
    "library",
    [
        ("view", "See the library", EVERYBODY - OUTSIDE),
        (
            "write",
            "Write drafts for the library",
            ADMIN | MISSION_PEOPLE | {"coordinator", "planner", "evidence"},
        ),
        (
            "use",
            "Note that a mission is planned from the library",
            MISSION_PEOPLE | {"coordinator", "planner"},
        ),
    ],
)
define(
    "library",
    [
        ("publish", "Publish to the library", frozenset({"knowledge_curator"})),
        ("retire", "Retire what is in the library, or bring it back",
         ADMIN | {"knowledge_curator"}),
    ],
    by_key=False,
)  # fmt: skip
define("meeting", [("view", "See meetings and their notes", EVERYBODY - OUTSIDE)])
define(
    "meeting",
    [
        ("hold", "Hold a meeting and write its notes",
         MISSION_PEOPLE | OPERATORS | {"product_manager", "head_of_product", "compliance"}),
        ("schedule", "Say when meetings are", ADMIN | {"operations_command"}),
    ],
    by_key=False,
)  # fmt: skip
define(
    "mission",
    [
        (
            "check",
            "Check missions against the rules of governance",
            MISSION_PEOPLE | OPERATORS | AGENTS,
        )
    ],
)
define(
    "mission",
    [("sign_check", "Sign the governance check", frozenset({"telemetry_analyst"}))],
    by_key=False,
)

"""Who may do what in agent threads. Agents only where they take part (`missions.threads.rules`)."""

from __future__ import annotations

from controlplane.access.mission_actions import MISSION_PEOPLE
from controlplane.access.role_table import ADMIN, AGENTS, OPERATORS, OUTSIDE, PEOPLE, define

_LEADING = OPERATORS | {"coordinator"}

define(
    "thread",
    [
        ("view", "See agents' threads", (PEOPLE - OUTSIDE) | AGENTS),
        ("create", "Begin threads", OPERATORS | MISSION_PEOPLE | AGENTS),
        ("post", "Write in a thread", OPERATORS | MISSION_PEOPLE | AGENTS),
        ("read", "Read a thread as one who takes part", AGENTS),
        ("people", "Say who takes part in a thread", OPERATORS | MISSION_PEOPLE | AGENTS),
        ("resolve", "Say that a thread is resolved", OPERATORS | MISSION_PEOPLE | AGENTS),
        ("reopen", "Open a resolved thread again", OPERATORS | MISSION_PEOPLE | AGENTS),
        ("close", "Close a resolved thread", OPERATORS | MISSION_PEOPLE | AGENTS),
        ("escalate", "Block a thread and ask for help", OPERATORS | MISSION_PEOPLE | AGENTS),
        ("unblock", "Let a blocked thread go on", _LEADING | MISSION_PEOPLE),
        ("override", "Close a thread whatever its state", _LEADING),
        ("wake", "Wake somebody who takes part", _LEADING | MISSION_PEOPLE),
        ("beat", "Say that a runtime session is alive", AGENTS),
        ("runtime", "Register runtimes of agents", OPERATORS | AGENTS),
    ],
)
define(
    "thread",
    [
        ("force", "Wake somebody while a person types", OPERATORS),
        ("pause", "Pause wakes, and let them go on", OPERATORS),
        ("requeue", "Try a wake again that was given up", OPERATORS),
        ("kill", "End a command that was started to wake somebody", OPERATORS),
        ("change", "Change a thread's title, owner and work item", OPERATORS | MISSION_PEOPLE),
        ("policy", "Keep the rules of escalation of threads", ADMIN | {"operations_command"}),
        ("archive", "Put closed threads away", OPERATORS),
    ],
    by_key=False,
)

"""The words of the work graph, as data: types, statuses, edges. They are Beads' own words and the
playbook's; a project may add types and statuses of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# --- Types ------------------------------------------------------------------------------------

TYPES: dict[str, str] = {
    "task": "Task",
    "bug": "Bug",
    "feature": "Feature",
    "epic": "Epic",
    "chore": "Chore",
    "decision": "Decision",
    "incident": "Incident",
    "deployment": "Deployment",
    "maintenance": "Maintenance",
    "rollback": "Rollback",
    "mission": "Mission",
    "spike": "Spike",
    "story": "Story",
    "milestone": "Milestone",
    "message": "Message",
    "molecule": "Molecule",
    "gate": "Gate",
    "event": "Event",
}
TYPE_ALIASES = {
    "enhancement": "feature",
    "feat": "feature",
    "dec": "decision",
    "adr": "decision",
    "investigation": "spike",
    "timebox": "spike",
    "user-story": "story",
    "ms": "milestone",
    "mol": "molecule",
    "mr": "merge-request",
}
# What the playbook runs on: such an item says why it was closed.
OPERATIONS_TYPES = frozenset({"incident", "deployment", "maintenance", "rollback", "mission"})
OPERATIONS_LABELS = frozenset({"incident", "deployment", "maintenance"})
# Bookkeeping of tools. Nobody picks them up, so the ready queue has them only when asked for.
UNREADY_TYPES = frozenset(
    {"merge-request", "gate", "molecule", "message", "agent", "role", "rig", "event"}
)

# --- Statuses ---------------------------------------------------------------------------------

# status -> what it means for everybody else. "done" no longer blocks; "frozen" is set aside.
STATUSES: dict[str, str] = {
    "open": "active",
    "in_progress": "wip",
    "blocked": "wip",
    "hooked": "wip",
    "deferred": "frozen",
    "pinned": "frozen",
    "closed": "done",
}
STATUS_LABELS = {
    "open": "Open",
    "in_progress": "In progress",
    "blocked": "Blocked",
    "hooked": "Hooked",
    "deferred": "Deferred",
    "pinned": "Pinned",
    "closed": "Closed",
}
CATEGORIES = ("active", "wip", "done", "frozen")

# --- Priorities -------------------------------------------------------------------------------

PRIORITIES = {0: "Critical", 1: "High", 2: "Normal", 3: "Low", 4: "Someday"}
DEFAULT_PRIORITY = 2

# --- Edges ------------------------------------------------------------------------------------


class EdgeType(NamedTuple):
    """How an edge reads from its first item (the dependent, or child) and from its second."""

    forward: str
    backward: str
    blocks: bool = False  # the first item waits for the second itself
    ordered: bool = False  # no cycles: the first comes after, or under, the second


PARENT = "parent-child"
WAITS = "waits-for"
BLOCKS = "blocks"
EDGES: dict[str, EdgeType] = {
    "blocks": EdgeType("is blocked by", "blocks", blocks=True, ordered=True),
    "conditional-blocks": EdgeType("is blocked by", "blocks", blocks=True, ordered=True),
    "waits-for": EdgeType("waits for the children of", "its children are awaited by", ordered=True),
    "parent-child": EdgeType("is part of", "has the part", ordered=True),
    "related": EdgeType("is related to", "is related to"),
    "relates-to": EdgeType("is related to", "is related to"),
    "discovered-from": EdgeType("was found during", "led to"),
    "replies-to": EdgeType("replies to", "has the reply"),
    "duplicates": EdgeType("duplicates", "has the duplicate"),
    "supersedes": EdgeType("supersedes", "is superseded by"),
    "authored-by": EdgeType("was written by", "wrote"),
    "assigned-to": EdgeType("is assigned to", "has the assignment"),
    "approved-by": EdgeType("was approved by", "approved"),
    "attests": EdgeType("attests", "is attested by"),
    "tracks": EdgeType("tracks", "is tracked by"),
    "until": EdgeType("lasts until", "ends"),
    "caused-by": EdgeType("was caused by", "caused"),
    "validates": EdgeType("validates", "is validated by"),
    "delegated-from": EdgeType("was delegated from", "was delegated as"),
}
BLOCKING = tuple(name for name, edge in EDGES.items() if edge.blocks)
ORDERED = tuple(name for name, edge in EDGES.items() if edge.ordered)
GATES = ("all-children", "any-children")
# What an item of the type "gate" may wait for. Those of GitHub are opened by its deliveries.
AWAITED: dict[str, str] = {
    "gh:run": "A workflow run of GitHub",
    "gh:pr": "A pull request of GitHub",
    "human": "A person's word",
    "timer": "A time",
    "mail": "A message",
    "bead": "An item elsewhere",
}


def edge_of(kind: str) -> EdgeType:
    """How to speak of an edge; a tool may have made up its own type."""
    return EDGES.get(kind) or EdgeType(kind.replace("-", " "), f"{kind.replace('-', ' ')} (from)")


# --- The operations backlog -------------------------------------------------------------------

# The playbook's stages are the board's columns, with the work it suggests for each.
STAGES: dict[str, str] = {
    "define": "Define",
    "prepare": "Prepare",
    "plan_approve": "Plan & Approve",
    "execute_observe": "Execute & Observe",
    "reflect_improve": "Reflect & Improve",
}
BACKLOG_CATEGORIES: dict[str, tuple[str, ...]] = {
    "define": ("Intake prompts", "Safeguard templates", "Persona-specific playbooks"),
    "prepare": ("OAuth automation", "Toolkit catalogue refresh", "Data sampling improvements"),
    "plan_approve": ("Approval usability", "Risk matrix automation", "Undo plan coverage"),
    "execute_observe": ("Incident tooling", "Validator tuning", "Metric SLO refinement"),
    "reflect_improve": (
        "Feedback classification automation",
        "Library tagging",
        "Training content",
    ),
}


def counted(number: int, word: str) -> str:
    """`1 item`, `2 items`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def begun_small(names: Iterable[str]) -> list[str]:
    """Within a sentence; but not what is written in capitals, like OAuth."""
    return [name if name[1:2].isupper() else name[:1].lower() + name[1:] for name in names]

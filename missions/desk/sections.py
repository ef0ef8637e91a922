"""In which order, and under which titles, what is signed of a mission reads."""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.approvals.shown.packet import words
from missions.gates import registry

# In the order a reviewer asks; a part without a title of its own comes after these.
_TITLES = {
    "retrospective": "What was learnt",
    "play": "The play that is signed",
    "undo_plan": "How it is undone",
    "risks": "Risks",
    "plan_notes": "Risks and service, in words",
    "safeguards": "Safeguards",
    "toolkits": "Toolkits, and what they may do",
    "exceptions": "What is let pass, and why",
    "plays": "All plays that were compared",
    "bundle": "The evidence bundle",
}
# A name for programs, which the play beside it says in words.
_IN_DETAILS = frozenset({"mission_play"})
_BEFORE = (
    ("intent", "What is wanted", ("intent",)),
    ("brief", "What it is to achieve", ("brief",)),
)
_AFTER = (
    ("checklist", "What was checked", ("checklist",)),
    ("confirms", "What is confirmed", ("confirms",)),
    ("signatures", "What each signature says", ("signatures",)),
)


def sections() -> Sequence[tuple[str, str, tuple[str, ...]]]:
    """Whatever part of the portal adds to what is signed stands between the two."""
    told = [name for name in _TITLES if name in registry.PARTS]
    others = [name for name in registry.PARTS if name not in _TITLES and name not in _IN_DETAILS]
    parts = [(name, _TITLES.get(name) or words(name), (name,)) for name in [*told, *others]]
    return [*_BEFORE, *parts, *_AFTER]

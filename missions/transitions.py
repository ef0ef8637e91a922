"""How a mission may move: its status by the table, its stage one on or back. `services.moving.move`
is the one function that does it, and the database holds to the same."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable
from controlplane.lib.errors import InvalidTransition
from missions import stages

_CANCEL = Step("mission.cancel", "Cancel", primary=False)
_FAIL = Step("mission.fail", "Give up", primary=False)

MISSION = TransitionTable(
    "missions.Mission",
    initial="draft",
    steps={
        "draft": {"active": Step("mission.start", "Start"), "cancelled": _CANCEL},
        "active": {
            "paused": Step("mission.pause", "Pause", primary=False),
            # When the last stage is signed.
            "completed": Step("mission.move", "Complete"),
            "failed": _FAIL,
            "cancelled": _CANCEL,
        },
        "paused": {
            "active": Step("mission.resume", "Resume"),
            "failed": _FAIL,
            "cancelled": _CANCEL,
        },
    },
)

_REMOVE = Step("mission.remove_evidence", "Take away", primary=False)

# Files: received, stored, read back. Only a person takes one away, and may bring it back for as
# long as its bytes are there.
ARTIFACT = TransitionTable(
    "missions.Artifact",
    initial="receiving",
    steps={
        "receiving": {
            "stored": Step(None, "Store", audited=False),
            "failed": Step(None, "Give up"),
        },
        "stored": {
            "verified": Step("mission.evidence", "Keep"),
            "failed": Step(None, "Fail"),
            "deleted": _REMOVE,
        },
        "verified": {
            "failed": Step(None, "Fail"),
            "archived": Step(None, "Archive"),
            "deleted": _REMOVE,
        },
        # Its bytes came back, from a backup or because the disk answers again.
        "failed": {"verified": Step("mission.evidence", "Read again"), "deleted": _REMOVE},
        "deleted": {"verified": Step("mission.remove_evidence", "Bring back")},
    },
)
BUNDLE = TransitionTable(
    "missions.Bundle",
    initial="building",
    steps={
        "building": {"stored": Step(None, "Store"), "failed": Step(None, "Give up")},
        "stored": {
            "superseded": Step(None, "Supersede"),
            "archived": Step(None, "Archive"),
            "failed": Step(None, "Fail"),
        },
    },
)


def check_stage(status: str, source: str, to: str) -> None:
    """Refuse what is neither the next stage nor one that was there before."""
    following = stages.after(source)
    back = list(stages.SLUGS[: stages.SLUGS.index(source) + 1])
    legal = [following.slug] if following is not None and status == "active" else []
    legal += back if status in {"active", "paused"} else []
    if to not in legal:
        raise InvalidTransition(
            f"{stages.get(source).label} ({status}) cannot become {stages.get(to).label}.",
            details={"from": source, "to": to, "status": status,
                     "legal": ", ".join(legal) or "nothing"},
        )  # fmt: skip

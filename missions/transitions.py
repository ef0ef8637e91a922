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

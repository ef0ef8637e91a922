"""How plays, undo plans and their runs, runs and their steps may move. The database holds to the
same moves."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

_PLAN, _UNDO, _RUN = "mission.plan", "mission.undo", "mission.execute"
_WITHDRAW = Step(_PLAN, "Withdraw", primary=False)

PLAY = TransitionTable(
    "missions.Play",
    initial="proposed",
    steps={
        "proposed": {"selected": Step("mission.select", "Select"), "withdrawn": _WITHDRAW},
        # Another one was chosen instead.
        "selected": {
            "proposed": Step("mission.select", "Choose another", primary=False),
            "withdrawn": _WITHDRAW,
        },
    },
)
UNDO_PLAN = TransitionTable(
    "missions.UndoPlan",
    initial="draft",
    steps={
        "draft": {"ready": Step(_PLAN, "It is ready")},
        "ready": {
            "draft": Step(_PLAN, "Change it", primary=False),
            "executed": Step(None, "Undone"),
            "expired": Step(_UNDO, "End the time to undo", primary=False),
        },
        # Sent back and planned anew, a mission may need it once more.
        "executed": {"draft": Step(_PLAN, "Plan it anew")},
        "expired": {"draft": Step(_PLAN, "Plan it anew")},
    },
)
UNDO_RUN = TransitionTable(
    "missions.UndoRun",
    initial="requested",
    steps={
        "requested": {
            "running": Step(_RUN, "Begin"),
            "withdrawn": Step(_UNDO, "Withdraw", primary=False),
        },
        "running": {
            "completed": Step(_RUN, "Complete"),
            "failed": Step(_RUN, "It failed", primary=False),
        },
    },
)
RUN = TransitionTable(
    "missions.Run",
    initial="queued",
    steps={
        "queued": {
            "running": Step(_RUN, "Begin"),
            "aborted": Step(_RUN, "Abort", primary=False),
        },
        "running": {
            "finished": Step(_RUN, "Finish"),
            "aborted": Step(_RUN, "Abort", primary=False),
        },
    },
)


def _ends(*but: str) -> dict[str, Step]:
    """What agents report by the thousand: their batch stands in the log, not each step."""
    words = {"skipped": "Skip", "failed": "Fail", "succeeded": "Succeed"}
    return {
        to: Step(None, label, primary=to == "succeeded", audited=False)
        for to, label in words.items()
        if to not in but
    }


# Which end it was may be put right by a later report; that it ended is never taken back.
RUN_STEP = TransitionTable(
    "missions.RunStep",
    initial="queued",
    steps={
        "queued": {"running": Step(None, "Begin", audited=False), **_ends()},
        "running": _ends(),
        "skipped": _ends("skipped"),
        "failed": _ends("failed"),
        "succeeded": _ends("succeeded"),
    },
)

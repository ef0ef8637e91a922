"""How a deployment may move. The main road goes down; to the side it is blocked, and goes back to
where it was. What gates say is asked by the services, for it takes looking around."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

_CHANGE, _START, _CLOSE = "deployment.change", "deployment.start", "deployment.close"
_ROLLBACK = "deployment.rollback"

_CANCEL = Step(_CHANGE, "Cancel", primary=False)
_BLOCK = Step(_CHANGE, "Block", primary=False)
_FAIL = Step(_START, "Give up", primary=False)
# When the deployment that reverses it is done.
_REVERSED = Step(_ROLLBACK, "Rolled back", primary=False)


def _back(label: str = "Go on") -> Step:
    return Step(_CHANGE, label)


DEPLOYMENT = TransitionTable(
    "deployments.Deployment",
    initial="draft",
    steps={
        "draft": {"preparing": Step(_CHANGE, "Prepare"), "cancelled": _CANCEL},
        "preparing": {
            "ready": Step(_CHANGE, "Declare ready"),
            "blocked": _BLOCK,
            "cancelled": _CANCEL,
        },
        "ready": {
            "approved": Step(None, "Approve"),
            "preparing": Step(_CHANGE, "Back to preparing", primary=False),
            "blocked": _BLOCK,
            "cancelled": _CANCEL,
        },
        "approved": {
            "deploying": Step(_START, "Start"),
            "preparing": Step(_CHANGE, "Back to preparing", primary=False),
            "blocked": _BLOCK,
            "cancelled": _CANCEL,
        },
        "deploying": {
            "verifying": Step(_START, "All steps are done"),
            "blocked": _BLOCK,
            "failed": _FAIL,
            "rolled_back": _REVERSED,
        },
        "verifying": {
            "monitoring": Step(_START, "Verified"),
            "blocked": _BLOCK,
            "failed": _FAIL,
            "rolled_back": _REVERSED,
        },
        "monitoring": {
            "completed": Step(_CLOSE, "Close"),
            "blocked": _BLOCK,
            "failed": _FAIL,
            "rolled_back": _REVERSED,
        },
        "blocked": {
            "preparing": _back(),
            "ready": _back(),
            "approved": _back(),
            "deploying": _back(),
            "verifying": _back(),
            "monitoring": _back(),
            "failed": _FAIL,
            "rolled_back": _REVERSED,
            "cancelled": _CANCEL,
        },
        # What could not be brought out may be tried again under its name.
        "failed": {
            "preparing": Step(_CHANGE, "Prepare again"),
            "rolled_back": _REVERSED,
        },
        "completed": {"rolled_back": _REVERSED},
    },
)

_PLAN, _PROMOTE = "rollout.plan", "rollout.promote"
_TAKE_BACK = Step("rollout.rollback", "Roll back", primary=False)
_GIVE_UP = Step(_PLAN, "Cancel", primary=False)
_PAUSE = Step("rollout.pause", "Pause", primary=False)
_WENT_THROUGH = Step(_PROMOTE, "On for everybody")

ROLLOUT = TransitionTable(
    "deployments.Rollout",
    initial="planned",
    steps={
        "planned": {"baseline_taken": Step(_PLAN, "Take the baseline"), "cancelled": _GIVE_UP},
        "baseline_taken": {"running": Step(_PROMOTE, "Start"), "cancelled": _GIVE_UP},
        "running": {
            "held": Step(None, "Hold", primary=False),
            "paused": _PAUSE,
            "stabilizing": _WENT_THROUGH,
            "rolled_back": _TAKE_BACK,
        },
        "held": {
            "running": Step(_PROMOTE, "Go on"),
            "paused": _PAUSE,
            "stabilizing": _WENT_THROUGH,
            "rolled_back": _TAKE_BACK,
        },
        "paused": {"running": Step(_PROMOTE, "Go on"), "rolled_back": _TAKE_BACK},
        "stabilizing": {
            "completed": Step(_PROMOTE, "Document and end"),
            "rolled_back": _TAKE_BACK,
        },
    },
)

_PLAN_WINDOW, _RUN = "maintenance.plan", "maintenance.run"
_CALL_OFF = Step("maintenance.change", "Cancel", primary=False)
# What nobody began holds nothing any more; the work is still to be done, at another time.
_LAPSE = Step(None, "Its time passes unused", primary=False)
_TAKE_BACK_WINDOW = Step("maintenance.rollback", "Roll back", primary=False)

WINDOW = TransitionTable(
    "deployments.MaintenanceWindow",
    initial="draft",
    steps={
        "draft": {"scheduled": Step(_PLAN_WINDOW, "Schedule"), "cancelled": _CALL_OFF},
        "scheduled": {
            "announced": Step(None, "The first notice leaves"),
            "missed": _LAPSE,
            "cancelled": _CALL_OFF,
        },
        "announced": {
            "approved": Step(None, "Approve"),
            # A partner asks nobody here.
            "in_progress": Step(None, "The partner begins", primary=False),
            "missed": _LAPSE,
            "cancelled": _CALL_OFF,
        },
        "approved": {
            "in_progress": Step(_RUN, "Start"),
            "announced": Step(None, "Consent falls", primary=False),
            "missed": _LAPSE,
            "cancelled": _CALL_OFF,
        },
        "missed": {
            "scheduled": Step("maintenance.change", "Give it another time"),
            "cancelled": _CALL_OFF,
        },
        "in_progress": {
            "monitoring": Step(_RUN, "The work is done"),
            "completed": Step(None, "The partner is done", primary=False),
            "rolled_back": _TAKE_BACK_WINDOW,
        },
        "monitoring": {
            "completed": Step(_RUN, "Close"),
            "rolled_back": _TAKE_BACK_WINDOW,
        },
    },
)

"""How a thread and a command that wakes may move. The database holds to the thread's."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

THREAD = TransitionTable(
    "threads.Thread",
    initial="active",
    steps={
        "active": {
            "resolved": Step("thread.resolve", "Resolve"),
            "blocked": Step("thread.escalate", "Escalate", primary=False),
            # Past its states, by somebody who may and says why.
            "closed": Step("thread.override", "Close at once", primary=False),
        },
        "blocked": {
            "active": Step("thread.unblock", "Unblock"),
            "closed": Step("thread.override", "Close at once", primary=False),
        },
        "resolved": {
            "closed": Step("thread.close", "Close"),
            "active": Step("thread.reopen", "Open again", primary=False),
        },
    },
)
RUN = TransitionTable(
    "threads.WakeRun",
    initial="running",
    steps={
        "running": {
            "completed": Step(None, "End", audited=False),
            "failed": Step(None, "Fail", audited=False),
            "timed_out": Step(None, "End for its time"),
            "killed": Step(None, "End"),
            "orphaned": Step(None, "Lose"),
        },
    },
)

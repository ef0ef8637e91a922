"""The review that a launch owes within two weeks: a work item, made by a timer once it is signed.

By a timer, because whoever decides holds the request's lock, and the graph of items has one of its
own that others take first.
"""

from __future__ import annotations

from datetime import timedelta

from controlplane.audit.refs import subject_ref
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.work import services as work
from deployments import numbers
from deployments.models import Launch
from deployments.services.noting import PORTAL

REVIEW = "deployments.launch_review"
SECTIONS = (
    ("Cycle times", "Compared with before the launch; the four keys of the releases tell them."),
    ("Escalations and false positives", "What was escalated, and what turned out to be nothing."),
    ("Feedback of operators", "On what the portal did by itself."),
    ("What comes next", "The backlog of the next phase, in order."),
)


def set_review(launch: Launch) -> None:
    timers.set_timer(
        REVIEW,
        key=f"launch:{launch.uid}:review",
        due_at=clock.now(),
        subject=subject_ref(launch),
        workspace_id=launch.workspace_id,
        payload={"launch": str(launch.uid)},
    )


def drop_review(launch: Launch) -> None:
    timers.cancel_timer(f"launch:{launch.uid}:review")


@timers.on(REVIEW)
def open_review(timer: Timer) -> None:
    """Asked again, the item that is there. A launch that was opened again owes none yet."""
    rows = Launch.objects.select_related("workspace").filter(uid=timer.payload["launch"])
    launch = rows.first()
    if launch is None or launch.status != Launch.Status.SIGNED or launch.signed_at is None:
        return
    from_then = launch.launch_at or launch.signed_at
    parts = [f"## {title}\n\n{about}" for title, about in SECTIONS]
    work.ensure(
        work.ensure_operations_project(launch.workspace, actor=PORTAL),
        f"launch-review:{launch.ref}",
        actor=PORTAL,
        title=f"Review the launch: {launch.title}"[:200],
        item_type="task",
        labels=["ops", "launch-review"],
        due_at=from_then + timedelta(days=numbers.LAUNCH_REVIEW_DAYS.value),
        description="\n\n".join([f"{launch.ref} went live. Say what came of it.", *parts]),
        subject=subject_ref(launch),
    )

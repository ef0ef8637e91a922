"""The review that a launch owes within two weeks: a work item, opened the day it goes live, told
how cycle times compare the day before it is due, closed when the review is signed.

By timers, because whoever decides holds the request's lock, and the graph of items has one of its
own that others take first.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.audit.refs import subject_ref
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.models import Launch
from deployments.overview import launch_review, launched
from deployments.services.noting import PORTAL

REVIEW = "deployments.launch_review"
DAY = timedelta(days=1)


def set_review(launch: Launch) -> None:
    """Signed: it is owed from the day it goes live."""
    at, due, now = launched.live_at(launch), launched.review_due(launch), clock.now()
    if at is not None and due is not None:
        _promise(launch, "open", max(at, now))
        _promise(launch, "compare", max(due - DAY, now))


def drop_review(launch: Launch) -> None:
    """It is opened again: what was promised of that day is not, for now."""
    for what in ("open", "compare"):
        timers.cancel_timer(_key(launch, what))


def withdraw_review(launch: Launch) -> None:
    """Cancelled: nothing is owed, and what was opened is closed."""
    drop_review(launch)
    _promise(launch, "withdraw", clock.now())


def finish_review(launch: Launch) -> None:
    """Signed: the item that asked for it is told what was said, and closed."""
    drop_review(launch)
    _promise(launch, "signed", clock.now())


def _key(launch: Launch, what: str) -> str:
    return f"launch:{launch.uid}:review:{what}"


def _promise(launch: Launch, what: str, due_at: datetime) -> None:
    timers.set_timer(
        REVIEW,
        key=_key(launch, what),
        due_at=due_at,
        subject=subject_ref(launch),
        workspace_id=launch.workspace_id,
        payload={"launch": str(launch.uid), "what": what},
    )


@timers.on(REVIEW)
def keep_review(timer: Timer) -> None:
    rows = Launch.objects.select_related("workspace").filter(uid=timer.payload["launch"])
    launch = rows.first()
    if launch is None:
        return
    what = timer.payload.get("what", "open")
    if what == "withdraw":
        _close(launch)
    elif what == "signed":
        _finish(launch)
    elif launch.status == Launch.Status.SIGNED and what == "open":
        _open(launch)
    elif launch.status == Launch.Status.SIGNED:
        _compare(launch, _known(launch) or _open(launch))


def _open(launch: Launch) -> Item:
    """The item that is there, with the day it is due by now, or a new one. One that was closed is
    to be done again: the launch was opened and signed anew."""
    item, due = _known(launch), launched.review_due(launch)
    if item is None:
        return _made(launch)
    if item.closed_at is not None and launch.signed_at and item.closed_at < launch.signed_at:
        item = work.reopen_item(item, actor=PORTAL, reason=f"{launch.ref} was signed anew.")
    if item.due_at != due and item.category != "done":
        item = work.update_item(item, actor=PORTAL, due_at=due)
    return item


def _made(launch: Launch) -> Item:
    parts = [f"## {one.title}\n\n{one.about}" for one in launch_review.SECTIONS]
    baseline = launched.report(launch)
    if baseline is not None:
        parts[0] += f"\n\n{baseline.markdown()}"
    return work.ensure(
        work.ensure_operations_project(launch.workspace, actor=PORTAL),
        f"launch-review:{launch.ref}",
        actor=PORTAL,
        title=f"Review the launch: {launch.title}"[:200],
        item_type="task",
        labels=["ops", "launch-review"],
        due_at=launched.review_due(launch),
        description="\n\n".join([f"{launch.ref} went live. Say what came of it.", *parts]),
        subject=subject_ref(launch),
    ).item


def _known(launch: Launch) -> Item | None:
    rows = Item.objects.filter(workspace=launch.workspace_id, subject=subject_ref(launch))
    found: Item | None = rows.select_related("project").first()
    return found


def _compare(launch: Launch, item: Item) -> None:
    found = launched.report(launch)
    if found is not None and item.category != "done":
        work.comment(item, f"Cycle times since the launch.\n\n{found.markdown()}", actor=PORTAL)


def _finish(launch: Launch) -> None:
    item = _known(launch)
    if launch_review.state_of(launch) != "reviewed" or item is None or item.category == "done":
        return
    work.comment(item, launch_review.markdown(launch), actor=PORTAL)
    work.close_item(item, actor=PORTAL, reason=f"The review of {launch.ref} is signed.")


def _close(launch: Launch) -> None:
    if launch.status != Launch.Status.CANCELLED:
        return
    item = _known(launch)
    if item is not None and item.category != "done":
        work.close_item(item, actor=PORTAL, reason=f"{launch.ref} is cancelled.")

"""How fast consent comes, from the requests themselves. A question counts from its first asking
to its answer, over all its revisions; what is still waiting stands beside it, because a percentile
over what was decided hides a queue that stands still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from controlplane.base.registries import Kpi, Parts, kpis
from controlplane.lib import defaults

GOAL = defaults.define(
    "approvals.goal_hours", 4.0, unit="hours", why="The playbook: an answer in 4 h at p95."
)
WEEK = timedelta(days=7)
QUEUE = "/admin/approvals/request/"


@dataclass(frozen=True, slots=True)
class Queue:
    """How the questions of a workspace stand at `end`, and how those decided since `start` went."""

    decided: int
    p95_hours: float | None
    p50_hours: float | None
    pending: int
    oldest_hours: float | None
    late_decided: int  # in the window, later than the goal
    late_pending: int  # still waiting, longer than the goal

    @property
    def breaches(self) -> int:
        return self.late_decided + self.late_pending


# Decided: answered yes or no by people. Sent back for changes is no answer yet, and what is
# withdrawn, void or expired never got one. Pending at `end`: some revision was open then.
_QUEUE = """
    WITH asked AS (
        SELECT r.question, r.requested_at, r.asked_at, r.closed_at,
            CASE WHEN r.decided_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM approvals_decision d
                WHERE d.request_id = r.id AND d.verdict = 'changes_requested')
            THEN greatest(r.decided_at, r.requested_at) END AS answered_at
        FROM approvals_request r
        WHERE r.workspace_id = %(workspace)s AND r.asked_at < %(end)s
        AND (r.closed_at IS NULL OR r.closed_at >= %(start)s)
    ), answered AS (
        SELECT question, min(requested_at) AS requested_at, min(answered_at) AS at
        FROM asked WHERE answered_at >= %(start)s AND answered_at < %(end)s
        GROUP BY question
    ), waiting AS (
        SELECT question, min(requested_at) AS requested_at
        FROM asked WHERE closed_at IS NULL OR closed_at >= %(end)s
        GROUP BY question
    )
    SELECT
        (SELECT count(*) FROM answered),
        (SELECT percentile_cont(0.95) WITHIN GROUP (
            ORDER BY extract(epoch FROM at - requested_at)) / 3600 FROM answered),
        (SELECT percentile_cont(0.5) WITHIN GROUP (
            ORDER BY extract(epoch FROM at - requested_at)) / 3600 FROM answered),
        (SELECT count(*) FROM waiting),
        (SELECT extract(epoch FROM %(end)s - min(requested_at)) / 3600 FROM waiting),
        (SELECT count(*) FROM answered WHERE at - requested_at > %(goal)s),
        (SELECT count(*) FROM waiting WHERE %(end)s - requested_at > %(goal)s)
"""


def queue(workspace_id: int, start: datetime, end: datetime) -> Queue:
    values: dict[str, Any] = {
        "workspace": workspace_id,
        "start": start,
        "end": end,
        "goal": timedelta(hours=GOAL.value),
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, values)
        decided, p95, p50, pending, oldest, late, stuck = cursor.fetchone()
    return Queue(
        decided=decided,
        p95_hours=None if p95 is None else float(p95),
        p50_hours=None if p50 is None else float(p50),
        pending=pending,
        oldest_hours=None if oldest is None else float(oldest),
        late_decided=late,
        late_pending=stuck,
    )


def latency(workspace_id: int, start: datetime, end: datetime) -> Parts:
    found = queue(workspace_id, start, end)
    note = f"{found.pending} pending" if found.pending else "nothing pending"
    if found.oldest_hours is not None:
        note += f", the oldest for {found.oldest_hours:,.1f} h"
    if found.breaches:
        note += f"; {found.breaches} later than {GOAL.value:g} h"
    return Parts(found.p95_hours, None, found.decided, note)


def pending(workspace_id: int, start: datetime, end: datetime) -> Parts:
    found = queue(workspace_id, start, end)
    return Parts(float(found.pending), found.pending, None)


def oldest(workspace_id: int, start: datetime, end: datetime) -> Parts:
    found = queue(workspace_id, start, end)
    return Parts(found.oldest_hours, None, found.pending)


def breaches(workspace_id: int, start: datetime, end: datetime) -> Parts:
    found = queue(workspace_id, start, end)
    return Parts(float(found.breaches), found.breaches, found.decided + found.pending)


def _value(
    tell: Callable[[int, datetime, datetime], Parts], place: int, start: datetime, end: datetime
) -> float | None:
    return tell(place, start, end).value


def register() -> None:
    for slug, title, unit, formula, tell, target, sample in (
        (
            "approvals.decision_p95",
            "Time to consent, p95",
            "h",
            "95th percentile of decided − first requested, over questions answered in the week;"
            " decided is the first rejection or the last signature, and neither delegating nor a"
            " new revision restarts the clock",
            latency,
            GOAL.value,
            5,
        ),
        (
            "approvals.pending",
            "Approvals waiting",
            "",
            "questions with an open request at the end of the period",
            pending,
            None,
            0,
        ),
        (
            "approvals.oldest",
            "Oldest approval waiting",
            "h",
            "end of the period − first requested, of the question that waits longest",
            oldest,
            None,
            0,
        ),
        (
            "approvals.breaches",
            "Approvals later than the goal",
            "",
            "decided later than the goal in the week, and waiting longer than it",
            breaches,
            None,
            0,
        ),
    ):
        kpis.register(
            Kpi(
                slug=slug,
                title=title,
                unit=unit,
                formula=formula,
                compute=partial(_value, tell),
                parts=tell,
                target=target,
                better="lower",
                cadence=WEEK,
                link=QUEUE,
                action="approval.view",
                source="a request for consent",
                group="technical",
                min_sample=sample,
                on_home=False,
            )
        )

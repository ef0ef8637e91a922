"""Each minute: is everybody called who has to be, and is everything sent that was written? What is
not is mended in the same pass, and told: something of the portal itself went wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, F, Min, OuterRef, QuerySet
from django.db.models.functions import Now

from controlplane.audit.services import record
from controlplane.jobs import watch
from controlplane.jobs.watch import Finding
from controlplane.notify import outbox, wording
from controlplane.notify.models import Delivery, Urgency
from controlplane.notify.services import To, notify
from incidents.models import EscalationRun, Page
from incidents.paging import matters, numbers, runs, turning
from incidents.paging.policies import PORTAL

logger = logging.getLogger(__name__)
REPAIRED = "paging.repaired"
_MOST = 500
wording.register(
    REPAIRED,
    "The portal mended its own paging",
    subject="Paging was mended: {what}",
    body="{what}. Whoever was to be called is called now. Find out why it was so: a page must not"
    " depend on being looked for.",
)
# Written and never handed to the sender: a row of the outbox is made for each.
_UNSENT = """
    SELECT d.id, d.uid, d.notification_id, n.workspace_id
    FROM notify_delivery d
    JOIN notify_notification n ON n.id = d.notification_id
    JOIN incidents_page p ON p.notification_id = n.id
    WHERE d.state = 'waiting' AND d.created_at < statement_timestamp() - interval '1 minute'
      AND NOT EXISTS (SELECT 1 FROM notify_outboxmessage o
                      WHERE o.key = 'delivery:' || d.uid::text)
    LIMIT %s
"""


def audit() -> dict[str, int]:
    found = {"forgotten": _call_forgotten(), "unsent": _send_unsent()}
    turning.go_on()
    for workspace_id, counts in _by_workspace(found).items():
        _tell(workspace_id, counts)
    return {name: sum(rows.values()) for name, rows in found.items()}


def _call_forgotten() -> dict[int, int]:
    """Incidents and tickets that burn, that somebody was called for, and that nobody answers for:
    without a run under way and without an end that says why."""
    found: dict[int, int] = {}
    for kind in matters.KINDS.values():
        for row in _forgotten(kind.burning()):
            policy = kind.policy(row)
            if policy is None:
                continue
            with transaction.atomic():
                reason = "It burns, and nobody was being called for it."
                runs.begin(row, policy=policy, why="opened", actor=PORTAL, reason=reason)
                record(PORTAL, REPAIRED, row, reason=reason)
            found[row.workspace_id] = found.get(row.workspace_id, 0) + 1
    return found


def _forgotten(burning: QuerySet[Any]) -> Sequence[Any]:
    own = {burning.model._meta.model_name: OuterRef("pk")}
    # A run in any of these stands for it: somebody is called, answered, or nobody did.
    stands = EscalationRun.objects.filter(**own, status__in=["running", "answered", "unanswered"])
    ended = EscalationRun.objects.filter(
        **own, status="ended", ended_at__lt=Now() - timedelta(minutes=1)
    )
    rows = burning.filter(Exists(ended), ~Exists(stands), acknowledged_at=None)
    return list(rows.order_by("pk")[:_MOST])


def _send_unsent() -> dict[int, int]:
    found: dict[int, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(_UNSENT, [_MOST])
        rows = cursor.fetchall()
    for key, uid, news, workspace_id in rows:
        outbox.enqueue(
            "notify.deliver",
            {"delivery": key},
            key=f"delivery:{uid}",
            workspace_id=workspace_id,
            subject=f"notify.notification:{news}",
        )
        found[workspace_id] = found.get(workspace_id, 0) + 1
    return found


def _by_workspace(found: dict[str, dict[int, int]]) -> dict[int, dict[str, int]]:
    turned: dict[int, dict[str, int]] = {}
    for name, rows in found.items():
        for workspace_id, count in rows.items():
            turned.setdefault(workspace_id, {})[name] = count
    return turned


def _tell(workspace_id: int, counts: dict[str, int]) -> None:
    said = {
        "forgotten": "for {} incidents or tickets that burn nobody was being called",
        "unsent": "{} messages of calls were never handed to the sender",
    }
    what = "; ".join(said[name].format(count) for name, count in sorted(counts.items()))
    logger.error("paging was mended in workspace %s: %s", workspace_id, what)
    newest = EscalationRun.objects.filter(workspace=workspace_id).order_by("-pk").first()
    notify(
        workspace_id=workspace_id,
        kind=REPAIRED,
        to=To(roles=["workspace_admin"]),
        key=f"{REPAIRED}:{newest.uid if newest else ''}:{Delivery.objects.count()}"[:200],
        values={"what": what},
        urgency=Urgency.CRITICAL,
    )


# --- What the watch asks --------------------------------------------------------------------------


@watch.probe("incidents.paging")
def paging() -> Iterator[Finding]:
    """Steps nobody takes, ways nobody takes, calls nobody answered or that reach nobody."""
    late = Now() - timedelta(seconds=numbers.LATE_S.value)
    steps = EscalationRun.objects.filter(status="running", next_at__lt=late)
    yield from _overdue("escalations", steps, "steps of escalations")
    yield from _overdue("pages", Page.objects.filter(next_at__lt=late), "next ways of calls")
    stuck = EscalationRun.objects.filter(status="running").exclude(trouble="").count()
    if stuck:
        said = f"{stuck} escalations can't take their step; they are tried again."
        yield Finding("paging", "trouble", said)
    silent = sum(_unanswered(kind.burning()) for kind in matters.KINDS.values())
    if silent:
        said = f"Nobody answered for {silent} incidents or tickets that burn."
        yield Finding("paging", "unanswered", said, critical=False)
    lost = (
        Page.objects.filter(status="unreached", notification__isnull=False)
        .filter(run__status="running").count()
    )  # fmt: skip
    if lost:
        said = f"{lost} calls under way could not be delivered by any way."
        yield Finding("paging", "unreached", said, critical=False)


def _unanswered(burning: QuerySet[Any]) -> int:
    own = {f"{burning.model._meta.model_name}__in": burning.values("pk")}
    return EscalationRun.objects.filter(status="unanswered", **own).count()


def _overdue(subject: str, rows: Any, what: str) -> Iterator[Finding]:
    found = rows.aggregate(n=Count("pk"), age=Now() - Min(F("next_at")))
    if found["n"]:
        age = found["age"].total_seconds()
        yield Finding("lag", subject, f"{found['n']} {what} are due, the oldest for {age:.0f} s.")

"""Somebody who is refused again and again may be somebody else: told to those who can act.

Refusals stand in the audit log, with who tried. A burst of them by one account pages the people
on call and the security lead, with the page where one button locks the account, and another
unlocks it again. Locking by itself would let anybody lock anybody out, so a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now
from django.urls import reverse

from controlplane.access.models import Agent, User
from controlplane.audit.models import AuditEvent, Outcome
from controlplane.base import signals
from controlplane.jobs.registry import job
from controlplane.lib import clock, defaults
from controlplane.notify import wording
from controlplane.notify.models import Urgency
from controlplane.notify.services.news import To, notify

BURST = defaults.define(
    "access.breach_denials",
    20,
    unit="refusals",
    why="a person who strays is refused a few times; twenty in ten minutes is somebody trying",
)
WINDOW = defaults.define(
    "access.breach_window_minutes", 10, unit="minutes", why="the refusals are counted over these"
)
TOLD = ("primary_operator", "secondary_operator", "security_lead")
KIND = "access.breach_suspected"

wording.register(
    KIND,
    "An account was refused again and again",
    subject="Possible breach: {who} was refused {count} times",
    body="{who} tried what it may not {count} times in {minutes} minutes, last: {action}.\n\n"
    "Open the account to see what it did, and lock it if this was not its owner. A lock ends its"
    " sessions and keys at once and can be undone.",
)


@job(
    "access.watch_refusals",
    every=timedelta(minutes=1),
    time_limit=30,
    doc="Tells the people on call and the security lead of accounts refused again and again.",
)
def watch_refusals() -> dict[str, int]:
    # By the database's clock, which also stamps the log.
    found = list(bursts(Now() - timedelta(minutes=WINDOW.value)))
    for burst in found:
        _tell(burst)
    return {"bursts": len(found)}


def bursts(since: datetime | CombinedExpression) -> Iterable[Mapping[str, Any]]:
    return (
        AuditEvent.objects.filter(
            outcome=Outcome.DENIED,
            at__gte=since,
            actor_kind__in=["person", "agent", "service"],
            workspace_id__isnull=False,
        )
        .values("workspace_id", "actor_ref")
        .annotate(count=Count("pk"), last=Max("pk"), label=Max("actor_label"))
        .filter(count__gte=BURST.value)
        .order_by("-count")[:100]
    )


@transaction.atomic
def _tell(burst: Mapping[str, Any]) -> None:
    """Once an hour for each account, however long it goes on."""
    key = f"breach:{burst['actor_ref']}:{clock.now():%Y-%m-%dT%H}"
    last = AuditEvent.objects.get(pk=burst["last"])
    notify(
        workspace_id=burst["workspace_id"],
        kind=KIND,
        to=To(roles=TOLD, channels=None),
        key=key,
        values={
            "who": burst["label"],
            "count": burst["count"],
            "minutes": WINDOW.value,
            "action": last.action,
        },
        urgency=Urgency.CRITICAL,
        link=_page(burst["actor_ref"]),
        about=burst["actor_ref"],
    )
    signals.emit(
        KIND,
        key=f"{key}:{burst['workspace_id']}",
        payload={"actor": burst["actor_ref"], "count": burst["count"], "action": last.action},
        workspace_id=burst["workspace_id"],
    )


def _page(actor_ref: str) -> str:
    """Where the account is locked."""
    kind, _, number = actor_ref.partition(":")
    if kind == "user" and number.isdigit():
        user = User.objects.filter(pk=int(number)).first()
        return reverse("access:member", args=(user.uid,)) if user is not None else ""
    if number.isdigit():
        agent = Agent.objects.filter(pk=int(number)).first()
        return reverse("access:agent", args=(agent.uid,)) if agent is not None else ""
    return ""

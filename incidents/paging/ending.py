"""Runs end, and what was still to be sent for them is not sent: visibly, row by row."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from controlplane.lib.actors import Actor
from controlplane.lib.text import short
from controlplane.notify.models import Delivery
from incidents.models import EscalationRun, Page

OPEN = (Page.Status.CALLING, Page.Status.SENT, Page.Status.DELIVERED)


def end_runs(
    rows: QuerySet[Any],
    why: str,
    *,
    status: str = "ended",
    answered_by: Actor | None = None,
    way: str = "",
) -> list[int]:
    """End those that still run, once whoever takes a step of theirs just now is done with it.
    Runs are locked before pages, here as everywhere."""
    held = list(
        rows.filter(status="running")
        .order_by("pk")
        .select_for_update(of=("self",), no_key=True)
        .values_list("pk", flat=True)
    )
    if held:
        EscalationRun.objects.filter(pk__in=held).update(
            status=status, next_at=None, ended_at=Now(), ended_why=short(why, 300),
            version=F("version") + 1,
        )  # fmt: skip
        hush(Page.objects.filter(run__in=held), why, answered_by=answered_by, way=way)
    return held


def hush(pages: QuerySet[Any], why: str, *, answered_by: Actor | None = None, way: str = "") -> int:
    """Nobody of these is called any further. Whoever answered has answered their own."""
    pages = pages.filter(Q(status__in=OPEN) | Q(next_at__isnull=False))
    news = list(pages.values_list("notification_id", flat=True))
    if not news:
        return 0
    Delivery.objects.filter(notification__in=news, state=Delivery.State.WAITING).update(
        state=Delivery.State.SUPPRESSED, why=short(why, 200), settled_at=Now()
    )
    own = _own(answered_by)
    if own:
        Page.objects.filter(notification__in=news, status__in=OPEN, **own).update(
            status=Page.Status.ANSWERED, answered_at=Now(), answered_by_way=way[:20], next_at=None
        )
    rest = Page.objects.filter(notification__in=news)
    rest.filter(status__in=OPEN).update(
        status=Page.Status.SUPPRESSED, note=short(why, 300), next_at=None
    )
    rest.update(next_at=None)
    return len(news)


def _own(actor: Actor | None) -> dict[str, int]:
    """Which of several calls are theirs."""
    if actor is not None and actor.user_id is not None:
        return {"user": actor.user_id}
    if actor is not None and actor.contact_id is not None:
        return {"contact": actor.contact_id}
    return {}

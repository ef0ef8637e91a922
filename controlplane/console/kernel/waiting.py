"""What of the kernel waits for somebody: the home page's rows, and banners."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import AccessReview, BreakGlass
from controlplane.base.registries import (
    Banner,
    BannerText,
    HomeRow,
    Waiting,
    banners,
    home_rows,
)
from controlplane.console.kernel import nav
from controlplane.jobs.models import ObligationRecord, WatchAlarm
from controlplane.lib.actors import Actor

SHOWN = 8


def url_of(obj: models.Model) -> str:
    model_admin: Any = admin.site._registry[type(obj)]
    return str(model_admin.object_url(obj))


def _in(rows: models.QuerySet[Any], workspace_id: int | None) -> models.QuerySet[Any]:
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


def alarms(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    return [
        Waiting(
            title=alarm.message,
            url=url_of(alarm),
            text=f"{alarm.kind}: {alarm.subject}",
            state="critical" if alarm.critical else "warning",
            tone="bad" if alarm.critical else "warn",
            since=alarm.opened_at,
        )
        for alarm in nav.alarms(actor).order_by("-critical", "opened_at")[:SHOWN]
    ]


def obligations(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """Those of one's own roles first: the others are somebody else's turn."""
    rows = _in(nav.due_obligations(actor), workspace_id).select_related("obligation")
    found = list(rows.order_by("due_at")[: SHOWN * 5])
    found.sort(key=lambda row: _turn(actor, row) == "")
    return [
        Waiting(
            title=row.obligation.title,
            url=url_of(row),
            text=_turn(actor, row) or f"{policy.ROLES[row.obligation.owner_role][0]}'s turn",
            state=row.get_status_display(),
            tone="warn" if _turn(actor, row) else "neutral",
            due=row.due_at,
            mine=bool(_turn(actor, row)),
        )
        for row in found[:SHOWN]
    ]


def _turn(actor: Actor, row: ObligationRecord) -> str:
    if row.status == ObligationRecord.Status.DUE:
        return "Yours to record" if policy.can(actor, "obligation.fulfil", row) else ""
    return "Yours to sign" if policy.can(actor, "obligation.sign", row) else ""


def dead_letters(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    rows = _in(nav.dead_letters(actor), workspace_id).order_by("-id")[:SHOWN]
    return [
        Waiting(
            title=f"{row.topic} was given up",
            url=url_of(row),
            text=row.last_error,
            state="dead",
            tone="bad",
            since=row.finished_at or row.created_at,
        )
        for row in rows
    ]


def reviews(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    rows = _in(nav.open_reviews(actor), workspace_id).select_related("workspace")
    return [
        Waiting(
            title=f"Access review {row.period} of {row.workspace.name}",
            url=reverse("access:review", args=(row.period,)),
            state=row.get_status_display(),
            tone="warn",
            due=row.due_at,
            mine=bool(policy.can(actor, "access_review.manage", row)),
        )
        for row in rows.order_by("due_at")[:SHOWN]
    ]


def last_alarm(actor: Actor, workspace_id: int | None) -> datetime | None:
    over = WatchAlarm.objects.visible_to(actor).exclude(closed_at=None)
    return over.order_by("-id").values_list("closed_at", flat=True).first()


def last_review(actor: Actor, workspace_id: int | None) -> datetime | None:
    signed = _in(AccessReview.objects.visible_to(actor).exclude(signed_at=None), workspace_id)
    found: datetime | None = (
        signed.order_by("-signed_at").values_list("signed_at", flat=True).first()
    )
    return found


def _counted(rows: Callable[[Actor], models.QuerySet[Any]], scoped: bool = True) -> Any:
    def count(actor: Actor, workspace_id: int | None) -> int:
        found = _in(rows(actor), workspace_id) if scoped else rows(actor)
        return found.order_by()[: nav.MOST_COUNTED].count()

    return count


def open_glass(actor: Actor, workspace_id: int | None) -> Iterator[BannerText]:
    """Whoever works beside somebody who came in by break-glass is told, and so are they."""
    rows = (
        BreakGlass.objects.visible_to(actor)
        .filter(ended_at=None)
        .select_related("user", "workspace")
    )
    for row in _in(rows, workspace_id)[:3]:
        whom = "You are" if row.user_id == actor.user_id else f"{row.user.name} is"
        yield BannerText(
            f"{whom} in {row.workspace.name} by break-glass: {row.reason}",
            link=reverse("access:break_glass"),
            link_text="See it, or end it",
        )


def register() -> None:
    home_rows.register(
        HomeRow(
            slug="alarms",
            title="Alarms of the portal",
            action="job.view",
            rows=alarms,
            count=_counted(nav.alarms, scoped=False),
            empty="Every part gives a sign of life.",
            link="/admin/jobs/watchalarm/?closed_at__isempty=1",
            order=10,
            last=last_alarm,
            then="The last one ended",
        )
    )
    home_rows.register(
        HomeRow(
            slug="dead-letters",
            title="Messages that were given up",
            action="notify.view",
            rows=dead_letters,
            count=_counted(nav.dead_letters),
            empty="Everything that should leave has left.",
            link="/admin/notify/outboxmessage/?state__exact=dead",
            order=20,
        )
    )
    home_rows.register(
        HomeRow(
            slug="obligations",
            title="Obligations",
            action="obligation.view",
            rows=obligations,
            count=_counted(nav.due_obligations),
            empty="Nothing is due.",
            link="/admin/jobs/obligationrecord/?status__exact=due",
            order=60,
        )
    )
    home_rows.register(
        HomeRow(
            slug="access-reviews",
            title="Access reviews",
            action="access_review.view",
            rows=reviews,
            count=_counted(nav.open_reviews),
            empty="None is open.",
            link="/access/reviews/",
            order=50,
            last=last_review,
            then="The last one was signed",
        )
    )
    banners.register(
        Banner("break-glass", lambda actor, workspace_id: list(open_glass(actor, workspace_id)))
    )

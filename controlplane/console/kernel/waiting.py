"""What of the kernel waits for somebody: the home page's rows, and banners."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import AccessReview, BreakGlass
from controlplane.base.registries import (
    Banner,
    BannerText,
    Calm,
    HomeRow,
    Waiting,
    banners,
    home_rows,
)
from controlplane.console.kernel import nav
from controlplane.jobs.alarms import last_look
from controlplane.jobs.models import WatchAlarm
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader

SHOWN = 8
LOOK_STALE = defaults.define(
    "console.look_stale_s",
    120,
    unit="seconds",
    why="the watch looks every few seconds; after two minutes nobody knows what is well",
)


def url_of(obj: models.Model) -> str:
    model_admin: Any = admin.site._registry[type(obj)]
    return str(model_admin.object_url(obj))


def _in(rows: models.QuerySet[Any], workspace_id: int | None) -> models.QuerySet[Any]:
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


_ALARMS: ForReader[WatchAlarm] = ForReader(
    lambda actor, _: nav.alarms(actor).order_by("-critical", "opened_at")[:SHOWN]
)


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
        for alarm in _ALARMS.rows(actor, workspace_id)
    ]


def obligations(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """Those that are one's own turn: what another role has to do needs nothing of this person."""
    return [
        Waiting(
            title=row.obligation.title,
            url=url_of(row),
            text=nav.turn_of(actor, row),
            state=row.get_status_display(),
            tone="warn",
            due=row.due_at,
            mine=True,
        )
        for row in nav.own_obligations(actor, workspace_id)[:SHOWN]
    ]


_DUE: ForReader[int] = ForReader(
    lambda actor, workspace_id: (
        _in(nav.due_obligations(actor), workspace_id)
        .order_by()
        .values_list("pk", flat=True)[: nav.MOST_COUNTED]
    )
)


def no_obligation(actor: Actor, workspace_id: int | None) -> Calm:
    others = len(_DUE.rows(actor, workspace_id))
    if not others:
        return Calm("Nothing is due.")
    return Calm(f"None is your turn; {others} {'is' if others == 1 else 'are'} another role's.")


def watched(actor: Actor, workspace_id: int | None) -> Calm:
    """Silence of a watch that does not look is no good news."""
    looked = last_look()
    next_step = "/admin/jobs/scheduledjob/" if policy.can(actor, "job.view") else ""
    if looked is None:
        return Calm(
            "Nothing has been looked at yet. The watch begins with the worker and the beat.",
            False, next_step, "Jobs",
        )  # fmt: skip
    if clock.now() - looked > timedelta(seconds=LOOK_STALE.value):
        told = f"The watch last looked at {looked:%Y-%m-%d %H:%M} UTC. See that the worker runs."
        return Calm(told, False, next_step, "Jobs")
    return Calm("Every part gives a sign of life.")


_DEAD: ForReader[Any] = ForReader(
    lambda actor, workspace_id: _in(nav.dead_letters(actor), workspace_id).order_by("-id")[:SHOWN]
)


def dead_letters(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    return [
        Waiting(
            title=f"{row.topic} was given up",
            url=url_of(row),
            text=row.last_error,
            state="dead",
            tone="bad",
            since=row.finished_at or row.created_at,
        )
        for row in _DEAD.rows(actor, workspace_id)
    ]


_REVIEWS: ForReader[AccessReview] = ForReader(
    lambda actor, workspace_id: (
        _in(nav.open_reviews(actor), workspace_id)
        .select_related("workspace")
        .order_by("due_at")[:SHOWN]
    )
)


def reviews(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    return [
        Waiting(
            title=f"Access review {row.period} of {row.workspace.name}",
            url=reverse("access:review", args=(row.period,)),
            state=row.get_status_display(),
            tone="warn",
            due=row.due_at,
            mine=bool(policy.can(actor, "access_review.manage", row)),
        )
        for row in _REVIEWS.rows(actor, workspace_id)
    ]


def last_alarm(actor: Actor, workspace_id: int | None) -> models.QuerySet[Any, datetime | None]:
    over = WatchAlarm.objects.visible_to(actor).exclude(closed_at=None)
    return over.order_by("-id").values_list("closed_at", flat=True)


def last_review(actor: Actor, workspace_id: int | None) -> models.QuerySet[Any, datetime | None]:
    signed = _in(AccessReview.objects.visible_to(actor).exclude(signed_at=None), workspace_id)
    return signed.order_by("-signed_at").values_list("signed_at", flat=True)


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
            most=SHOWN,
            calm=watched,
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
            most=SHOWN,
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
            count=lambda actor, workspace_id: len(nav.own_obligations(actor, workspace_id)),
            most=SHOWN,
            calm=no_obligation,
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
            most=SHOWN,
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

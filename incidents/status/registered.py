"""What status pages hand to the packages below."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from controlplane.audit import words
from controlplane.base.data_rules import Person, Reach
from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always, keep_found
from controlplane.lib.actors import Actor
from deployments.maintenance import places
from deployments.models import MaintenanceWindow
from incidents.models import StatusPage, StatusSubscriber

nothing(
    "status.pages",
    "incidents.statuspage",
    "incidents.statusdocument",
    why="what the public reads; whoever made a page stands there by an opaque ref",
)


def _forget_subscriber(person: Person, actor: Actor) -> int:
    rows = StatusSubscriber.objects.filter(email__iexact=person.email)
    return int(rows.delete()[0])


holds(
    "status.subscribers",
    "incidents.statussubscriber",
    "mails of status pages one asked for",
    rows_of("incidents.statussubscriber", "email__iexact", "email", "page__slug", "asked_at",
            "confirmed_at", by="email"),
    erase=_forget_subscriber,
)  # fmt: skip
keep_always("status.pages", "incidents.statuspage", "incidents.statusdocument",
            why="what the public reads, for as long as a workspace keeps it")  # fmt: skip


def _unconfirmed(cutoff: datetime) -> QuerySet[StatusSubscriber]:
    rows = StatusSubscriber.objects.filter(confirmed_at=None, asked_at__lt=cutoff)
    return rows.order_by("asked_at")


keep_found(
    "status.subscribers", "incidents.statussubscriber", _unconfirmed, days=7,
    reach=Reach(workspace="page__workspace_id"),
    what="subscriptions to the status page, not confirmed",
    why="an address that nobody confirmed goes after a week, any other when its owner leaves",
)  # fmt: skip


def _shows(window: MaintenanceWindow) -> bool:
    return (
        window.user_facing
        and StatusPage.objects.in_force().filter(workspace=window.workspace_id).exists()
    )


def register() -> None:
    places.register("status", _shows)
    words.define("status", {"keep": "change/changed the status page",
                            "keep:add": "make/made the status page"})  # fmt: skip

"""Requests for consent, and everybody one may meet around them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from controlplane.access.models import User, Workspace
from controlplane.approvals import services
from controlplane.approvals.models import Policy, Request
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from tests import make

PACKET = {"summary": "Turn it on", "percent": 10, "regions": ["eu"]}


def slot(slug: str, *roles: str, count: int = 1, requester_may: bool = False) -> dict[str, Any]:
    return {
        "slug": slug,
        "title": slug.title(),
        "roles": list(roles),
        "count": count,
        "requester_may": requester_may,
    }


def policy(workspace: Workspace, *slots: dict[str, Any], slug: str = "", **given: Any) -> Policy:
    chosen = list(slots) or [slot("release", "release_manager")]
    number = Policy.objects.filter(workspace=workspace).count()
    return services.define_policy(
        workspace, slug or f"policy-{number}", actor=make.JOB, name="Policy", slots=chosen, **given
    )


@dataclass(frozen=True)
class Person:
    user: User
    actor: Actor


def person(workspace: Workspace, *roles: str, **fields: Any) -> Person:
    user = make.person(workspace, *roles, **fields)
    return Person(user, make.actor(user))


def _somebody(workspace: Workspace) -> Actor:
    """The same for all requests of which nobody is said to ask."""
    name = "Prue Product"
    found = User.objects.filter(memberships__workspace=workspace, name=name).first()
    return make.actor(found or make.person(workspace, "product_manager", name=name))


def ask(
    workspace: Workspace, *, actor: Actor | None = None, policy: Any = "flag_change", **given: Any
) -> Request:
    if actor is None:
        actor = _somebody(workspace)
    values: dict[str, Any] = {
        "owner": "by_hand",
        "subject": "tests:1",
        "title": "Ten percent in Europe",
        "packet": PACKET,
        **given,
    }
    return services.ask(workspace, policy=policy, actor=actor, **values)


def sign(request: Request, by: Person | Actor, verdict: str = "approved", **given: Any) -> Request:
    actor = by.actor if isinstance(by, Person) else by
    if verdict != "approved":
        given.setdefault("comment", "Not like this.")
    given.setdefault("sha256", request.sha256)
    return services.decide(request, verdict, actor=actor, **given)


def now_of(request: Request) -> Request:
    return Request.objects.get(pk=request.pk)


def timers_of(request: Request) -> dict[str, Timer]:
    """The open promises of one request, by the last part of their key."""
    rows = Timer.objects.filter(key__startswith=f"approval:{request.uid}:", state="waiting")
    return {row.key.split(":", 2)[2]: row for row in rows}


def ring(request: Request, name: str) -> None:
    """The database's clock has come to this promise."""
    key = f"approval:{request.uid}:{name}"
    Timer.objects.filter(key=key).update(ready_at=clock.now() - timedelta(days=400))
    timers.work(time.monotonic() + 5)


def rewind(request: Request, by: timedelta) -> Request:
    """As if it had been asked that much earlier. The guards are lifted for the owner's hand."""
    moved = ("requested_at", "asked_at", "due_at", "expires_at")
    parts = ", ".join(f"{name} = {name} - %s" for name in moved)
    values: list[Any] = [*([by] * len(moved)), request.pk]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE approvals_request DISABLE TRIGGER approvals_request_stays")
        cursor.execute(
            f"UPDATE approvals_request SET {parts} WHERE id = %s",
            values,
        )
        cursor.execute("ALTER TABLE approvals_request ENABLE TRIGGER approvals_request_stays")
    return now_of(request)


def told(kind: str) -> list[str]:
    """E-mail addresses whose inbox holds news of this kind, in order."""
    from controlplane.notify.models import InboxItem

    rows = InboxItem.objects.filter(notification__kind=kind).order_by("pk")
    return list(rows.values_list("user__email", flat=True))


def speak() -> None:
    """What was said of requests reaches their work items."""
    from controlplane.approvals.services import telling
    from controlplane.notify.models import OutboxMessage

    for message in OutboxMessage.objects.filter(topic=telling.TOPIC).order_by("pk"):
        assert telling.say(message).kind == "accepted"


def later(**passed: float) -> datetime:
    return clock.now() + timedelta(**passed)

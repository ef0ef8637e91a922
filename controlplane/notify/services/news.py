"""Tell somebody something: one notification, one delivery per target, all in the caller's
transaction. Sending is the outbox's work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from controlplane.access.models import Grant, User
from controlplane.lib import clock, context
from controlplane.lib.text import short
from controlplane.notify import outbox, wording
from controlplane.notify.availability import is_there, opens_at
from controlplane.notify.models import (
    GATEWAYS,
    Channel,
    Contact,
    Delivery,
    InboxItem,
    Method,
    Notification,
    Preference,
    QuietHours,
    Step,
    Urgency,
)
from controlplane.notify.quiet import quiet_until


@dataclass(frozen=True, slots=True)
class To:
    """Whom to tell. Roles mean whoever holds them now; `channels=None` means every channel of
    the workspace that takes this urgency. Contacts are those of the book without an account,
    who are mailed; who has one is a user."""

    users: Sequence[int] = ()
    roles: Sequence[str] = ()
    channels: Sequence[int] | None = ()
    contacts: Sequence[int] = ()


@transaction.atomic
def notify(
    *,
    workspace_id: int,
    kind: str,
    to: To,
    key: str,
    values: Mapping[str, object] | None = None,
    subject: str = "",
    body: str = "",
    urgency: str = Urgency.NORMAL,
    link: str = "",
    about: str = "",
    thread: str = "",
    step: str = Step.NEWS,
) -> Notification:
    """Write the news and its deliveries. The same key again returns what is there."""
    people, note = _people(workspace_id, to)
    notification, created = write(
        workspace_id=workspace_id,
        kind=kind,
        key=key,
        values=values,
        subject=subject,
        body=body,
        urgency=urgency,
        link=link,
        about=about,
        thread=thread,
        step=step,
        note=note,
    )
    if created:
        _address_people(notification, people)
        _address_contacts(notification, to.contacts)
        _address_channels(notification, to.channels)
    return notification


def write(
    *,
    workspace_id: int,
    kind: str,
    key: str,
    values: Mapping[str, object] | None,
    subject: str,
    body: str,
    urgency: str,
    link: str,
    about: str,
    thread: str,
    step: str,
    note: str,
) -> tuple[Notification, bool]:
    """The news itself, for nobody yet; whether it is new."""
    if not subject:
        subject, body = wording.render(workspace_id, kind, values or {})
    return Notification.objects.get_or_create(
        workspace_id=workspace_id,
        key=key,
        defaults={
            "kind": kind,
            "urgency": urgency,
            "subject": short(subject, 200),
            "body": body[:8000],
            "link": settings.PUBLIC_URL + link if link.startswith("/") else link,
            "about": about,
            "thread": thread[:120],
            "step": step,
            "note": note,
            "correlation_id": context.current().correlation_id,
        },
    )


def _people(workspace_id: int, to: To) -> tuple[list[User], str]:
    """Who is meant, now. A role nobody holds falls to the workspace's admins, and says so:
    news for an empty chair must not vanish."""
    held = Grant.objects.held().filter(membership__workspace_id=workspace_id)
    members = set(held.values_list("membership__user_id", flat=True))
    ids = set(to.users) & members
    note = ""
    if to.roles:
        holders = set(held.filter(role__in=to.roles).values_list("membership__user_id", flat=True))
        if not holders:
            holders = set(
                held.filter(role="workspace_admin").values_list("membership__user_id", flat=True)
            )
            note = f"Nobody holds {', '.join(to.roles)}; sent to the workspace's admins."
        ids |= holders
    return list(User.objects.filter(pk__in=ids, is_active=True).order_by("pk")), note


def _address_people(notification: Notification, people: Iterable[User]) -> None:
    people = list(people)
    wishes = _wishes(notification.kind, people)
    quiet = {row.user_id: row for row in QuietHours.objects.filter(user__in=people)}
    for person in people:
        for method in (Method.INBOX, Method.EMAIL):
            wanted = wishes.get((person.pk, method), True)
            if not wanted and notification.urgency != Urgency.CRITICAL:
                _suppress(notification, person, method)
            elif method is Method.INBOX:
                put_into_inbox(notification, person)
            else:
                until = quiet_end(notification, person, quiet.get(person.pk))
                queue(Delivery(notification=notification, method=method, user=person), until)


def _address_contacts(notification: Notification, wanted: Sequence[int]) -> None:
    """By mail, at hours of theirs. Whoever has no address there isn't told."""
    if not wanted:
        return
    rows = Contact.objects.filter(workspace_id=notification.workspace_id, is_active=True)
    now = clock.now()
    for contact in rows.filter(pk__in=wanted, user=None).exclude(email="").order_by("pk"):
        until = None
        if notification.urgency != Urgency.CRITICAL and not is_there(contact, now):
            until = opens_at(contact, now)
        queue(Delivery(notification=notification, method=Method.EMAIL, contact=contact), until)


def _wishes(kind: str, people: Sequence[User]) -> dict[tuple[int, str], bool]:
    """(person, method) -> wanted. A wish for this kind beats one for all kinds."""
    rows = Preference.objects.filter(user__in=people, kind__in=["*", kind])
    # "*" sorts before every kind, so the particular wish is written last.
    return {
        (row.user_id, row.method): row.wanted
        for row in sorted(rows, key=lambda row: row.kind != "*")
    }


def _suppress(notification: Notification, person: User, method: str) -> None:
    Delivery.objects.create(
        notification=notification,
        method=method,
        user=person,
        state=Delivery.State.SUPPRESSED,
        why="not wanted: the person's preference",
        settled_at=clock.now(),
    )


def put_into_inbox(notification: Notification, person: User) -> None:
    """The inbox is a table of ours: delivered in this very transaction."""
    InboxItem.objects.create(user=person, notification=notification)
    Delivery.objects.create(
        notification=notification,
        method=Method.INBOX,
        user=person,
        state=Delivery.State.SENT,
        settled_at=clock.now(),
    )


def quiet_end(
    notification: Notification, person: User, hours: QuietHours | None
) -> datetime | None:
    if hours is None or notification.urgency == Urgency.CRITICAL:
        return None
    return quiet_until(
        clock.now(),
        starts=hours.starts,
        ends=hours.ends,
        weekends=hours.weekends,
        zone=person.time_zone,
    )


def queue(delivery: Delivery, not_before: datetime | None) -> None:
    if not_before:
        whose = "their" if delivery.contact_id else "quiet"
        delivery.why = f"held for {whose} hours until {not_before:%Y-%m-%d %H:%M} UTC"
    delivery.save()
    outbox.enqueue(
        "notify.deliver",
        {"delivery": delivery.pk},
        key=f"delivery:{delivery.uid}",
        workspace_id=delivery.notification.workspace_id,
        subject=f"notify.notification:{delivery.notification_id}",
        not_before=not_before,
    )


def _address_channels(notification: Notification, wanted: Sequence[int] | None) -> None:
    channels = Channel.objects.filter(workspace_id=notification.workspace_id, is_active=True)
    if wanted is not None:
        channels = channels.filter(pk__in=wanted)
    # A gateway is a way to people and no place where all can read.
    channels = channels.exclude(kind__in=GATEWAYS)
    for channel in channels:
        if channel.urgencies and notification.urgency not in channel.urgencies:
            continue
        queue(Delivery(notification=notification, method=Method.CHANNEL, channel=channel), None)

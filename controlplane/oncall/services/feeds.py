"""Calendars that people's programs fetch without signing in, by a link that can be revoked."""

from __future__ import annotations

import base64
import hmac
import uuid
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from controlplane.access import policy
from controlplane.access.models import Grant, Workspace
from controlplane.audit.services import record
from controlplane.lib import clock, keys
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotFound
from controlplane.oncall.models import Feed, Schedule

ACTION = "oncall.feed"
READ_AGAIN = timedelta(hours=1)


@transaction.atomic
def subscribe(workspace: Workspace, *, actor: Actor, schedule: Schedule | None = None) -> Feed:
    """A calendar of one's own shifts here, or of all shifts of a schedule. Asked again, the one
    that is there."""
    policy.require(actor, ACTION, workspace)
    if actor.user_id is None:
        raise Invalid("A calendar belongs to a person.")
    if schedule is not None and schedule.workspace_id != workspace.pk:
        raise NotFound("No such schedule.")
    mine = Feed.objects.in_force().filter(
        workspace=workspace, person_id=actor.user_id, schedule=schedule
    )
    found: Feed | None = mine.first()
    if found is not None:
        return found
    made = Feed(workspace=workspace, person_id=actor.user_id, schedule=schedule)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise Conflict("It was made just now. Look again.") from error
    after = {"schedule": schedule.slug if schedule is not None else "own shifts"}
    record(actor, ACTION, made, after=after)
    return made


@transaction.atomic
def revoke_feed(feed: Feed, *, actor: Actor, reason: str = "") -> Feed:
    """Its link opens nothing from now on. One's own, or anybody's by who manages schedules."""
    mine = feed.person_id == actor.user_id
    policy.require(actor, ACTION if mine else "oncall.manage", feed)
    if Feed.objects.in_force().filter(pk=feed.pk).update(revoked_at=clock.now()):
        record(
            actor,
            ACTION,
            feed,
            before={"is_active": True},
            after={"is_active": False},
            reason=reason,
        )
    feed.refresh_from_db()
    return feed


def token_of(feed: Feed) -> str:
    """Made from the row whenever it is shown, so that no secret has to be kept."""
    return f"{feed.uid.hex}.{_mark(feed.uid)}"


def feed_by(token: str) -> Feed:
    """The calendar a link leads to, while it is in force and its person still works there. One
    answer for all others: nothing is here."""
    name, _, mark = token.partition(".")
    try:
        uid = uuid.UUID(hex=name)
    except ValueError:
        raise NotFound("No such calendar.") from None
    if not hmac.compare_digest(mark.encode(), _mark(uid).encode()):
        raise NotFound("No such calendar.")
    rows = Feed.objects.in_force().select_related("workspace", "schedule", "person")
    found: Feed | None = rows.filter(uid=uid).first()
    if found is None or not _works(found):
        raise NotFound("No such calendar.")
    return found


def note_read(feed: Feed) -> None:
    """When a program last came by, to within the hour: a reader every minute writes no row."""
    now = clock.now()
    old = Q(read_at=None) | Q(read_at__lt=now - READ_AGAIN)
    Feed.objects.filter(old, pk=feed.pk).update(read_at=now)


def _works(feed: Feed) -> bool:
    held = Grant.objects.held().of_active_people()
    return held.filter(
        membership__workspace_id=feed.workspace_id, membership__user_id=feed.person_id
    ).exists()


def _mark(uid: uuid.UUID) -> str:
    digest = hmac.digest(keys.derive("oncall.feed"), uid.bytes, "sha256")
    return base64.urlsafe_b64encode(digest[:24]).decode()

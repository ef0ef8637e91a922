"""What people do with status pages, and what their readers do."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import F

from controlplane.access import attempts, policy
from controlplane.access.models import Workspace
from controlplane.access.models.people import known_time_zone
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound
from controlplane.lib.given import line, refuse
from controlplane.lib.redaction import redact_text
from controlplane.notify import outbox
from incidents.models import StatusPage, StatusSubscriber
from incidents.status import mailing, writing

KEEP = "status.keep"
RESERVED = frozenset({"api", "incidents", "history", "feed.atom", "feed.rss", "subscribe"})
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
ASKS_PER_ADDRESS = defaults.define(
    "status.asks_per_address", 10, unit="mails", why="In a quarter of an hour, from one machine."
)
ASKS_PER_READER = defaults.define(
    "status.asks_per_reader",
    3,
    unit="mails",
    why="Nobody is written to often because others type their address.",
)
MOST = defaults.define(
    "status.most_subscribers", 20_000, unit="addresses", why="More want a sender of mass mail."
)
_BY_ADDRESS = attempts.Limit("status:address", ASKS_PER_ADDRESS)
_BY_READER = attempts.Limit("status:reader", ASKS_PER_READER)


def _slug(name: str, value: Any) -> str:
    slug = line(name, value, 40, required=True)
    if not _SLUG.fullmatch(slug) or slug in RESERVED:
        raise refuse(name, "Small letters, digits and hyphens; and none of the page's own words.")
    return slug


def _zone(name: str, value: Any) -> str:
    zone = line(name, value, 64, required=True)
    try:
        known_time_zone(zone)
    except ValidationError:
        raise refuse(name, "No such time zone.") from None
    return zone


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refuse(name, "True or false.")
    return value


_READ: dict[str, Any] = {
    "slug": _slug,
    "title": lambda name, value: redact_text(line(name, value, 80, required=True))[:80],
    "intro": lambda name, value: redact_text(line(name, value, 500))[:500],
    "time_zone": _zone,
    "is_open": _flag,
    "is_first": _flag,
}


def _values(given: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(_READ))
    if unknown:
        raise refuse(unknown[0], "A status page has no such field.")
    return {name: _READ[name](name, value) for name, value in given.items()}


@transaction.atomic
def create_page(workspace: Workspace, *, actor: Actor, **given: Any) -> StatusPage:
    policy.require(actor, KEEP, workspace)
    if StatusPage.objects.filter(workspace=workspace).exists():
        raise Conflict("This workspace has its status page already.")
    values = _values({"slug": workspace.slug, "title": workspace.name[:80], **given})
    row = StatusPage(workspace=workspace, created_by=actor.ref[:80], **values)
    _store(row.save, force_insert=True)
    record(actor, KEEP, row, after={name: plain(value) for name, value in values.items()})
    return _written(row)


@transaction.atomic
def change_page(
    page: StatusPage, *, actor: Actor, version: int | None = None, **given: Any
) -> StatusPage:
    policy.require(actor, KEEP, page)
    row: StatusPage = StatusPage.objects.select_for_update(no_key=True).get(pk=page.pk)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    values = {name: value for name, value in _values(given).items() if getattr(row, name) != value}
    if not values:
        return row
    before = {name: plain(getattr(row, name)) for name in values}
    rows = StatusPage.objects.filter(pk=row.pk)
    if values.get("is_open"):
        rows.update(told_until=clock.now())  # what was said while it was closed is no news
    _store(rows.update, **values, version=F("version") + 1)
    row.refresh_from_db()
    record(actor, KEEP, row, before=before,
           after={name: plain(value) for name, value in values.items()})  # fmt: skip
    return _written(row)


def _store(write: Any, **values: Any) -> None:
    try:
        with transaction.atomic():
            write(**values)
    except IntegrityError as error:
        if "status_one_first" in str(error):
            raise Conflict("Another page stands under /status/ itself.",
                           details={"is_first": "Another page does."}) from None  # fmt: skip
        if "slug" in str(error):
            raise Conflict("Another page has this name.",
                           details={"slug": "Another page has it."}) from None  # fmt: skip
        raise


def _written(row: StatusPage) -> StatusPage:
    """At once: who looks after it was saved sees it."""
    if row.is_open:
        writing.write(row)
    return row


# --- Readers ------------------------------------------------------------------------------------


def ask_for_mail(slug: str, email: str, *, address: str = "") -> None:
    """Whoever lives at this address is asked whether it was they. Known or not, the answer is the
    same; nothing is sent before they say yes."""
    page = StatusPage.objects.in_force().filter(slug=slug).first()
    if page is None:
        raise NotFound("There is no such page.")
    said = line("email", email, 254, required=True)
    try:
        validate_email(said)
    except ValidationError:
        raise refuse("email", "Not an e-mail address.") from None
    if address:
        attempts.take(_BY_ADDRESS, address)
    attempts.take(_BY_READER, said)
    with transaction.atomic():
        reader = _reader(page, said)
        if reader is not None and reader.confirmed_at is None:
            # The week in which it may be confirmed begins anew with each mail that asks.
            StatusSubscriber.objects.filter(pk=reader.pk).update(asked_at=clock.now())
            key = f"{mailing.CONFIRM}:{reader.uid}:{clock.now():%Y%m%d%H%M%S}"
            outbox.enqueue(mailing.CONFIRM, {"subscriber": str(reader.uid)}, key=key,
                           workspace_id=page.workspace_id)  # fmt: skip


def _reader(page: StatusPage, email: str) -> StatusSubscriber | None:
    known: StatusSubscriber | None = page.subscribers.filter(email__iexact=email).first()
    if known is not None:
        return known
    if page.subscribers.count() >= MOST.value:
        return None
    StatusSubscriber.objects.bulk_create(
        [StatusSubscriber(page=page, email=email)], ignore_conflicts=True
    )
    found: StatusSubscriber | None = page.subscribers.filter(email__iexact=email).first()
    return found


def confirm(reader: StatusSubscriber) -> None:
    StatusSubscriber.objects.filter(pk=reader.pk, confirmed_at=None).update(
        confirmed_at=clock.now()
    )


def leave(reader: StatusSubscriber) -> None:
    """Nothing of them is kept."""
    StatusSubscriber.objects.filter(pk=reader.pk).delete()

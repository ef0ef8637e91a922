"""The public page of support: whether there is one, and what comes in by it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from controlplane.access import attempts, policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib import actors, clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition, NotFound
from controlplane.lib.given import line, refuse
from controlplane.lib.redaction import redact_text
from incidents.models import SupportDoor, Ticket, TicketMessage, TicketRating
from incidents.support import answering, moving, opening, telling
from incidents.support.noting import PORTAL, note
from incidents.support.said import Sent

KEEP = "support.door"
FORM = actors.job("support form")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
RESERVED = frozenset({"t"})
ASKS_PER_ADDRESS = defaults.define(
    "support.asks_per_address", 10, unit="tickets", why="In a quarter of an hour, of one machine."
)
ASKS_PER_READER = defaults.define(
    "support.asks_per_reader",
    5,
    unit="tickets",
    why="Each is confirmed by mail: nobody is written to often because others type their address.",
)
SAID_PER_TICKET = defaults.define(
    "support.said_per_ticket",
    30,
    unit="messages",
    why="By one link in a quarter of an hour: people write less, programs more.",
)
_BY_ADDRESS = attempts.Limit("support:address", ASKS_PER_ADDRESS)
_BY_READER = attempts.Limit("support:reader", ASKS_PER_READER)
_BY_TICKET = attempts.Limit("support:ticket", SAID_PER_TICKET)


# --- Kept -----------------------------------------------------------------------------------------


def _slug(value: Any) -> str:
    slug = line("slug", value, 40, required=True)
    if not _SLUG.fullmatch(slug) or slug in RESERVED:
        raise refuse("slug", "Small letters, digits and hyphens; and none of the page's own words.")
    return slug


def _values(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name == "slug":
            found[name] = _slug(value)
        elif name in {"title", "intro"}:
            most = 80 if name == "title" else 500
            found[name] = redact_text(line(name, value, most, required=name == "title"))[:most]
        elif name == "is_open" and isinstance(value, bool):
            found[name] = value
        else:
            raise refuse(name, "A page of support has no such field.")
    return found


@transaction.atomic
def create_door(workspace: Workspace, *, actor: Actor, **given: Any) -> SupportDoor:
    policy.require(actor, KEEP, workspace)
    if SupportDoor.objects.filter(workspace=workspace).exists():
        raise Conflict("This workspace has its page already.")
    values = _values(
        {"slug": workspace.slug[:40], "title": f"Support of {workspace.name}"[:80], **given}
    )
    row = SupportDoor(workspace=workspace, made_by=actor.ref[:80], **values)
    _store(row.save, force_insert=True)
    record(actor, KEEP, row, after={name: plain(value) for name, value in values.items()})
    return row


@transaction.atomic
def change_door(
    door: SupportDoor, *, actor: Actor, version: int | None = None, **given: Any
) -> SupportDoor:
    policy.require(actor, KEEP, door)
    row: SupportDoor = SupportDoor.objects.select_for_update(no_key=True).get(pk=door.pk)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    values = {name: value for name, value in _values(given).items() if getattr(row, name) != value}
    if not values:
        return row
    before = {name: plain(getattr(row, name)) for name in values}
    _store(SupportDoor.objects.filter(pk=row.pk).update, **values, version=F("version") + 1)
    row.refresh_from_db()
    record(actor, KEEP, row, before=before,
           after={name: plain(value) for name, value in values.items()})  # fmt: skip
    return row


def _store(write: Any, **values: Any) -> None:
    try:
        with transaction.atomic():
            write(**values)
    except IntegrityError as error:
        if "slug" not in str(error):
            raise
        raise Conflict("Another page has this name.", details={"slug": "Taken."}) from None


# --- What comes in --------------------------------------------------------------------------------


def door_of(slug: str) -> SupportDoor:
    """The page of this name, while anybody may read it."""
    rows = SupportDoor.objects.filter(slug=slug, is_open=True, workspace__archived_at=None)
    found: SupportDoor | None = rows.select_related("workspace").first()
    if found is None:
        raise NotFound("There is no such page.")
    return found


def ask(
    door: SupportDoor,
    *,
    actor: Actor,
    address: str,
    subject: str,
    body: str,
    category: str = "other",
    blocking: bool = False,
    name: str = "",
    email: str = "",
    files: Sequence[Sent] = (),
) -> Ticket:
    """By whoever is signed in here, else by the address they say is theirs."""
    known = actor.user_id is not None and door.workspace_id in actor.workspace_ids
    if not known and not email.strip():
        raise refuse("email", "Say where the answer goes.")
    if address:
        attempts.take(_BY_ADDRESS, address)
    if not known:
        attempts.take(_BY_READER, email)
    return opening.open_ticket(
        door.workspace, actor=actor if known else FORM, subject=subject, body=body, source="form",
        category=category, blocking=blocking, requester_name="" if known else name,
        requester_email="" if known else email, files=files,
    )  # fmt: skip


# --- By the link ----------------------------------------------------------------------------------


def say(ticket: Ticket, text: str, *, files: Sequence[Sent] = ()) -> TicketMessage:
    attempts.take(_BY_TICKET, str(ticket.uid))
    return answering.hear(
        ticket, actor=FORM, text=text, source="form", files=files,
        author_name=telling.name_of(ticket),
    )  # fmt: skip


def solved(ticket: Ticket) -> Ticket:
    """Whoever asked needs no more of it."""
    attempts.take(_BY_TICKET, str(ticket.uid))
    return moving.close(ticket, actor=PORTAL, reason="Whoever asked says that it is solved.")


def rate(ticket: Ticket, stars: Any, remark: str = "") -> TicketRating:
    """What they thought of it; said again, it is what they think now. A place is taken also by what
    is refused."""
    attempts.take(_BY_TICKET, str(ticket.uid))
    return _rate(ticket, stars, remark)


@transaction.atomic
def _rate(ticket: Ticket, stars: Any, remark: str) -> TicketRating:
    if ticket.status not in {Ticket.Status.RESOLVED, Ticket.Status.CLOSED}:
        raise InvalidTransition("It is not resolved yet.")
    count = int(stars) if str(stars) in {"1", "2", "3", "4", "5"} else 0
    if not count:
        raise refuse("stars", "From 1 to 5.")
    words = redact_text(line("remark", remark, 1_000))[:1_000]
    row, _ = TicketRating.objects.update_or_create(
        ticket=ticket,
        defaults={"workspace_id": ticket.workspace_id, "stars": count, "remark": words,
                  "at": clock.now()},
    )  # fmt: skip
    note(ticket, "ticket.open", actor=FORM, details={"transition": "rated"},
         after={"stars": count})  # fmt: skip
    return row

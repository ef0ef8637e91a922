"""What is said of a ticket is kept: by whoever asked, to them, and among the people of the desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.audit.services import record
from controlplane.lib import defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, NotAllowed
from controlplane.lib.given import refuse, text
from controlplane.lib.redaction import redact_text
from controlplane.work import services as work
from incidents.models import Ticket, TicketEdit, TicketMessage
from incidents.support.holding import hold
from incidents.support.noting import PORTAL

MOST = 20_000
MOST_FILES = defaults.define(
    "support.files_per_message", 10, unit="files", why="Screenshots and logs of one mail."
)
MOST_STORED = defaults.define(
    "support.files_per_ticket_bytes",
    100_000_000,
    unit="bytes",
    why="What one ticket may keep: nobody fills the storage by mail.",
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it came."""

    name: str
    content: Any
    size: int | None = None
    media_type: str = ""


def keep(
    row: Ticket,
    kind: str,
    words: str,
    *,
    actor: Actor,
    files: Sequence[Sent] = (),
    source: str = "console",
    message_id: str = "",
    author_name: str = "",
) -> TicketMessage:
    """One message. Files that can't be kept are named with the reason, and lose nobody a word."""
    kept, refused = _attach(row, files)
    made = TicketMessage(
        workspace_id=row.workspace_id,
        ticket=row,
        kind=kind,
        text=redact_text(words)[:MOST],
        files=kept,
        refused=refused,
        author=actor.ref[:80] if actor.kind != "job" else "",
        author_name=(author_name or name_of(actor))[:160],
        source=source,
        message_id=message_id[:300],
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        if "ticketmessage_mail_once" not in str(error):
            raise
        raise Conflict("This mail came before.") from None
    return made


def name_of(actor: Actor) -> str:
    """As whoever asked reads it: people by their name, not by the address they sign in with."""
    if actor.user_id is None:
        return actor.label
    person = User.objects.filter(pk=actor.user_id).first()
    return str(person.name or "Support") if person is not None else actor.label


def _attach(row: Ticket, files: Sequence[Sent]) -> tuple[list[Any], list[Any]]:
    """Files stand with the work item, as everything that is attached does."""
    kept: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    room = MOST_STORED.value - _stored(row) if files else 0
    for number, each in enumerate(files):
        shown = redact_text(" ".join(each.name.split()))[:120] or "file"
        why = ""
        if number >= MOST_FILES.value:
            why = f"More than {MOST_FILES.value} files came at once."
        elif each.size is not None and each.size > room:
            why = "The ticket has no room for it."
        if not why and row.item is not None:
            try:
                link = work.attach(
                    row.item, actor=PORTAL, filename=each.name, content=each.content,
                    size=each.size, media_type=each.media_type,
                )  # fmt: skip
            except ControlPlaneError as error:
                why = error.message[:200]
            else:
                room -= link.size or 0
                kept.append({"uid": str(link.uid), "title": link.title, "size": link.size})
        if why:
            refused.append({"title": shown, "why": why})
    return kept, refused


def _stored(row: Ticket) -> int:
    rows = TicketMessage.objects.filter(ticket=row).exclude(files=[])
    return sum(int(each.get("size") or 0) for files in rows.values_list("files", flat=True)
               for each in files)  # fmt: skip


@transaction.atomic
def correct(message: TicketMessage, words: str, *, actor: Actor) -> TicketEdit:
    """Say it better. Only one's own words; each version is kept. What was mailed was mailed."""
    row = hold(message.ticket)
    policy.require(actor, "ticket.respond", row)
    if message.author != actor.ref:
        raise NotAllowed("Only whoever said it says it better.")
    better = redact_text(text("text", words, MOST, required=True))
    held = TicketMessage.objects.select_for_update(of=("self",), no_key=True).get(pk=message.pk)
    before = held.edits.order_by("-number").first()
    if better == (before.text if before is not None else held.text):
        raise Conflict("It says that already.")
    made = TicketEdit(
        workspace_id=row.workspace_id, message=held, text=better, by=actor.ref[:80],
        number=before.number + 1 if before is not None else 1,
    )  # fmt: skip
    made.save(force_insert=True)
    record(
        actor, "ticket.respond", row, after={"version": made.number + 1},
        details={"transition": "corrected", "message": str(held.uid)},
    )  # fmt: skip
    return made


def need(words: str, files: Sequence[Sent]) -> str:
    """Something is said, or something is sent."""
    given = text("text", words, MOST)
    if not given and not files:
        raise refuse("text", "Say something, or send something.")
    return given

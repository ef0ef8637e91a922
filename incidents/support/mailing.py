"""Mails to whoever asked. Each is a row of the outbox, made with what it tells of; address and link
are read when it is sent. Its ids and its subject name the ticket, so that an answer finds it."""

from __future__ import annotations

from controlplane.audit.refs import subject_ref
from controlplane.lib import defaults
from controlplane.notify import outbox
from controlplane.notify.channels.base import Message, Outcome
from controlplane.notify.channels.email import Email
from controlplane.notify.models import OutboxMessage
from incidents.models import Ticket, TicketMessage
from incidents.support import links, telling
from incidents.support.holding import level_of

TOPIC = "ticket.mail"
MAILBOX = defaults.define(
    "support.mail_address",
    "",
    why="Where mails to support arrive: answers of requesters go there, marked with their ticket.",
)
_EARLIER = 10  # ids of the thread that a mail names


def send(row: Ticket, message: TicketMessage) -> None:
    """Nobody is mailed where there is no address; they read it on the page of their link."""
    if telling.address_of(row):
        outbox.enqueue(
            TOPIC, {"ticket": row.pk, "message": message.pk}, key=f"{TOPIC}:{message.uid}",
            workspace_id=row.workspace_id, subject=subject_ref(row),
        )  # fmt: skip


def send_receipt(row: Ticket) -> None:
    """It came in, this is its number, and by then somebody answers."""
    if telling.address_of(row):
        outbox.enqueue(
            TOPIC, {"ticket": row.pk, "message": None}, key=f"{TOPIC}:{row.uid}:receipt",
            workspace_id=row.workspace_id, subject=subject_ref(row),
        )  # fmt: skip


@outbox.topic(TOPIC)
def deliver(message: OutboxMessage) -> Outcome:
    row = Ticket.objects.select_related(*links.RELATED).filter(pk=message.payload["ticket"]).first()
    if row is None or row.status == Ticket.Status.SPAM:
        return Outcome("suppressed", "nobody is to be answered")
    to = telling.address_of(row)
    if not to:
        return Outcome("suppressed", "there is no address any more")
    said = row.messages.filter(pk=message.payload["message"] or 0).first()
    body = _receipt(row) if said is None else _answer(said)
    return Email().send(to, "", _mail(row, message, body))


def _mail(row: Ticket, message: OutboxMessage, body: str) -> Message:
    earlier = tuple(
        row.messages.exclude(message_id="").order_by("-pk").values_list("message_id", flat=True)
    )[:_EARLIER]
    return Message(
        key=message.key,
        subject=f"Re: {row.subject} [{links.mark(row)}]",
        body=body,
        urgency="normal",
        kind=TOPIC,
        link=links.page(row),
        workspace=row.workspace.slug,
        about=subject_ref(row),
        sent_at=message.created_at.isoformat(),
        message_id=links.message_id(row, message.key),
        references=tuple(reversed(earlier)),
        reply_to=links.reply_address(row, MAILBOX.value),
    )


def _answer(said: TicketMessage) -> str:
    files = "\n".join(f"Attached to the ticket: {each['title']}" for each in said.files)
    return "\n\n".join(part for part in (said.text, files) if part)


def _receipt(row: Ticket) -> str:
    told = [
        f"We have your request. It is {row.ref}: {row.subject}",
        "Answer this mail to add to it, or open the page below: it shows how it stands.",
    ]
    level = level_of(row)
    by = row.respond_due_at or row.acknowledge_due_at
    if by is not None and row.incident is None:
        told.insert(1, f"It is {level.title}. You hear from us by {by:%Y-%m-%d %H:%M} UTC.")
    return "\n\n".join([*told, *_refused(row)])


def _refused(row: Ticket) -> list[str]:
    first = row.messages.order_by("pk").first()
    if first is None or not first.refused:
        return []
    lines = [f"- {each['title']}: {each['why']}" for each in first.refused]
    return ["These files could not be kept:\n" + "\n".join(lines)]

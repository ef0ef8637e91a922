"""Mails to support: each opens a ticket or joins the one it answers, once, and is kept as it came
without secrets. What a program wrote is answered by nobody, so that no two programs write to each
other for ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.db import InterfaceError, OperationalError, transaction

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition
from controlplane.lib.redaction import redact_text
from controlplane.work.services import graph
from incidents.models import Ticket, TicketMail, TicketMessage
from incidents.support import answering, letters, links, mailing, opening
from incidents.support.letters import Letter
from incidents.support.noting import PORTAL, note
from missions.web.people import people_in

MOST_BYTES = defaults.define(
    "support.mail_most_bytes",
    26_214_400,
    unit="bytes",
    why="What mail servers let through at most; what is larger is refused to its sender.",
)
RECEIPTS = defaults.define(
    "support.receipts_per_hour",
    5,
    unit="mails",
    why="To one address: whatever answers a receipt with a new mail is not answered for ever.",
)
Outcome = TicketMail.Outcome
_NO_SUBJECT = "A mail without a subject"


@dataclass(frozen=True, slots=True)
class Received:
    outcome: str
    ticket: Ticket | None
    why: str = ""


def receive(workspace: Workspace, body: bytes, *, actor: Actor = PORTAL) -> Received:
    """What can't be read or is too large raises `Invalid`, and is kept as refused."""
    policy.require(actor, opening.OPEN, workspace)
    digest = hashlib.sha256(body).hexdigest()
    letter: Letter | None = None
    try:
        letter = _read(body)
        return _take(workspace, letter, len(body), digest, actor)
    except Invalid as error:
        _keep(workspace, Outcome.REFUSED, len(body), digest, letter, why=error.message)
        raise
    except (OperationalError, InterfaceError):
        raise  # the database is away: nothing can be kept, and the mail comes again
    except Exception as error:
        _keep_once(workspace, len(body), digest, letter, error)
        raise


def _read(body: bytes) -> Letter:
    if len(body) > MOST_BYTES.value:
        raise Invalid(f"More than {MOST_BYTES.value:,} bytes.", details={"body": "Too large."})
    letter = letters.read(body)
    if not letter.text and not letter.files:
        raise Invalid("It says nothing.", details={"body": "Neither a text nor a file."})
    if not letter.sender:
        raise Invalid("It has no sender.", details={"from": "Who wrote it?"})
    return letter


def _keep_once(
    workspace: Workspace, size: int, digest: str, letter: Letter | None, error: Exception
) -> None:
    """What nobody foresaw is seen in the portal, too. The mail server tries for days: one row."""
    rows = TicketMail.objects.filter(workspace=workspace, digest=digest, outcome=Outcome.REFUSED)
    if not rows.exists():
        _keep(workspace, Outcome.REFUSED, size, digest, letter,
              why=f"It could not be taken: {type(error).__name__}.")  # fmt: skip


@transaction.atomic
def _take(workspace: Workspace, letter: Letter, size: int, digest: str, actor: Actor) -> Received:
    # One mail at a time for each workspace: of the same one delivered twice the second waits here.
    graph.lock(workspace.pk)
    known = _came_before(workspace, letter, digest)
    if known is not None:
        _keep(workspace, Outcome.AGAIN, size, digest, letter, ticket=known)
        return Received(Outcome.AGAIN, known)
    if _is_ours(letter):
        _keep(workspace, Outcome.OWN, size, digest, letter)
        return Received(Outcome.OWN, None, "It is one of ours.")
    ticket = _answered(workspace, letter)
    if letter.bounced:
        return _bounced(workspace, letter, size, digest, ticket, actor)
    if ticket is not None and ticket.status != Ticket.Status.SPAM:
        joined = _join(ticket, letter, actor)
        if joined:
            _keep(workspace, Outcome.JOINED, size, digest, letter, ticket=ticket)
            return Received(Outcome.JOINED, ticket)
    made = _open(workspace, letter, actor, before=ticket)
    _keep(workspace, Outcome.OPENED, size, digest, letter, ticket=made)
    return Received(Outcome.OPENED, made)


def _came_before(workspace: Workspace, letter: Letter, digest: str) -> Ticket | None:
    """By its id; one without an id by all its bytes."""
    if letter.message_id:
        said = TicketMessage.objects.of(workspace).filter(message_id=letter.message_id)
        message = said.select_related("ticket").first()
        return message.ticket if message is not None else None
    rows = TicketMail.objects.filter(
        workspace=workspace, digest=digest, outcome__in=[Outcome.OPENED, Outcome.JOINED]
    )
    mail = rows.select_related("ticket").first()
    return mail.ticket if mail is not None else None


def _is_ours(letter: Letter) -> bool:
    mailbox = mailing.MAILBOX.value.lower()
    return (bool(mailbox) and letter.sender == mailbox) or letter.key.startswith(mailing.TOPIC)


def _answered(workspace: Workspace, letter: Letter) -> Ticket | None:
    """Named by a mark that we have signed, in an address, the subject or an id of ours; or by the
    id of a mail that the same sender wrote before."""
    found = links.marked(workspace.pk, *letter.to, letter.subject, *letter.answers)
    if found is not None or not letter.answers:
        return found
    rows = Ticket.objects.of(workspace).filter(
        messages__message_id__in=letter.answers, requester_email__iexact=letter.sender
    )
    row: Ticket | None = rows.select_related(*links.RELATED).order_by("-pk").first()
    return row


def _join(ticket: Ticket, letter: Letter, actor: Actor) -> bool:
    """False where the ticket is over for so long, or goes on nowhere, that it is asked anew."""
    try:
        answering.hear(
            ticket, actor=actor, text=letter.text, source="email", files=letter.files,
            author_name=_author(ticket, letter), message_id=letter.message_id,
            automatic=letter.automatic,
        )  # fmt: skip
    except InvalidTransition:
        return False  # any other conflict is no end of a ticket: the mail comes again
    return True


def _author(ticket: Ticket, letter: Letter) -> str:
    """Another address that knows the mark is named with it: anybody may have forwarded a mail."""
    own = {
        ticket.requester_email.lower(),
        ticket.requester.email.lower() if ticket.requester else "",
    }
    name = letter.name or letter.sender
    return name if letter.sender in own else f"{name} <{letter.sender}>"


def _open(workspace: Workspace, letter: Letter, actor: Actor, *, before: Ticket | None) -> Ticket:
    subject = links.without_marks(letter.subject)[:200] or _NO_SUBJECT
    person = _member(workspace, letter.sender)
    made = opening.open_ticket(
        workspace,
        actor=actor,
        subject=subject,
        body=letter.text,
        source="email",
        requester=person,
        requester_name=letter.name,
        requester_email=letter.sender,
        files=letter.files,
        message_id=letter.message_id,
        answered=not letter.automatic and _may_answer(workspace, letter),
    )
    if before is not None:
        note(made, opening.OPEN, actor=actor, details={"transition": "said"},
             after={"text": f"It answers {before.ref}, which was over."})  # fmt: skip
    return made


def _member(workspace: Workspace, sender: str) -> User | None:
    """Somebody of the house. An address proves nothing: it gives no rights, only a name."""
    found: User | None = people_in(workspace).filter(email__iexact=sender).first()
    return found


def _may_answer(workspace: Workspace, letter: Letter) -> bool:
    since = clock.now() - timedelta(hours=1)
    lately: int = TicketMail.objects.filter(
        workspace=workspace, sender=letter.sender, outcome=Outcome.OPENED, at__gte=since
    ).count()
    return lately < RECEIPTS.value


def _bounced(
    workspace: Workspace, letter: Letter, size: int, digest: str, ticket: Ticket | None,
    actor: Actor,
) -> Received:  # fmt: skip
    """Whoever answers sees that it was not delivered; nobody is answered, and none is opened."""
    if ticket is None:
        ticket = links.marked(workspace.pk, letter.whole)
    if ticket is not None:
        try:
            answering.add_note(
                ticket, actor=actor, source="email",
                text=f"A mail to whoever asked was not delivered.\n\n{letter.text}"[:4_000],
            )  # fmt: skip
        except (Conflict, InvalidTransition):
            ticket = None
    _keep(workspace, Outcome.BOUNCED, size, digest, letter, ticket=ticket)
    return Received(Outcome.BOUNCED, ticket, "A mail of ours was not delivered.")


def _keep(
    workspace: Workspace,
    outcome: str,
    size: int,
    digest: str,
    letter: Letter | None = None,
    *,
    ticket: Ticket | None = None,
    why: str = "",
) -> TicketMail:
    made = TicketMail(
        workspace=workspace, outcome=outcome, why=why[:200], size=size, digest=digest,
        ticket=ticket,
    )  # fmt: skip
    if letter is not None:
        made.automatic = letter.automatic
        made.message_id = letter.message_id[:300]
        made.sender = letter.sender
        made.subject = redact_text(letter.subject)[:300]
        made.headers = letter.headers
        made.text = letter.whole
    made.save(force_insert=True)
    return made

"""Signed ways to a ticket for whoever asked: the address of its page, and the mark in a mail that
says which ticket an answer belongs to. Raising the ticket's link number makes the old ones void."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac

from controlplane.lib.errors import NotFound
from incidents.models import Ticket

_PAGE = "support.page"
_MARK = "support.mark"
_LENGTH = 16  # characters of five bits each
_GONE = "This link is not good any more."
_TOKEN = re.compile(r"TKT-([1-9][0-9]{0,9})[.-]([a-z2-7]{16})(?![a-z0-9])", re.IGNORECASE)
RELATED = ("workspace", "requester", "contact", "item__project", "incident")


def token_of(row: Ticket) -> str:
    """The same whenever it is asked for: it is no secret that grows old, and a page that shows it
    stays the same page."""
    return signing.Signer(salt=_PAGE).sign_object([str(row.uid), row.link_number])


def page(row: Ticket) -> str:
    """Where whoever asked reads how it stands and answers, without an account."""
    return f"{settings.PUBLIC_URL}/support/t/{token_of(row)}"


def ticket_of(token: str) -> Ticket:
    """The ticket a link was made for; a forged or a revoked one leads nowhere."""
    try:
        uid, number = signing.Signer(salt=_PAGE).unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError):
        raise NotFound(_GONE) from None
    rows = Ticket.objects.select_related(*RELATED).filter(uid=uid, workspace__archived_at=None)
    found: Ticket | None = rows.first()
    if found is None or found.link_number != number or found.status == Ticket.Status.SPAM:
        raise NotFound(_GONE)
    return found


def mark(row: Ticket) -> str:
    """`TKT-12.abcdefghijklmnop`: in the subject, in addresses and ids of mails. It survives what
    mail programs do to the case of letters."""
    said = f"{row.uid}:{row.link_number}"
    signed = salted_hmac(_MARK, said, algorithm="sha256").digest()
    return f"{row.ref}.{base64.b32encode(signed).decode()[:_LENGTH].lower()}"


def marked(workspace_id: int, *texts: str) -> Ticket | None:
    """The ticket that one of these texts names with a mark that is good."""
    for text in texts:
        for number, _ in _TOKEN.findall(text[:4_000])[:20]:
            rows = Ticket.objects.of(workspace_id).select_related(*RELATED)
            row: Ticket | None = rows.filter(ref=f"TKT-{number}").first()
            if row is not None and _is_in(row, text):
                return row
    return None


def _is_in(row: Ticket, text: str) -> bool:
    good = mark(row)
    said = (f"{row.ref}.{given.lower()}" for number, given in _TOKEN.findall(text[:4_000])
            if f"TKT-{number}" == row.ref)  # fmt: skip
    return any(hmac.compare_digest(good, each) for each in said)


def without_marks(subject: str) -> str:
    """A subject as people read it."""
    return " ".join(re.sub(r"\[\s*" + _TOKEN.pattern + r"\s*\]", "", subject, flags=re.I).split())


def reply_address(row: Ticket, mailbox: str) -> str:
    """`support+tkt-12.abc…@example.com`; without a mailbox the subject's mark must do."""
    name, _, domain = mailbox.partition("@")
    return f"{name}+{mark(row).lower()}@{domain}" if name and domain else ""


def message_id(row: Ticket, key: str) -> str:
    """Of a mail about this ticket: the same at every try, and an answer to it names the ticket."""
    domain = settings.PUBLIC_URL.split("://", 1)[-1].split("/", 1)[0].split(":", 1)[0]
    short = hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"<{mark(row).lower()}.{short}@{domain or 'localhost'}>"

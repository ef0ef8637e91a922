"""A mail to support, read: who wrote it, what they say, which mails it answers, and whether anybody
wrote it at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses, parseaddr

from controlplane.lib.redaction import redact_text
from incidents import mails
from incidents.support.said import Sent

MOST_TEXT = 20_000
KEPT_HEADERS = (
    "From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
    "Auto-Submitted", "Precedence", "List-Id", "Content-Type",
)  # fmt: skip
_ID = re.compile(r"<[^\s<>]{1,290}>")
_QUOTED = re.compile(
    r"^(?:-{2,}\s*(?:Original Message|Forwarded message)\s*-{2,}|_{10,}|"
    r"On\b.{1,300}\bwrote:|Am\b.{1,300}\bschrieb.{0,100}:|Le\b.{1,300}\ba écrit\s?:)\s*$",
    re.IGNORECASE,
)
_ROBOTS = re.compile(r"^(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)\b", re.I)
_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})


@dataclass(frozen=True, slots=True)
class Letter:
    sender: str
    name: str
    subject: str
    text: str  # what is new in it
    whole: str  # with what it quotes
    message_id: str
    answers: tuple[str, ...]  # ids it refers to, the nearest first
    to: tuple[str, ...]
    headers: dict[str, str]
    files: Sequence[Sent]
    automatic: bool  # a program wrote it: nothing answers it
    bounced: bool  # it says that a mail was not delivered
    key: str  # of one of ours that came back


def read(body: bytes) -> Letter:
    message = mails.read(body)
    name, sender = parseaddr(mails.header(message, "From"))
    whole = redact_text(mails.words(message))
    ids = _ids(message, "In-Reply-To"), _ids(message, "References")
    return Letter(
        sender=_address(sender),
        name=" ".join(name.split())[:120],
        subject=mails.header(message, "Subject"),
        text=newest(whole)[:MOST_TEXT],
        whole=whole,
        message_id=next(iter(_ids(message, "Message-ID")), ""),
        answers=(*ids[0], *reversed(ids[1])),
        to=_to(message),
        headers=_headers(message),
        files=[Sent(given, raw, len(raw), _stated(kind)) for given, kind, raw in
               mails.attached(message)],
        automatic=_is_automatic(message, sender),
        bounced=_is_bounce(message, sender),
        key=mails.header(message, "X-Idempotency-Key"),
    )  # fmt: skip


def _stated(kind: str) -> str:
    """Mail programs that know nothing say this of everything."""
    return "" if kind == "application/octet-stream" else kind


def _address(given: str) -> str:
    found = given.strip().lower()
    return found if 3 <= len(found) <= 254 and "@" in found else ""


def _ids(message: Message, name: str) -> list[str]:
    return _ID.findall(mails.header(message, name))[:50]


def _to(message: Message) -> tuple[str, ...]:
    named = [mails.header(message, name) for name in ("To", "Cc", "Delivered-To", "X-Original-To")]
    return tuple(address.lower() for _, address in getaddresses(named) if address)[:50]


def _headers(message: Message) -> dict[str, str]:
    found = {name: redact_text(mails.header(message, name))[:500] for name in KEPT_HEADERS}
    return {name: said for name, said in found.items() if said}


def _is_automatic(message: Message, sender: str) -> bool:
    said = mails.header(message, "Auto-Submitted").lower()
    if said and said != "no":
        return True
    if mails.header(message, "Precedence").lower() in _BULK:
        return True
    if mails.header(message, "Return-Path") == "<>" or _ROBOTS.match(sender):
        return True
    marks = ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond",
             "X-Auto-Response-Suppress", "Feedback-ID")  # fmt: skip
    return any(mails.header(message, name) for name in marks)


def _is_bounce(message: Message, sender: str) -> bool:
    report = message.get_content_type() == "multipart/report"
    status = str(message.get_param("report-type") or "") == "delivery-status"
    return (report and status) or sender.lower().startswith("mailer-daemon")


def newest(whole: str) -> str:
    """Without what it quotes of earlier mails; all of it where nothing else is left."""
    lines: list[str] = []
    for line in whole.splitlines():
        if _QUOTED.match(line.strip()[:500]):
            break
        lines.append(line)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith(">")):
        lines.pop()
    said = "\n".join(lines).strip()
    return said or whole.strip()

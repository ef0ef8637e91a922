"""A mail of a monitor: its subject says what and how grave, its text the rest. Mails are read as
they come, broken and hostile ones included: what has neither subject nor text is refused."""

from __future__ import annotations

import re
from email.message import Message
from email.utils import parseaddr

from controlplane.lib.errors import Invalid
from controlplane.lib.redaction import redact_text
from incidents import mails
from incidents.intake.formats.common import link_of, text_of
from incidents.intake.normal import (
    DESCRIPTION,
    FIRING,
    RESOLVED,
    Incoming,
    Read,
    fingerprint,
    key_of,
    severity_of,
)
from incidents.intake.receiving import reader
from incidents.models import AlertSource, InboundEvent

_TAG = re.compile(r"^\s*[\[(]([^\])]{1,40})[\])]\s*:?\s*|^\s*([A-Za-z]{2,15})\s*:\s+")
_AGAIN = re.compile(r"^\s*(?:re|fwd?|aw|wg)\s*:\s*", re.IGNORECASE)
_OVER = frozenset({"resolved", "ok", "recovery", "recovered", "closed", "clear", "cleared", "up"})
_FIRES = frozenset({"firing", "alert", "alarm", "problem", "down", "triggered", "open"})
_LINK = re.compile(r"https?://[^\s<>\"')]{1,900}", re.ASCII)


@reader("email", "mail")
def mail(source: AlertSource, row: InboundEvent, body: bytes) -> Read:
    message = mails.read(body)
    subject = mails.header(message, "Subject")
    title, words = _tags(subject)
    text = _text(message)
    if not title and not text:
        raise Invalid("It says nothing.", details={"subject": "Neither a subject nor a text."})
    title = title or text.splitlines()[0][:200]
    sender = parseaddr(mails.header(message, "From"))[1].lower()[:200]
    severity = next((word for word in words if severity_of(word)), "")
    labels = {"alertname": title, "sender": sender} if sender else {"alertname": title}
    link = _LINK.search(text)
    return Read(
        alerts=[
            Incoming(
                key=key_of(fingerprint({"title": title.lower(), "sender": sender})),
                status=RESOLVED if _OVER & set(words) else FIRING,
                severity=severity,
                title=title,
                description=text[:DESCRIPTION],
                labels=labels,
                links=link_of(link[0], "In the mail") if link else [],
                starts_at=mails.sent_at(message) or row.created_at,
            )
        ]
    )


def _tags(subject: str) -> tuple[str, list[str]]:
    """“Re: [RESOLVED] [CRITICAL] Disk full” is about “Disk full”. What is known of neither kind is
    part of the title."""
    rest = subject
    found: list[str] = []
    for _ in range(10):
        rest = _AGAIN.sub("", rest)
        match = _TAG.match(rest)
        if match is None:
            break
        words = (match[1] or match[2]).lower().replace(":", " ").split()
        if not any(_is_known(word) for word in words):
            break
        found += words
        rest = rest[match.end() :]
    return text_of(redact_text(rest), 300), found


def _is_known(word: str) -> bool:
    return word in _OVER or word in _FIRES or bool(severity_of(word))


def _text(message: Message) -> str:
    return redact_text(mails.words(message))[:DESCRIPTION]

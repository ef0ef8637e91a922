"""A mail of a monitor: its subject says what and how grave, its text the rest. Mails are read as
they come, broken and hostile ones included: what has neither subject nor text is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email import policy as policies
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser

from controlplane.lib.errors import Invalid
from controlplane.lib.redaction import redact_text
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

_MOST_PARTS, _MOST_TEXT = 100, 200_000
_TAG = re.compile(r"^\s*[\[(]([^\])]{1,40})[\])]\s*:?\s*|^\s*([A-Za-z]{2,15})\s*:\s+")
_AGAIN = re.compile(r"^\s*(?:re|fwd?|aw|wg)\s*:\s*", re.IGNORECASE)
_OVER = frozenset({"resolved", "ok", "recovery", "recovered", "closed", "clear", "cleared", "up"})
_FIRES = frozenset({"firing", "alert", "alarm", "problem", "down", "triggered", "open"})
_LINK = re.compile(r"https?://[^\s<>\"')]{1,900}", re.ASCII)
_HEADER = 2_000


@reader("email", "mail")
def mail(source: AlertSource, row: InboundEvent, body: bytes) -> Read:
    """No policy that reads headers for us: those raise at what spammers write."""
    try:
        message = BytesParser(policy=policies.compat32).parsebytes(body)
    except (MessageError, ValueError, LookupError, RecursionError) as error:
        raise Invalid("It is no mail.", details={"body": "It can't be read as a mail."}) from error
    subject = _header(message, "Subject")
    title, words = _tags(subject)
    text = _text(message)
    if not title and not text:
        raise Invalid("It says nothing.", details={"subject": "Neither a subject nor a text."})
    title = title or text.splitlines()[0][:200]
    sender = parseaddr(_header(message, "From"))[1].lower()[:200]
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
                starts_at=_date(message) or row.created_at,
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


def _header(message: Message, name: str) -> str:
    raw = str(message.get(name, ""))[:_HEADER]
    try:
        pieces = decode_header(raw)
    except (MessageError, ValueError):
        return text_of(" ".join(raw.split()))
    said = "".join(
        piece if isinstance(piece, str) else _decoded(piece, charset) for piece, charset in pieces
    )
    return text_of(" ".join(said.split()))


def _decoded(raw: bytes, charset: str | None) -> str:
    try:
        return raw.decode(charset or "utf-8", "replace")
    except LookupError:
        return raw.decode("latin-1")


def _text(message: Message) -> str:
    """The plain text; without one, what the HTML says. Attachments are nobody's business here."""
    plain, html = "", ""
    for part in _parts(message):
        kind = part.get_content_type()
        if kind == "text/plain" and not plain:
            plain = _content(part)
        elif kind == "text/html" and not html:
            html = _content(part)
    said = plain.strip() or _words_of(html)
    return redact_text(said.replace("\0", "").strip()[:_MOST_TEXT])[:DESCRIPTION]


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number >= _MOST_PARTS:
            return
        if not part.is_multipart() and part.get_content_disposition() != "attachment":
            yield part


def _content(part: Message) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    charset = part.get_content_charset()
    return _decoded(raw[: 4 * _MOST_TEXT], charset)


class _Words(HTMLParser):
    """The texts of a page, a line for each block, without what no reader sees."""

    _UNSEEN = frozenset({"script", "style", "head", "title", "template"})
    _BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "table"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in self._UNSEEN
        if tag in self._BLOCKS:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in self._UNSEEN and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(data)


def _words_of(html: str) -> str:
    words = _Words()
    words.feed(html[:_MOST_TEXT])
    lines = (" ".join(line.split()) for line in "".join(words.found).splitlines())
    return "\n".join(line for line in lines if line)


def _date(message: Message) -> datetime | None:
    try:
        found = parsedate_to_datetime(_header(message, "Date"))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else None

"""Mails as they come, broken and hostile ones included: their headers and their words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from email import policy as policies
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser

from controlplane.lib.errors import Invalid
from incidents.intake.formats.common import text_of

MOST_PARTS, MOST_TEXT = 100, 200_000
_HEADER = 2_000


def read(body: bytes) -> Message:
    """No policy that reads headers for us: those raise at what spammers write."""
    try:
        return BytesParser(policy=policies.compat32).parsebytes(body)
    except (MessageError, ValueError, LookupError, RecursionError) as error:
        raise Invalid("It is no mail.", details={"body": "It can't be read as a mail."}) from error


def words(message: Message) -> str:
    """The plain text; without one, what the HTML says."""
    plain, html = "", ""
    for part in inner(message):
        kind = part.get_content_type()
        if kind == "text/plain" and not plain:
            plain = content(part)
        elif kind == "text/html" and not html:
            html = content(part)
    said = plain.strip() or words_of(html)
    return said.replace("\0", "").strip()[:MOST_TEXT]


def header(message: Message, name: str) -> str:
    raw = str(message.get(name, ""))[:_HEADER]
    try:
        pieces = decode_header(raw)
    except (MessageError, ValueError):
        return text_of(" ".join(raw.split()))
    said = "".join(
        piece if isinstance(piece, str) else decoded(piece, charset) for piece, charset in pieces
    )
    return text_of(" ".join(said.split()))


def decoded(raw: bytes, charset: str | None) -> str:
    """Of a charset nobody knows, or that is none of texts, what Latin 1 makes of it. Some make
    halves of characters, which nothing after this may hold."""
    try:
        said = raw.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        said = raw.decode("latin-1")
    return said.encode("utf-8", "replace").decode()


def inner(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number >= MOST_PARTS:
            return
        if not part.is_multipart() and not is_attached(part):
            yield part


def content(part: Message) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    charset = part.get_content_charset()
    return decoded(raw[: 4 * MOST_TEXT], charset)


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


def words_of(html: str) -> str:
    words = _Words()
    # A section nobody knows, `<![x[`, makes the parser give up: what came before it was said.
    with suppress(AssertionError):
        words.feed(html[:MOST_TEXT])
    lines = (" ".join(line.split()) for line in "".join(words.found).splitlines())
    return "\n".join(line for line in lines if line)


def sent_at(message: Message) -> datetime | None:
    try:
        found = parsedate_to_datetime(header(message, "Date"))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else None


def is_attached(part: Message) -> bool:
    """Meant to be kept as a file. What has a name and is no text is, too."""
    if part.get_content_disposition() == "attachment":
        return True
    return part.get_content_maintype() not in {"text", "multipart"}


def attached(message: Message) -> Iterator[tuple[str, str, bytes]]:
    """Files: name, stated type, content. A mail within a mail is one of them."""
    for number, part in enumerate(message.walk()):
        if number >= MOST_PARTS:
            return
        if part.is_multipart() or not is_attached(part):
            continue
        raw = part.get_payload(decode=True)
        if isinstance(raw, bytes) and raw:
            yield _name(part), part.get_content_type(), raw


def _name(part: Message) -> str:
    try:
        given = part.get_filename() or ""
    except (MessageError, LookupError, ValueError, TypeError):
        given = ""
    told = decoded(given.encode("utf-8", "replace"), None) if given else ""
    shown = " ".join(_unfolded(told).replace("\0", "").split())
    return shown[:200] or "file"


def _unfolded(said: str) -> str:
    """What many programs write against the rules: an encoded word as a name."""
    if "=?" not in said:
        return said
    try:
        pieces = decode_header(said)
    except (MessageError, ValueError):
        return said
    return "".join(
        piece if isinstance(piece, str) else decoded(piece, charset) for piece, charset in pieces
    )

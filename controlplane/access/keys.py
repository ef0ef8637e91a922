"""The text of an API key: made, read and checked without a database.

`cp_<environment>_<8-char id>_<43-char secret><6-char checksum>`. The fixed start and the checksum
let secret scanners recognise a leaked key with certainty, and let us refuse a typo before asking
the database. Only letters and digits, so that a double click selects the whole secret.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 8
SECRET_LENGTH = 43  # 62**43 > 2**256
CHECKSUM_LENGTH = 6  # 62**6 > 2**32
_ENVIRONMENT_LENGTH = 11  # the stored prefix, `cp_<environment>_<id>`, fits in 24
_FORM = re.compile(r"cp_([a-z]{1,11})_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
LENGTH_LIMIT = 3 + _ENVIRONMENT_LENGTH + 1 + ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH
START = "cp_"


class ShownOnce(str):
    """A secret on its way to the one answer that shows it. Its `repr` is harmless, since
    tracebacks, test output and log records print what they hold with `repr`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***redacted***'"


@dataclass(frozen=True, slots=True)
class KeyText:
    environment: str
    id: str
    secret: str = field(repr=False)

    @property
    def prefix(self) -> str:
        """What is stored in clear and shown in lists: names the key, opens nothing."""
        return f"{START}{self.environment}_{self.id}"

    def reveal(self) -> ShownOnce:
        body = f"{self.prefix}_{self.secret}"
        return ShownOnce(body + checksum(body))


def environment_label(name: str) -> str:
    """The installation's environment as it stands in a key: a to z only."""
    return re.sub(r"[^a-z]", "", name.lower())[:_ENVIRONMENT_LENGTH] or "local"


def make(environment: str) -> KeyText:
    return KeyText(environment_label(environment), _random(ID_LENGTH), _random(SECRET_LENGTH))


def parse(text: str) -> KeyText | None:
    """Read a key; None for anything that no installation can have issued."""
    if len(text) > LENGTH_LIMIT:
        return None
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    body = text[:-CHECKSUM_LENGTH]
    if not hmac.compare_digest(checksum(body), match[4]):
        return None
    return KeyText(match[1], match[2], match[3])


def checksum(body: str) -> str:
    """CRC-32 in base 62. Catches typos and tells a key from noise; proves nothing."""
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def digest(key: KeyText) -> bytes:
    """What is stored. A fast hash is right here: 256 random bits leave nothing to guess."""
    return hashlib.sha256(str.encode(key.reveal())).digest()


def matches(key: KeyText, stored: bytes) -> bool:
    return hmac.compare_digest(digest(key), bytes(stored))


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))

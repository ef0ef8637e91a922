"""What a field's name says about its value.

Names are read as words (`accessToken`, `access-token`, `ACCESS_TOKEN` are the same two), because
substring rules destroy telemetry: `token_usage`, `tokenizer` and `address_space` hold no secret.
"""

from __future__ import annotations

import re
from functools import lru_cache

from controlplane.lib.redaction.names import (
    ABOUT,
    ACCOUNT,
    ADDRESS,
    CARD,
    COOKIE,
    EMAIL,
    EXACT,
    IBAN,
    KEEP,
    KINDS,
    NATIONAL_ID,
    NOT_POSTAL,
    PAGING,
    PERSON,
    PHONE,
    SECRET,
    TOKEN_OWNERS,
    USER,
)

__all__ = [
    "ACCOUNT",
    "ADDRESS",
    "CARD",
    "COOKIE",
    "EMAIL",
    "IBAN",
    "KEEP",
    "KINDS",
    "NATIONAL_ID",
    "PERSON",
    "PHONE",
    "SECRET",
    "USER",
    "classify",
    "generation",
    "register_field",
    "registered_names",
    "words",
]

_SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\x00-\x7f]+")

_registered: dict[str, str] = {}


def register_field(name: str, kind: str) -> None:
    """Say what values under this field name are. Apps call it from `apps.py`, before any work."""
    if kind not in KINDS:
        raise ValueError(f"{kind} is not a kind of redaction: {', '.join(sorted(KINDS))}")
    joined = "_".join(words(name))
    if _registered.setdefault(joined, kind) != kind:
        raise ValueError(f"field {name} is registered as {_registered[joined]} already")
    classify.cache_clear()


def registered_names() -> frozenset[str]:
    """Names that apps registered, as the text rule must find them."""
    return frozenset(name for name, kind in _registered.items() if kind != KEEP)


def generation() -> int:
    """Grows with every registration, so that compiled patterns know they are old."""
    return len(_registered)


def words(name: str) -> list[str]:
    """`X-Auth-Token2`, `xAuthToken`, `x.auth.token` → ["x", "auth", "token"]."""
    found = [word.lower() for word in _SPLIT.findall(name)]
    while len(found) > 1 and found[-1].isdigit():
        found.pop()
    return found


@lru_cache(maxsize=8192)
def classify(name: str) -> str:
    """The kind of the values under this name, "" when the name says nothing."""
    if len(name) > 128:
        name = name[-128:]
    parts = words(name)
    joined = "_".join(parts)
    known = _registered.get(joined) or EXACT.get(joined)
    if known is not None:
        return known
    return _by_words(parts)


def _by_words(parts: list[str]) -> str:
    if not parts:
        return ""
    last = parts[-1]
    tail = "_".join(parts[-2:])
    if len(parts) > 1 and EXACT.get(tail) == USER:
        return USER
    if last in ABOUT and tail not in EXACT and _owned(parts) != ACCOUNT and parts[0] != "secret":
        return ""
    found = _secret(parts, last)
    return found or _personal(parts, last, tail)


def _owned(parts: list[str]) -> str:
    for width in (2, 3):
        if len(parts) > width and EXACT.get("_".join(parts[-width:])) == ACCOUNT:
            return ACCOUNT
    return ""


def _secret(parts: list[str], last: str) -> str:
    present = set(parts)
    if present & {"password", "passwort", "passphrase", "passcode", "passwords", "pgpassword"}:
        return SECRET
    if last in {"secret", "secrets", "passwd", "pwd", "credential", "credentials", "apikey"}:
        return SECRET
    if "secret" in present and last in {"key", "id", "value", "text", "data", "hash", "token"}:
        return SECRET
    if last == "token" and not present & PAGING:
        return SECRET
    if last == "tokens" and present & (TOKEN_OWNERS - {"user", "session", "id"}):
        return SECRET
    if parts[0] == "token" and last in {"value", "secret", "key", "hash", "string"}:
        return SECRET
    if last in {"cookie", "cookies"}:
        return COOKIE
    return ""


def _personal(parts: list[str], last: str, tail: str) -> str:
    for width in (2, 3):
        kind = EXACT.get("_".join(parts[-width:])) if len(parts) > width else None
        if kind and kind != KEEP:
            return kind
    if tail.startswith("address_") and last in {"line", "line1", "line2", "street"}:
        return ADDRESS
    simple = EXACT.get(last, "")
    if simple == ADDRESS:
        return "" if set(parts) & NOT_POSTAL else ADDRESS
    if simple in {EMAIL, IBAN, COOKIE, NATIONAL_ID, CARD} and last not in {"mail", "pan", "mails"}:
        return simple
    if simple == PHONE and last in {"phone", "phones", "telephone", "msisdn", "fax", "telefon"}:
        return PHONE
    if simple == SECRET and last in {"authorization", "otp", "cvv", "jwt", "apikey"}:
        return SECRET
    return ""

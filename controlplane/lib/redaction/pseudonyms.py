"""Names for people that tell rows apart and tell nothing of the person.

A keyed hash: whoever reads the logs can follow one user through them and can't get back to the
account without the key. The last four digits are a keyed check, so that a pseudonym is recognised
and not hashed again, and nobody else's id passes for one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache

from django.conf import settings

from controlplane.lib import keys

_FORM = re.compile(r"user_([0-9a-f]{16})([0-9a-f]{4})")


@lru_cache(maxsize=4)
def _key(configured: str, secret: str) -> bytes:
    return keys.derive("pseudonym", configured)


def _digest(text: str) -> str:
    key = _key(settings.PSEUDONYM_KEY, settings.SECRET_KEY)
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


@lru_cache(maxsize=4096)
def _cached(text: str, configured: str, secret: str) -> str:
    body = _digest("id:" + text)[:16]
    return f"user_{body}{_digest('check:' + body)[:4]}"


def pseudonym(user_id: object) -> str:
    """The pseudonym of this user id; the same id gives the same one, "" gives ""."""
    text = str(user_id)
    if not text or is_pseudonym(text) or "***" in text:
        return text
    return _cached(text, settings.PSEUDONYM_KEY, settings.SECRET_KEY)


def is_pseudonym(text: str) -> bool:
    match = _FORM.fullmatch(text)
    return match is not None and hmac.compare_digest(match[2], _digest("check:" + match[1])[:4])

"""Small secrets at rest (a webhook's address, a routing key): encrypted with a derived key.

The database, its dumps and the read-only role then hold nothing that opens a door. Old values
stay readable while the former SECRET_KEY stands in SECRET_KEY_FALLBACKS.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from controlplane.lib import keys
from controlplane.lib.errors import Unavailable


def _box(purpose: str) -> MultiFernet:
    roots = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(keys.derive(purpose, root))) for root in roots]
    )


def seal(text: str, purpose: str) -> str:
    return _box(purpose).encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str, purpose: str) -> str:
    if not sealed:
        return ""
    try:
        return _box(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unavailable(
            "A stored secret can't be read: was SECRET_KEY changed without a fallback?"
        ) from error

"""Links that are their own key: a row's uid with a mark that only we can make.

Made from the row whenever it is shown, so that no secret has to be kept; a link that is revoked
is a row that is no longer in force. `purpose` keeps the kinds of links apart.
"""

from __future__ import annotations

import base64
import hmac
import uuid

from controlplane.lib import keys


def token_of(purpose: str, uid: uuid.UUID) -> str:
    return f"{uid.hex}.{_mark(purpose, uid)}"


def uid_of(purpose: str, token: str) -> uuid.UUID | None:
    """Whose it is; None for whatever we did not make."""
    name, _, mark = token.partition(".")
    try:
        uid = uuid.UUID(hex=name)
    except ValueError:
        return None
    return uid if hmac.compare_digest(mark.encode(), _mark(purpose, uid).encode()) else None


def _mark(purpose: str, uid: uuid.UUID) -> str:
    digest = hmac.digest(keys.derive(purpose), uid.bytes, "sha256")
    return base64.urlsafe_b64encode(digest[:24]).decode()

"""Keys for one use each, from the environment or derived from SECRET_KEY."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings


def derive(purpose: str, configured: str = "") -> bytes:
    """32 bytes for this purpose. The configured secret wins; else SECRET_KEY is stretched.

    HMAC with a fixed label keeps the uses apart: knowing one derived key tells nothing of another.
    """
    root = (configured or settings.SECRET_KEY).encode()
    return hmac.new(root, f"controlplane/{purpose}".encode(), hashlib.sha256).digest()

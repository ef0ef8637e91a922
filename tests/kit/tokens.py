"""Tokens in tests: got by the exchange, taken apart, and forged."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt

from controlplane.access import credential_cache, tokens
from controlplane.access.credentials import authenticate_bearer
from controlplane.access.models import Agent
from controlplane.access.services.tokens import issue_token
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Unauthorized
from tests import make


def enter(credential: str) -> Actor:
    credential_cache.clear()
    # Each try from its own address: this file is about tokens, not about guessing.
    enter.count = getattr(enter, "count", 0) + 1  # type: ignore[attr-defined]
    number = enter.count  # type: ignore[attr-defined]
    return authenticate_bearer(
        f"Bearer {credential}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    )


def accepted(credential: str) -> bool:
    return not refused(credential)


def refused(credential: str) -> bool:
    try:
        enter(credential)
    except Unauthorized:
        return True
    return False


def exchange(agent: Agent, **wanted: Any) -> str:
    _, secret = make.key(agent)
    return str(issue_token(actor=enter(secret), **wanted).token)


def forge(claims: dict[str, Any], key: Any = None, algorithm: str = "EdDSA", **headers: Any) -> str:
    """Signed by our real key unless another is given: what only the claims can give away."""
    ring = tokens._ring()
    head = {"typ": "at+jwt", "kid": ring.signing_kid, **headers}
    return jwt.encode(claims, key or ring.signing, algorithm=algorithm, headers=head)


def claims_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def raw(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)

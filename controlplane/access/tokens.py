"""Short-lived signed tokens: signing, verifying, and the keys others verify them with.

Pure of the database. A token is verified against a pinned algorithm, never against the one it
names: `alg: none` and an HMAC made with the public key fail before any signature is looked at.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from controlplane.lib import keys as key_derivation
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import NotAllowed

LIFE_MINUTES = define(
    "access.token_minutes", 15, unit="minutes", why="Playbook: short-lived tokens, 15 minutes."
)
LEEWAY_SECONDS = define(
    "access.token_leeway_seconds",
    30,
    unit="seconds",
    why="Clocks of two machines differ a little; more than 60 s would hide a broken clock.",
)
LENGTH_LIMIT = 8_192
ALGORITHM = "EdDSA"
TYPE = "at+jwt"
_PURPOSE = "token-signing"

# Every token carries these, ours and an outside issuer's. `key` and `epoch` are ours alone.
REQUIRED = ["iss", "aud", "agent_id", "workspace_id", "role", "session_id", "iat", "exp", "jti"]
REQUIRED_OWN = [*REQUIRED, "nbf", "key", "epoch"]
IDENTITY = ("agent_id", "workspace_id", "role", "session_id")
IDENTITY_ACTION = "access.identify"
# Headers that would let a token bring its own key or change how it is read (RFC 8725, 3.1).
FORBIDDEN_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"})


class BadToken(Exception):
    """Why a token is refused: for the log. The caller is told nothing but UNAUTHORIZED."""


def issuer() -> str:
    return str(settings.PUBLIC_URL)


# What a token may be for. One that is for `mcp` alone opens nothing else.
RESOURCES = ("api", "mcp")


def audience(resource: str = "api") -> str:
    return f"{settings.PUBLIC_URL}/{resource}"


def is_for(actor: Actor, resource: str) -> bool:
    """Keys are for everything; a token of ours for what its `aud` says."""
    audiences = actor.claims.get("aud")
    return audiences is None or audience(resource) in audiences.split()


def leeway() -> int:
    return max(0, min(LEEWAY_SECONDS.value, 60))


@dataclass(frozen=True, slots=True)
class _Ring:
    signing: Ed25519PrivateKey
    signing_kid: str
    public: Mapping[str, Ed25519PublicKey]


def _ring() -> _Ring:
    roots = (settings.SIGNING_KEY, *settings.SIGNING_KEYS_OLD)
    if not settings.SIGNING_KEY:
        # Then SECRET_KEY signs, and its old values are old signing keys.
        roots = (*roots, *settings.SECRET_KEY_FALLBACKS)
    return _make_ring(tuple(key_derivation.derive(_PURPOSE, root) for root in roots))


@lru_cache(maxsize=4)
def _make_ring(seeds: tuple[bytes, ...]) -> _Ring:
    private = [Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds]
    public = {kid_of(key.public_key()): key.public_key() for key in private}
    return _Ring(private[0], kid_of(private[0].public_key()), public)


def jwk_of(key: Ed25519PublicKey) -> dict[str, str]:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}


def kid_of(key: Ed25519PublicKey) -> str:
    """The key's RFC 7638 thumbprint: the same key has the same name on every machine."""
    text = json.dumps(jwk_of(key), sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(text.encode()).digest())


def public_keys() -> dict[str, Any]:
    """The JWK set that others verify our tokens with: the present key first, then old ones."""
    return {
        "keys": [
            {**jwk_of(key), "kid": kid, "alg": ALGORITHM, "use": "sig"}
            for kid, key in _ring().public.items()
        ]
    }


def sign(claims: Mapping[str, Any]) -> str:
    ring = _ring()
    headers = {"typ": TYPE, "kid": ring.signing_kid}
    return jwt.encode(dict(claims), ring.signing, algorithm=ALGORITHM, headers=headers)


def read_header(token: str) -> dict[str, Any]:
    """The header of a token that could be genuine. Trusted for nothing but choosing a key."""
    if len(token) > LENGTH_LIMIT:
        raise BadToken("longer than any token")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise BadToken(f"unreadable header: {error}") from None
    strange = FORBIDDEN_HEADERS & header.keys()
    if strange:
        raise BadToken(f"header brings {', '.join(sorted(strange))}")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise BadToken("no key id")
    return header


def read_unverified(token: str) -> dict[str, Any]:
    """Claims before verification: only to find which issuer's keys to verify with."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise BadToken(f"unreadable claims: {error}") from None
    return claims


def verify_own(token: str) -> dict[str, Any]:
    header = read_header(token)
    if header.get("typ") != TYPE:
        raise BadToken("not an access token")
    key = _ring().public.get(header["kid"])
    if key is None:
        raise BadToken("unknown key id")
    return verify(
        token,
        key,
        algorithms=[ALGORITHM],
        audience=[audience(resource) for resource in RESOURCES],
        issuer=issuer(),
        required=REQUIRED_OWN,
    )


def verify(
    token: str,
    key: Any,
    *,
    algorithms: list[str],
    audience: str | list[str],
    issuer: str,
    required: Iterable[str],
) -> dict[str, Any]:
    """Claims of a token signed by this key for us, now. Any doubt raises `BadToken`."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=audience,
            issuer=issuer,
            leeway=leeway(),
            options={"require": list(required), "enforce_minimum_key_length": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BadToken(f"{type(error).__name__}: {error}") from None
    _check_form(claims)
    return claims


def _check_form(claims: Mapping[str, Any]) -> None:
    """Claims that become parts of queries have the form they must have."""
    for name in ("agent_id", "workspace_id", "role", "session_id", "jti"):
        value = claims[name]
        if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
            raise BadToken(f"claim {name} is not a short text")
    if not claims["jti"]:
        raise BadToken("claim jti is empty")
    for name in ("iat", "exp", "nbf"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e11:
            raise BadToken(f"claim {name} is not a time")
    if not isinstance(claims.get("scope", ""), str):
        raise BadToken("claim scope is not a text")


def scopes_of(claims: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(claims.get("scope", "")).split())


def revocation_name(claims: Mapping[str, Any]) -> str:
    """The name a token is revoked under. Ours are unique by themselves; an outside issuer's id
    is only unique together with the issuer, and may be longer than the column."""
    jti = str(claims["jti"])
    if claims["iss"] == issuer():
        return jti
    return hashlib.sha256(f"{claims['iss']}\n{jti}".encode()).hexdigest()


def claims_match(actor: Actor, payload: Any, *, names: Iterable[str] = IDENTITY) -> None:
    """Refuse a payload that says it comes from somebody else than its credentials do.

    For doors whose payload names its sender in these fields; where `agent_id` names somebody
    acted upon, the door leaves it out of `names`. A person at the console claims nothing here:
    for them `can()` and scoping decide alone. The refusal reaches the audit log by the door.
    """
    if not actor.claims or not isinstance(payload, Mapping):
        return
    for name in names:
        stated, proven = payload.get(name), actor.claims.get(name)
        if stated is None or proven is None or str(stated) == proven:
            continue
        code = "WORKSPACE_MISMATCH" if name == "workspace_id" else "CLAIM_MISMATCH"
        reason = f"{name} in the payload contradicts the credentials"
        raise NotAllowed(
            reason,
            code=code,
            details={"field": name},
            denial={
                "actor": actor,
                "action": IDENTITY_ACTION,
                "subject": actor.ref,
                "rule": code.lower(),
                "reason": reason,
                "workspace_id": next(iter(actor.roles), None),
                "details": {"field": name, "stated": str(stated)[:200], "proven": proven},
            },
        )


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

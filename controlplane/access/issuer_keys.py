"""Public keys of an outside issuer: which of a JWK set are kept, and which algorithm each one
verifies. Pure.

The algorithm follows from the kind of key, never from the token, so that a token can't choose
how it is checked. Shared secrets (`oct`), short RSA keys and private halves are not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

from controlplane.lib.errors import Invalid

BYTES_LIMIT = 64 * 1024
KEYS_LIMIT = 20
KID_LIMIT = 200
RSA_BITS = 2048
_PUBLIC = {
    "OKP": (("crv", "x"), "EdDSA"),
    "EC": (("crv", "x", "y"), "ES256"),
    "RSA": (("n", "e"), "RS256"),
}
_CURVES = {"OKP": "Ed25519", "EC": "P-256"}


def kept(document: Any) -> dict[str, Any]:
    """The usable keys of a JWK set, public members only. `Invalid` when it is no JWK set."""
    if not isinstance(document, Mapping) or not isinstance(document.get("keys"), list):
        raise Invalid("This is no JWK set: an object with a list `keys`.")
    usable: dict[str, dict[str, str]] = {}
    for item in document["keys"][:KEYS_LIMIT]:
        key = _public_part(item)
        if key is not None:
            usable.setdefault(key["kid"], key)
    return {"keys": list(usable.values())}


def find(jwks: Mapping[str, Any], kid: str) -> tuple[Any, str] | None:
    """(public key, the one algorithm it verifies) of this id."""
    for item in jwks.get("keys", []):
        if item["kid"] == kid:
            algorithm = _PUBLIC[item["kty"]][1]
            return jwt.PyJWK.from_dict(item, algorithm).key, algorithm
    return None


def _public_part(item: Any) -> dict[str, str] | None:
    if not isinstance(item, Mapping) or item.get("kty") not in _PUBLIC:
        return None
    kty = item["kty"]
    members, algorithm = _PUBLIC[kty]
    wrong = (
        item.get("use", "sig") != "sig"
        or item.get("alg", algorithm) != algorithm
        or (kty in _CURVES and item.get("crv") != _CURVES[kty])
        or not isinstance(item.get("kid"), str)
        or not 0 < len(item["kid"]) <= KID_LIMIT
        or any(not isinstance(item.get(name), str) for name in members)
    )
    if wrong:
        return None
    key = {"kty": kty, "kid": item["kid"], **{name: item[name] for name in members}}
    return key if _sound(key, algorithm) else None


def _sound(key: dict[str, str], algorithm: str) -> bool:
    try:
        made = jwt.PyJWK.from_dict(key, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return key["kty"] != "RSA" or made.key_size >= RSA_BITS

"""Every forgery of a token we know of is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from controlplane.access import tokens
from tests import make
from tests.kit import settled
from tests.kit.tokens import accepted, claims_of, exchange, forge, raw, refused

pytestmark = pytest.mark.django_db
START = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


@settled.once
def token() -> str:
    return exchange(make.agent(make.workspace(), role="executor"))


def test_alg_none__in_any_spelling__is_refused(token: str) -> None:
    header = jwt.get_unverified_header(token)
    for name in ("none", "None", "NONE", "", None, 0):
        assert refused(raw({**header, "alg": name}, claims_of(token)))
    head, body, _ = token.split(".")
    assert refused(f"{head}.{body}.")


def test_hmac__keyed_with_our_public_key__is_refused(token: str) -> None:
    header = {**jwt.get_unverified_header(token), "alg": "HS256"}
    public = tokens._ring().signing.public_key()
    for secret in _public_forms(public):
        text = raw(header, claims_of(token)).rpartition(".")[0]
        signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        assert refused(raw(header, claims_of(token), signature))


def _public_forms(key: Ed25519PublicKey) -> list[bytes]:
    return [
        key.public_bytes(Encoding.Raw, PublicFormat.Raw),
        key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(tokens.jwk_of(key)).encode(),
    ]


@pytest.mark.parametrize(
    "kid", ["", None, 7, [], {}, "../../dev/null", "' OR 1=1 --", "\x00", "k" * 5000]
)
def test_kid__tricks__are_refused(token: str, kid: Any) -> None:
    claims = claims_of(token)
    ring = tokens._ring()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    text = raw(header, claims).rpartition(".")[0]
    assert refused(raw(header, claims, ring.signing.sign(text.encode())))


def test_kid__of_ours_with_a_strangers_signature__is_refused(token: str) -> None:
    claims = claims_of(token)
    assert refused(forge(claims, Ed25519PrivateKey.generate()))


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"])
def test_header__that_brings_its_own_key_or_rules__is_refused(token: str, header: str) -> None:
    stranger = Ed25519PrivateKey.generate()
    brought: Any = {
        "jwk": tokens.jwk_of(stranger.public_key()),
        "jku": "https://evil.example/jwks.json",
        "crit": ["exp"],
        "b64": True,
    }.get(header, "x")
    claims = claims_of(token)
    full = {"alg": "EdDSA", "typ": "at+jwt", "kid": tokens._ring().signing_kid, header: brought}
    for key in (stranger, tokens._ring().signing):
        text = raw(full, claims).rpartition(".")[0]
        assert refused(raw(full, claims, key.sign(text.encode())))


CHANGES: list[dict[str, Any]] = [
    {"iss": "https://evil.example"},
    {"iss": None},
    {"aud": "somebody-else"},
    {"aud": None},
    {"exp": None},
    {"exp": "never"},
    {"exp": True},
    {"exp": 1},
    {"exp": 1e300},
    {"exp": float("nan")},
    {"nbf": 32503680000},
    {"nbf": None},
    {"iat": 32503680000},
    {"iat": None},
    {"iat": "yesterday"},
    {"jti": None},
    {"jti": ""},
    {"jti": 5},
    {"agent_id": None},
    {"agent_id": "00000000-0000-7000-8000-000000000000"},
    {"agent_id": ["x"]},
    {"workspace_id": None},
    {"workspace_id": "00000000-0000-7000-8000-000000000000"},
    {"role": "workspace_admin"},
    {"role": "coordinator"},
    {"role": None},
    {"session_id": None},
    {"session_id": "x" * 201},
    {"session_id": "a\x00b"},
    {"scope": ""},
    {"scope": None},
    {"scope": ["*"]},
    {"key": None},
    {"key": "cp_local_AAAAAAAA"},
    {"key": {"prefix": 1}},
    {"epoch": None},
    {"epoch": 99},
    {"epoch": "0"},
]


def test_claims__missing_wrong_or_of_another_form__are_refused_even_if_signed_by_us(
    token: str,
) -> None:
    claims = claims_of(token)
    for changes in CHANGES:
        both = {**claims, **changes}
        assert refused(forge({k: v for k, v in both.items() if v is not None})), changes
    assert accepted(forge(claims))


def test_type__of_an_id_token__is_refused(token: str) -> None:
    claims = claims_of(token)
    for kind in ("JWT", "id+jwt", "", "AT+JWT2"):
        assert refused(forge(claims, typ=kind))


def test_token__of_another_workspaces_agent__names_no_other_workspace() -> None:
    """One workspace is one trust domain: not even our signature joins two."""
    agent, other = make.agent(make.workspace()), make.agent(make.workspace())
    claims = claims_of(exchange(agent))
    assert refused(forge({**claims, "workspace_id": str(other.workspace.uid)}))
    assert refused(forge({**claims, "agent_id": str(other.uid)}))
    mixed = {"agent_id": str(other.uid), "workspace_id": str(other.workspace.uid)}
    assert refused(forge({**claims, **mixed})), "the key behind it is still the first agent's"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.data())
def test_token__changed_in_any_character__is_refused(token: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(token) - 1))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    other = data.draw(st.sampled_from(alphabet).filter(lambda c: c != token[at]))
    changed = token[:at] + other + token[at + 1 :]
    if _same_bytes(changed, token):
        return  # the last character of base64 holds bits that mean nothing
    assert refused(changed)


def _same_bytes(one: str, two: str) -> bool:
    def decoded(token: str) -> list[bytes]:
        return [base64.urlsafe_b64decode(part + "==") for part in token.split(".")]

    try:
        return decoded(one) == decoded(two)
    except ValueError:
        return False

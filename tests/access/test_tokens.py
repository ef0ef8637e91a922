"""Tokens: what they say, how long they live, what ends them, and every forgery we know of."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from controlplane.access import credential_cache, tokens
from controlplane.access.credentials import authenticate_bearer
from controlplane.access.models import AccountLock, Agent, RevokedToken
from controlplane.access.services.agents import change_agent, deactivate_agent, end_tokens
from controlplane.access.services.keys import issue_key, revoke_key
from controlplane.access.services.tokens import (
    issue_token,
    revoke_presented,
    revoke_token,
    sweep_revoked,
)
from controlplane.audit.models import AuditEvent
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotAllowed, NotFound, Unauthorized
from tests import make

pytestmark = pytest.mark.django_db
START = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def enter(credential: str) -> Actor:
    credential_cache._clear()
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


def test_token__carries_the_agreed_claims_and_opens_the_door() -> None:
    agent = make.agent(make.workspace(), role="planner")
    with time_machine.travel(START, tick=False):
        token = exchange(agent)
        claims = claims_of(token)
        actor = enter(token)
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    assert jwt.get_unverified_header(token)["alg"] == "EdDSA"
    assert claims["agent_id"] == str(agent.uid)
    assert claims["workspace_id"] == str(agent.workspace.uid)
    assert claims["role"] == "planner"
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert {"iss", "aud", "session_id", "nbf", "jti", "scope"} <= claims.keys()
    assert (actor.kind, actor.agent_id) == ("agent", agent.pk)
    assert actor.session_id == claims["session_id"]
    assert actor.roles == {agent.workspace_id: frozenset({"planner"})}


def test_published_keys__verify_our_tokens_and_hold_no_private_half() -> None:
    token = exchange(make.agent(make.workspace()))
    published = tokens.public_keys()["keys"]
    assert all(set(key) == {"crv", "kty", "x", "kid", "alg", "use"} for key in published)
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWKSet.from_dict({"keys": published})[kid]
    assert jwt.decode(token, key, audience=tokens.audience(), issuer=tokens.issuer())


def test_signing_key__replaced__old_tokens_still_count_while_it_is_listed(settings: Any) -> None:
    settings.SIGNING_KEY = "the first signing key"
    token = exchange(make.agent(make.workspace()))
    settings.SIGNING_KEY, settings.SIGNING_KEYS_OLD = "the second", ["the first signing key"]
    assert accepted(token)
    assert len(tokens.public_keys()["keys"]) == 2
    settings.SIGNING_KEYS_OLD = []
    assert refused(token)


def test_secret_key__replaced__counts_as_the_signing_keys_replacement(settings: Any) -> None:
    settings.SIGNING_KEY = ""
    token = exchange(make.agent(make.workspace()))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 60, [settings.SECRET_KEY]
    assert accepted(token)
    settings.SECRET_KEY_FALLBACKS = []
    assert refused(token)


def test_token__expires__with_a_leeway_of_seconds() -> None:
    agent = make.agent(make.workspace())
    with time_machine.travel(START, tick=False) as clock:
        token = exchange(agent)
        clock.move_to(START + timedelta(minutes=15, seconds=29))
        assert accepted(token)
        clock.move_to(START + timedelta(minutes=15, seconds=31))
        assert refused(token)


def test_token__of_a_key_about_to_end__ends_with_it() -> None:
    agent = make.agent(make.workspace())
    with time_machine.travel(START, tick=False) as clock:
        _, secret = make.key(agent, days=1)
        clock.move_to(START + timedelta(days=1, minutes=-5))
        token = str(issue_token(actor=enter(secret)).token)
        clock.shift(timedelta(minutes=5))
        assert refused(token)


def test_leeway__set_too_wide__is_a_minute_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_ACCESS_TOKEN_LEEWAY_SECONDS", "3600")
    assert tokens.leeway() == 60


# --- ending ---------------------------------------------------------------------------------------


def test_token__revoked__is_refused_when_replayed() -> None:
    agent = make.agent(make.workspace())
    token = exchange(agent)
    actor = enter(token)
    revoke_presented(actor=actor, reason="session over")
    assert refused(token)
    assert AuditEvent.objects.filter(action="token.revoke", reason="session over").exists()
    revoke_presented(actor=actor)
    assert RevokedToken.objects.count() == 1


def test_token__revoked_by_its_agent_or_a_key_manager__not_by_others() -> None:
    workspace = make.workspace()
    agent = make.agent(workspace)
    token = exchange(agent)
    neighbour = enter(exchange(make.agent(workspace)))
    with pytest.raises(NotAllowed):
        revoke_token(token, actor=neighbour)
    stranger = make.actor(make.person(make.workspace(), "workspace_admin"))
    with pytest.raises(NotFound):
        revoke_token(token, actor=stranger)
    assert accepted(token)
    _, secret = make.key(agent)
    revoke_token(token, actor=enter(secret))
    assert refused(token)
    token = exchange(agent)
    revoke_token(token, actor=make.actor(make.person(workspace, "security_lead")))
    assert refused(token)


@pytest.mark.parametrize("text", ["", "nonsense", "a.b.c", "\x00", "é.é.é"])
def test_token_to_revoke__that_is_none__is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        revoke_token(text, actor=make.JOB)


def test_token__dies_with_its_key_its_agent_and_its_role() -> None:
    workspace = make.workspace()
    agent = make.agent(workspace)
    key, secret = make.key(agent)
    token = str(issue_token(actor=enter(secret)).token)
    revoke_key(key, actor=make.JOB)
    assert refused(token)

    token = exchange(agent)
    end_tokens(agent, actor=make.JOB)
    assert refused(token)

    token = exchange(agent)
    change_agent(agent, actor=make.JOB, role="planner")
    assert refused(token)

    agent.refresh_from_db()
    token = exchange(agent)
    lock = AccountLock.objects.create(agent=agent, reason="odd", locked_by="test")
    assert refused(token)
    lock.delete()
    assert accepted(token)

    deactivate_agent(agent, actor=make.JOB)
    assert refused(token)


def test_revoked_tokens__are_kept_until_they_would_have_expired() -> None:
    agent = make.agent(make.workspace())
    with time_machine.travel(START, tick=False) as clock:
        revoke_presented(actor=enter(exchange(agent)))
        clock.shift(timedelta(minutes=70))
        assert sweep_revoked() == 0
        clock.shift(timedelta(minutes=10))
        assert sweep_revoked() == 1


# --- exchanging -----------------------------------------------------------------------------------


def test_token__is_not_exchanged_for_another() -> None:
    actor = enter(exchange(make.agent(make.workspace())))
    with pytest.raises(NotAllowed):
        issue_token(actor=actor)


def test_person__has_keys_but_no_tokens() -> None:
    workspace = make.workspace()
    person = make.person(workspace, "viewer")
    issued = issue_key(person, actor=make.actor(person), workspace=workspace, name="cli")
    for actor in (make.actor(person), enter(str(issued.secret))):
        with pytest.raises(NotAllowed):
            issue_token(actor=actor)


def test_scopes__may_be_narrowed_never_widened() -> None:
    service = make.agent(make.workspace(), role="")
    _, secret = make.key(service, scopes=["catalog.*", "audit.view"])
    actor = enter(secret)
    narrow = enter(str(issue_token(actor=actor, wanted=["catalog.view"]).token))
    assert narrow.scopes == frozenset({"catalog.view"})
    whole = enter(str(issue_token(actor=actor).token))
    assert whole.scopes == frozenset({"catalog.*", "audit.view"})
    for beyond in (["*"], ["audit.*"], ["catalog.view", "job.view"]):
        with pytest.raises(NotAllowed):
            issue_token(actor=actor, wanted=beyond)
    with pytest.raises(Invalid):
        issue_token(actor=actor, wanted=["nothing.at_all"])


@pytest.mark.parametrize("session", ["two words", "x" * 81, "a\nb", "é", "-"])
def test_session_id__of_the_caller__has_a_harmless_form(session: str) -> None:
    _, secret = make.key(make.agent(make.workspace()))
    with pytest.raises(Invalid):
        issue_token(actor=enter(secret), session_id=session)


# --- forgeries ------------------------------------------------------------------------------------


def test_alg_none__in_any_spelling__is_refused() -> None:
    token = exchange(make.agent(make.workspace()))
    header = jwt.get_unverified_header(token)
    for name in ("none", "None", "NONE", "", None, 0):
        assert refused(raw({**header, "alg": name}, claims_of(token)))
    head, body, _ = token.split(".")
    assert refused(f"{head}.{body}.")


def test_hmac__keyed_with_our_public_key__is_refused() -> None:
    token = exchange(make.agent(make.workspace()))
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
def test_kid__tricks__are_refused(kid: Any) -> None:
    claims = claims_of(exchange(make.agent(make.workspace())))
    ring = tokens._ring()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    text = raw(header, claims).rpartition(".")[0]
    assert refused(raw(header, claims, ring.signing.sign(text.encode())))


def test_kid__of_ours_with_a_strangers_signature__is_refused() -> None:
    claims = claims_of(exchange(make.agent(make.workspace())))
    assert refused(forge(claims, Ed25519PrivateKey.generate()))


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"])
def test_header__that_brings_its_own_key_or_rules__is_refused(header: str) -> None:
    agent = make.agent(make.workspace())
    stranger = Ed25519PrivateKey.generate()
    brought: Any = {
        "jwk": tokens.jwk_of(stranger.public_key()),
        "jku": "https://evil.example/jwks.json",
        "crit": ["exp"],
        "b64": True,
    }.get(header, "x")
    claims = claims_of(exchange(agent))
    full = {"alg": "EdDSA", "typ": "at+jwt", "kid": tokens._ring().signing_kid, header: brought}
    for key in (stranger, tokens._ring().signing):
        text = raw(full, claims).rpartition(".")[0]
        assert refused(raw(full, claims, key.sign(text.encode())))


@pytest.mark.parametrize(
    "changes",
    [
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
    ],
    ids=str,
)
def test_claims__missing_wrong_or_of_another_form__are_refused_even_if_signed_by_us(
    changes: dict[str, Any],
) -> None:
    agent = make.agent(make.workspace(), role="executor")
    claims = claims_of(exchange(agent))
    assert accepted(forge(claims))
    changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    assert refused(forge(changed))


def test_type__of_an_id_token__is_refused() -> None:
    claims = claims_of(exchange(make.agent(make.workspace())))
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


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_token__changed_in_any_character__is_refused(data: st.DataObject) -> None:
    agent = Agent.objects.first() or make.agent(make.workspace())
    token = exchange(agent)
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


# --- payloads -------------------------------------------------------------------------------------


def test_payload__that_agrees_or_says_nothing__passes() -> None:
    agent = make.agent(make.workspace())
    actor = enter(exchange(agent))
    tokens.claims_match(actor, {"agent_id": str(agent.uid), "text": "hello"})
    tokens.claims_match(actor, {"agent_id": agent.uid, "role": "executor"})
    others: list[Any] = [{}, [], "text", None]
    for payload in others:
        tokens.claims_match(actor, payload)
    tokens.claims_match(make.JOB, {"agent_id": "anybody"})


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("agent_id", "CLAIM_MISMATCH"),
        ("role", "CLAIM_MISMATCH"),
        ("session_id", "CLAIM_MISMATCH"),
        ("workspace_id", "WORKSPACE_MISMATCH"),
    ],
)
def test_payload__that_contradicts_the_claims__is_refused_with_what_the_audit_needs(
    field: str, code: str
) -> None:
    from controlplane.audit.services import record_denied

    agent = make.agent(make.workspace())
    actor = enter(exchange(agent))
    for value in ("somebody-else", 7, ["x"], ""):
        with pytest.raises(NotAllowed) as error:
            tokens.claims_match(actor, {field: value})
        assert error.value.error_code == code
        assert error.value.status == 403
    record_denied(error.value)
    event = AuditEvent.objects.get(outcome="denied")
    assert (event.workspace_id, event.rule) == (agent.workspace_id, code.lower())
    assert event.details
    assert event.details["proven"] == actor.claims[field]


def test_payload__of_a_key__is_held_to_its_agent_too() -> None:
    agent = make.agent(make.workspace())
    _, secret = make.key(agent)
    with pytest.raises(NotAllowed):
        tokens.claims_match(enter(secret), {"agent_id": str(make.agent(agent.workspace).uid)})

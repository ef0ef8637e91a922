"""Tokens: what they say, how long they live, and what ends them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine

from controlplane.access import tokens
from controlplane.access.models import AccountLock, RevokedToken
from controlplane.access.services.agents import change_agent, deactivate_agent, end_tokens
from controlplane.access.services.keys import issue_key, revoke_key
from controlplane.access.services.tokens import (
    issue_token,
    revoke_presented,
    revoke_token,
    sweep_revoked,
)
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Invalid, NotAllowed, NotFound
from tests import make
from tests.kit.tokens import accepted, claims_of, enter, exchange, refused

pytestmark = pytest.mark.django_db
START = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


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

"""Outside issuers: who may be trusted for what, and what happens when one goes down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa

from controlplane.access import credential_cache, issuer_keys, tokens
from controlplane.access.credentials import authenticate_bearer
from controlplane.access.models import Agent, TrustedIssuer
from controlplane.access.services.agents import deactivate_agent
from controlplane.access.services.issuers import (
    change_issuer,
    distrust_issuer,
    refresh_keys,
    trust_issuer,
    trust_issuer_again,
)
from controlplane.access.services.tokens import revoke_presented
from controlplane.audit.models import AuditEvent
from controlplane.lib.actors import Actor
from controlplane.lib.errors import (
    Conflict,
    ControlPlaneError,
    Invalid,
    NotAllowed,
    RateLimited,
    Unauthorized,
)
from tests import make
from tests.kit.issuer import Issuer, running

pytestmark = pytest.mark.django_db
START = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def issuer(settings: Any) -> Iterator[Issuer]:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with running() as server:
        yield server


def trust(server: Issuer, agent: Agent, **fields: Any) -> TrustedIssuer:
    return trust_issuer(
        agent.workspace,
        actor=fields.pop("actor", make.JOB),
        **{
            "issuer": server.name,
            "jwks_url": server.jwks_url,
            "audience": server.audience,
            "role": agent.role or "executor",
            **fields,
        },
    )


def enter(token: str) -> Actor:
    credential_cache.clear()
    enter.count = getattr(enter, "count", 0) + 1  # type: ignore[attr-defined]
    number = enter.count  # type: ignore[attr-defined]
    return authenticate_bearer(f"Bearer {token}", f"10.9.{number >> 8 & 255}.{number & 255}")


def accepted(token: str) -> bool:
    return not refused(token)


def refused(token: str) -> bool:
    try:
        enter(token)
    except Unauthorized:
        return True
    return False


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_outside_token__of_each_allowed_algorithm__opens_the_door(
    issuer: Issuer, algorithm: str
) -> None:
    agent = make.agent(make.workspace(), role="planner")
    trust(issuer, agent)
    issuer.add_key("k", algorithm)
    actor = enter(issuer.token(agent, kid="k"))
    assert (actor.kind, actor.agent_id) == ("agent", agent.pk)
    assert actor.roles == {agent.workspace_id: frozenset({"planner"})}
    assert actor.session_id == "session-1"
    assert actor.scopes == frozenset({"*"}), "never None: that would open what no key may do"
    assert issuer.asked == 1
    enter(issuer.token(agent, kid="k"))
    assert issuer.asked == 1, "keys are kept"


def test_outage__does_not_stop_callers_whose_issuer_we_know(issuer: Issuer) -> None:
    agent = make.agent(make.workspace())
    trust(issuer, agent)
    with time_machine.travel(START, tick=False) as clock:
        assert accepted(issuer.token(agent))
        issuer.down = True
        clock.shift(timedelta(hours=23))
        assert accepted(issuer.token(agent))
        clock.shift(timedelta(hours=2))
        assert refused(issuer.token(agent)), "kept keys are too old: fail closed"
        assert "500" in TrustedIssuer.objects.get().last_error
        issuer.down = False
        clock.shift(timedelta(minutes=2))
        assert accepted(issuer.token(agent))
        assert TrustedIssuer.objects.get().last_error == ""


def test_new_key_of_the_issuer__is_fetched_but_not_at_the_callers_pace(issuer: Issuer) -> None:
    agent = make.agent(make.workspace())
    trust(issuer, agent)
    with time_machine.travel(START, tick=False) as clock:
        assert accepted(issuer.token(agent))
        issuer.add_key("second")
        assert refused(issuer.token(agent, kid="second")), "asked a moment ago"
        clock.shift(timedelta(seconds=61))
        assert accepted(issuer.token(agent, kid="second"))
        asked = issuer.asked
        clock.shift(timedelta(seconds=61))
        for number in range(20):
            assert refused(issuer.token(agent, headers={"kid": f"made-up-{number}"}))
        assert issuer.asked == asked + 1


def test_key__withdrawn_by_the_issuer__counts_no_longer_after_the_refresh(issuer: Issuer) -> None:
    agent = make.agent(make.workspace())
    row = trust(issuer, agent)
    token = issuer.token(agent)
    assert accepted(token)
    del issuer.keys["first"]
    refresh_keys(row, force=True)
    assert refused(token)


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b'{"keys": {}}', b"<html>", b'{"keys": [' * 200, b"x" * 100_000, b"\xff"],
)
def test_broken_key_set__keeps_the_old_keys_and_is_noted(issuer: Issuer, document: bytes) -> None:
    agent = make.agent(make.workspace())
    row = trust(issuer, agent)
    assert accepted(issuer.token(agent))
    issuer.document = document
    with pytest.raises(ControlPlaneError):
        refresh_keys(row, force=True)
    assert accepted(issuer.token(agent))
    assert TrustedIssuer.objects.get().last_error


def test_key_set__keeps_public_halves_of_allowed_kinds_only() -> None:
    def jwk(key: Any) -> dict[str, Any]:
        return dict(json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)))

    private = jwk(rsa.generate_private_key(65537, 2048))
    short = jwk(rsa.generate_private_key(65537, 1024).public_key())
    good = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    document = {
        "keys": [
            {**private, "kid": "with private half"},
            {**short, "kid": "short"},
            {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
            {**good, "kid": "encryption", "use": "enc"},
            {**good, "kid": "other algorithm", "alg": "HS256"},
            {**good, "kid": "curve", "crv": "Ed448"},
            {**good},
            {**good, "kid": 7},
            {**good, "kid": "broken", "x": "!"},
            {**good, "kid": "good"},
            "text",
            None,
        ]
    }
    kept = issuer_keys.kept(document)["keys"]
    assert [key["kid"] for key in kept] == ["with private half", "good"]
    assert set(kept[0]) == {"kty", "kid", "n", "e"}
    assert (
        len(issuer_keys.kept({"keys": [{**good, "kid": str(n)} for n in range(99)]})["keys"]) == 20
    )


WRONG: list[dict[str, Any]] = [
    {"aud": "another"},
    {"aud": ["another"]},
    {"aud": None},
    {"aud": 5},
    {"iss": "https://unknown.example"},
    {"iss": None},
    {"agent_id": "not-an-id"},
    {"agent_id": None},
    {"workspace_id": "00000000-0000-7000-8000-000000000000"},
    {"workspace_id": None},
    {"role": "coordinator-in-chief"},
    {"role": "workspace_admin"},
    {"role": ""},
    {"role": None},
    {"session_id": None},
    {"jti": None},
    {"exp": None},
    {"iat": None},
    {"exp": 1},
    {"nbf": 32503680000},
    {"exp": 32503680000},
]


def test_outside_token__wrong_in_any_claim__is_refused(issuer: Issuer) -> None:
    agent = make.agent(make.workspace())
    trust(issuer, agent)
    for changes in WRONG:
        assert refused(issuer.token(agent, **changes)), changes
    assert accepted(issuer.token(agent))


def test_outside_token__signed_with_the_public_key_as_a_secret__is_refused(issuer: Issuer) -> None:
    agent = make.agent(make.workspace())
    trust(issuer, agent)
    assert accepted(issuer.token(agent))
    published = json.loads(issuer.published())["keys"][0]
    for secret in (published["x"], published["x"] * 2):
        forged = jwt.encode(
            issuer.claims(agent), secret, algorithm="HS256", headers={"kid": "first", "typ": "JWT"}
        )
        assert refused(forged)


def test_outside_token__signed_by_another_kind_of_key_of_the_same_name__is_refused(
    issuer: Issuer,
) -> None:
    agent = make.agent(make.workspace())
    trust(issuer, agent)
    assert accepted(issuer.token(agent))
    issuer.add_key("first", "RS256")
    assert refused(issuer.token(agent)), "the algorithm follows from the key we keep"


def test_outside_token__of_another_workspaces_agent__is_refused(issuer: Issuer) -> None:
    agent, other = make.agent(make.workspace()), make.agent(make.workspace())
    trust(issuer, agent)
    assert refused(issuer.token(other))
    assert refused(issuer.token(agent, workspace_id=str(other.workspace.uid)))
    assert refused(issuer.token(other, workspace_id=str(agent.workspace.uid)))


def test_outside_token__of_a_retired_agent_or_a_distrusted_issuer__is_refused(
    issuer: Issuer,
) -> None:
    agent = make.agent(make.workspace())
    row = trust(issuer, agent)
    token = issuer.token(agent)
    assert accepted(token)
    distrust_issuer(row, actor=make.JOB, reason="compromised")
    assert refused(token)
    trust_issuer_again(row, actor=make.JOB)
    assert accepted(token)
    deactivate_agent(agent, actor=make.JOB)
    assert refused(token)


def test_outside_token__revoked__is_refused_without_touching_another_issuers(
    issuer: Issuer,
) -> None:
    agent = make.agent(make.workspace())
    trust(issuer, agent)
    token = issuer.token(agent, jti="j" * 200)
    revoke_presented(actor=enter(token))
    assert refused(token)
    assert accepted(issuer.token(agent, jti="j" * 199))


def test_role__more_than_the_issuer_or_the_agent_has__is_refused(issuer: Issuer) -> None:
    from controlplane.access import policy

    workspace = make.workspace()
    strong = make.agent(workspace, role="coordinator")
    extra = {"more.do": policy.Action("More", frozenset({"coordinator"}))}
    policy.ACTIONS.update(extra)
    try:
        trust(issuer, strong, role="executor")
        assert refused(issuer.token(strong)), "its issuer may give less"
        assert accepted(issuer.token(strong, role="executor"))
        weak = make.agent(workspace, role="executor")
        change_issuer(TrustedIssuer.objects.get(), actor=make.JOB, role="coordinator")
        assert refused(issuer.token(weak, role="coordinator")), "the agent is less"
        assert accepted(issuer.token(strong))
    finally:
        policy.ACTIONS.pop("more.do")


def test_service_account__by_an_outside_token__has_the_scopes_its_issuer_may_give(
    issuer: Issuer,
) -> None:
    service = make.agent(make.workspace(), role="")
    trust(issuer, service, role="executor")
    assert enter(issuer.token(service, scope="catalog.view")).kind == "service"
    assert refused(issuer.token(service, scope="*"))
    assert refused(issuer.token(service, scope="catalog.manage"))
    assert refused(issuer.token(service, role="executor", scope="catalog.view"))


def test_two_trusts__with_one_audience__are_refused_by_the_table(issuer: Issuer) -> None:
    agent, other = make.agent(make.workspace()), make.agent(make.workspace())
    trust(issuer, agent)
    with pytest.raises(Conflict):
        trust(issuer, other)
    trust(issuer, other, audience="second")
    assert enter(issuer.token(other, aud="second")).agent_id == other.pk
    assert refused(issuer.token(agent, aud="second"))
    assert refused(issuer.token(agent, aud=["portal", "second"])), "not clear for whom"


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "workspace_admin"},
        {"role": ""},
        {"issuer": ""},
        {"audience": ""},
        {"jwks_url": "http://keys.example/jwks"},
        {"jwks_url": "file:///etc/passwd"},
        {"jwks_url": "https://user:pass@keys.example/jwks"},
        {"jwks_url": "https://[broken"},
        {"issuer": "javascript:alert(1)"},
        {"audience": "x" * 201},
    ],
    ids=str,
)
def test_trust__in_something_odd__is_refused(issuer: Issuer, fields: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        trust(issuer, make.agent(make.workspace()), **fields)


def test_trust__in_ourselves__is_refused(issuer: Issuer) -> None:
    with pytest.raises(Invalid):
        trust(issuer, make.agent(make.workspace()), issuer=tokens.issuer())


def test_private_address__that_is_not_allowed__is_never_called(
    issuer: Issuer, settings: Any
) -> None:
    agent = make.agent(make.workspace())
    row = trust(issuer, agent)
    settings.OUTGOING_ALLOW = []
    with pytest.raises(ControlPlaneError):
        refresh_keys(row, force=True)
    assert refused(issuer.token(agent))
    assert issuer.asked == 0


def test_trust__is_given_by_those_who_manage_access_and_within_what_they_hold(
    issuer: Issuer,
) -> None:
    workspace = make.workspace()
    agent = make.agent(workspace)
    for role in ("viewer", "operations_command", "engineering_lead"):
        with pytest.raises(NotAllowed):
            trust(issuer, agent, actor=make.actor(make.person(workspace, role)))
    stranger = make.actor(make.person(make.workspace(), "workspace_admin"))
    with pytest.raises(NotAllowed):
        trust(issuer, agent, actor=stranger)
    person = make.person(workspace, "workspace_admin")
    with pytest.raises(NotAllowed) as error:
        trust(issuer, agent, actor=make.actor(person, recent_factor=False))
    assert error.value.error_code == "SECOND_FACTOR_REQUIRED"
    row = trust(issuer, agent, actor=make.actor(person))
    assert AuditEvent.objects.get(action="key.trust_issuer").workspace_id == workspace.pk
    assert not TrustedIssuer.objects.visible_to(stranger).exists()
    with pytest.raises(NotAllowed):
        distrust_issuer(row, actor=stranger)


def test_changed_address__throws_the_old_keys_away(issuer: Issuer) -> None:
    agent = make.agent(make.workspace())
    row = trust(issuer, agent)
    assert accepted(issuer.token(agent))
    row.refresh_from_db()
    with running() as another:
        change_issuer(row, actor=make.JOB, jwks_url=another.jwks_url)
        assert refused(issuer.token(agent))


def test_guessing_tokens__is_held_back_like_guessing_keys(issuer: Issuer) -> None:
    agent = make.agent(make.workspace())
    trust(issuer, agent)
    forged = issuer.token(agent, aud="another")
    with pytest.raises(RateLimited):
        for _ in range(50):
            with pytest.raises(Unauthorized):
                authenticate_bearer(f"Bearer {forged}", "192.0.2.1")

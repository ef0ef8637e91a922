"""Tokens: made from a key, ended before their time, swept when they would have ended."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import credential_cache, keys, policy, scopes, tokens
from controlplane.access.models import Agent, ApiKey, RevokedToken
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotAllowed, NotFound

_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    token: keys.ShownOnce
    claims: dict[str, Any]

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.claims["exp"], UTC)


@transaction.atomic
def issue_token(
    *,
    actor: Actor,
    wanted: Iterable[str] | None = None,
    session_id: str = "",
    resources: Iterable[str] = tokens.RESOURCES,
) -> IssuedToken:
    """Exchange the key behind this actor for a token with the same rights, or fewer, that opens
    these resources."""
    key = _key_of(actor)
    agent = key.agent
    if agent is None:
        raise _refused(actor, "Tokens are for agents and service accounts.", key)
    carried = _narrowed(actor, key, wanted)
    if session_id and not _SESSION.fullmatch(session_id):
        message = "At most 80 letters, digits and . _ : -"
        raise Invalid(message, details={"session_id": message})
    now = clock.now()
    ends = min(now + timedelta(minutes=_life()), key.expires_at)
    claims = {
        "iss": tokens.issuer(),
        "aud": [tokens.audience(resource) for resource in resources],
        "sub": f"agent:{agent.uid}",
        "agent_id": str(agent.uid),
        "workspace_id": str(key.workspace.uid),
        "role": agent.role,
        "session_id": session_id or str(uuid.uuid4()),
        "scope": " ".join(carried),
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int(ends.timestamp()),
        "jti": str(uuid.uuid4()),
        "key": key.prefix,
        "epoch": agent.token_epoch,
    }
    shown = {name: claims[name] for name in ("jti", "session_id", "scope", "exp", "aud")}
    record(actor, "token.issue", agent, details={**shown, "key_prefix": key.prefix})
    return IssuedToken(keys.ShownOnce(tokens.sign(claims)), claims)


@transaction.atomic
def revoke_token(token: str, *, actor: Actor, reason: str = "") -> None:
    """End a token of ours: the agent's own, or, for those who manage keys, any of the
    workspace. One that isn't genuine, has ended or is a stranger's doesn't exist here."""
    try:
        claims = tokens.verify_own(token)
    except tokens.BadToken:
        raise NotFound("No such token, or it has ended.") from None
    agent = Agent.objects.select_related("workspace").filter(uid=claims["agent_id"]).first()
    if agent is None or str(agent.workspace.uid) != claims["workspace_id"]:
        raise NotFound("No such token, or it has ended.")
    if not actor.sees_all and agent.workspace_id not in actor.workspace_ids:
        raise NotFound("No such token, or it has ended.")
    if actor.agent_id != agent.pk:
        policy.require(actor, "key.manage", agent)
    _store(claims, agent, actor=actor, reason=reason)


@transaction.atomic
def revoke_presented(*, actor: Actor, reason: str = "") -> None:
    """End the token this very request came with."""
    jti = actor.claims.get("jti")
    if not jti or actor.agent_id is None:
        raise Invalid("This request came without a token. Send the token to end.")
    agent = Agent.objects.select_related("workspace").get(pk=actor.agent_id)
    claims = {"iss": actor.claims["iss"], "jti": jti, "exp": float(actor.claims["exp"])}
    _store(claims, agent, actor=actor, reason=reason)


def sweep_revoked() -> int:
    """Rows of tokens that have expired anyway; an hour more than any leeway."""
    removed, _ = RevokedToken.objects.filter(
        expires_at__lt=clock.now() - timedelta(hours=1)
    ).delete()
    return removed


def _store(claims: dict[str, Any], agent: Agent, *, actor: Actor, reason: str) -> None:
    row, created = RevokedToken.objects.get_or_create(
        jti=tokens.revocation_name(claims),
        defaults={
            "workspace": agent.workspace,
            "expires_at": datetime.fromtimestamp(claims["exp"], UTC),
            "revoked_by": str(actor)[:200],
            "reason": reason.strip()[:300],
        },
    )
    if created:
        record(actor, "token.revoke", agent, details={"jti": row.jti}, reason=reason)
    credential_cache.forget(f"agent:{agent.pk}")


def _life() -> int:
    """Longer than an hour is no short-lived token any more."""
    return max(1, min(tokens.LIFE_MINUTES.value, 60))


def _key_of(actor: Actor) -> ApiKey:
    if actor.key_id is None:
        raise _refused(actor, "Exchange an API key: send it as the bearer.", actor.ref)
    if "jti" in actor.claims:
        # Else a leaked token would live for ever by exchanging itself.
        raise _refused(actor, "A token is not exchanged for another. Send the key.", actor.ref)
    return ApiKey.objects.select_related("agent", "workspace").get(pk=actor.key_id)


def _narrowed(actor: Actor, key: ApiKey, wanted: Iterable[str] | None) -> list[str]:
    held = list(key.scopes) or ["*"]
    if wanted is None:
        return held
    asked = scopes.checked(wanted)
    if not asked:
        return held
    beyond = scopes.covered_by(asked) - scopes.covered_by(held)
    if beyond:
        raise _refused(actor, "The key does not carry these scopes.", key)
    return asked


def _refused(actor: Actor, message: str, subject: Any) -> NotAllowed:
    return NotAllowed(
        message,
        denial={
            "actor": actor,
            "action": "token.issue",
            "subject": subject,
            "rule": "token_exchange",
            "reason": message,
            "workspace_id": next(iter(actor.roles), None),
        },
    )

"""Tokens of an outside issuer that a workspace trusts, verified with the keys we keep of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from controlplane.access import issuer_keys, scopes, tokens
from controlplane.access.models import Agent, TrustedIssuer
from controlplane.access.services.issuers import refresh_keys
from controlplane.lib import clock
from controlplane.lib.defaults import define
from controlplane.lib.errors import ControlPlaneError

MAX_AGE_HOURS = define(
    "access.issuer_keys_max_age_hours",
    24,
    unit="hours",
    why="During an issuer's outage its kept keys count this long; after it nobody gets in by them.",
)
MAX_LIFE_MINUTES = define(
    "access.issuer_token_max_minutes",
    60,
    unit="minutes",
    why="An outside token can't be ended by its issuer, so a long-lived one is not accepted.",
)
# RFC 9068 says at+jwt; many issuers still write JWT or nothing. The audience, which is ours
# alone, is what tells an access token from an ID token here.
TYPES = frozenset({"at+jwt", "application/at+jwt", "jwt"})


@dataclass(frozen=True, slots=True)
class Verified:
    claims: dict[str, Any]
    agent_uid: UUID
    workspace_id: int
    role: str
    most: str  # the most its issuer may give


def verify(token: str, stated: Mapping[str, Any]) -> Verified:
    """`stated` are the unverified claims: they choose the issuer's row, nothing else."""
    header = tokens.read_header(token)
    if str(header.get("typ", "JWT")).lower() not in TYPES:
        raise tokens.BadToken("not an access token")
    issuer = _trusted(stated)
    key, algorithm = _key_of(issuer, header["kid"])
    claims = tokens.verify(
        token,
        key,
        algorithms=[algorithm],
        audience=issuer.audience,
        issuer=issuer.issuer,
        required=tokens.REQUIRED,
    )
    if claims["exp"] - claims["iat"] > MAX_LIFE_MINUTES.value * 60:
        raise tokens.BadToken("lives too long")
    if claims["workspace_id"] != str(issuer.workspace.uid):
        raise tokens.BadToken("names a workspace that does not trust its issuer")
    try:
        agent_uid = UUID(claims["agent_id"])
    except ValueError:
        raise tokens.BadToken("agent_id is no id") from None
    return Verified(claims, agent_uid, issuer.workspace_id, claims["role"], issuer.role)


def may_act_as(agent: Agent, verified: Verified) -> bool:
    """The role claimed is within what the issuer may give and within what the agent is. A
    service account has no role; then neither has its token, and its scopes are what counts."""
    if verified.role != agent.role and not (verified.role and agent.role):
        return False
    if not verified.role:
        return _scopes_within(verified)
    return scopes.within(verified.role, verified.most) and scopes.within(verified.role, agent.role)


def _scopes_within(verified: Verified) -> bool:
    """Scopes alone may do whatever they name, so an outside issuer gives no more of them than
    the role it is limited to."""
    carried = tokens.scopes_of(verified.claims)
    return scopes.covered_by(carried) <= scopes.rights_of_role(verified.most)


def _trusted(stated: Mapping[str, Any]) -> TrustedIssuer:
    name, audience = stated.get("iss"), stated.get("aud")
    if not isinstance(name, str) or len(name) > 300 or "\x00" in name:
        raise tokens.BadToken("no issuer")
    wanted = [audience] if isinstance(audience, str) else audience
    if not isinstance(wanted, list) or not all(isinstance(item, str) for item in wanted):
        raise tokens.BadToken("no audience")
    rows = TrustedIssuer.objects.trusted().select_related("workspace").filter(issuer=name)
    matching = [row for row in rows if row.audience in wanted]
    if len(matching) != 1:
        # Two would leave it to chance whose workspace the caller enters.
        raise tokens.BadToken("issuer not trusted for this audience")
    return matching[0]


def _key_of(issuer: TrustedIssuer, kid: str) -> tuple[Any, str]:
    found = issuer_keys.find(issuer.jwks, kid) if _fresh(issuer) else None
    if found is None:
        # A new key of the issuer, or kept ones grown too old: ask, but not at every request.
        try:
            issuer = refresh_keys(issuer)
        except ControlPlaneError as error:
            raise tokens.BadToken(f"issuer's keys unavailable: {error.message}") from None
        found = issuer_keys.find(issuer.jwks, kid) if _fresh(issuer) else None
    if found is None:
        raise tokens.BadToken("no key of the issuer has this id")
    return found


def _fresh(issuer: TrustedIssuer) -> bool:
    oldest = clock.now() - timedelta(hours=MAX_AGE_HOURS.value)
    return issuer.fetched_at is not None and issuer.fetched_at > oldest

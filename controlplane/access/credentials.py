"""From an `Authorization` header to an actor: API keys, our tokens, an outside issuer's tokens.

Whatever is wrong with a credential, the caller hears one sentence; the log says which it was.
Failures are counted per address. An address that has failed too often is refused before its
next credential is looked at, except callers that were good within the hour: guessing from a
shared address must not lock its honest neighbours out.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from controlplane.access import attempts, credential_cache, issuers, keys, tokens
from controlplane.access.models import AccountLock, Agent, ApiKey, RevokedToken
from controlplane.access.principals import actor_for_agent, actor_for_user
from controlplane.access.services.keys import touch_agent, touch_key
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import RateLimited, Unauthorized
from controlplane.lib.kept import Question
from controlplane.lib.logs import event

logger = logging.getLogger(__name__)

FAILURES = define(
    "access.credential_failures_per_address",
    30,
    why="Wrong keys or tokens from one address within the window; an office shares an address.",
)
BY_ADDRESS = attempts.Limit("credential:address", FAILURES)
REFUSAL = "The credentials are missing, wrong, expired or revoked."
HEADER_LIMIT = tokens.LENGTH_LIMIT + len("Bearer ")


class _Refused(Exception):
    """Why, for the log."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    actor: Actor
    ends_at: datetime


def authenticate_bearer(header_value: str, address: str | None, resource: str = "api") -> Actor:
    """The actor behind `Authorization: Bearer …`, where they ask for this resource. Raises
    `Unauthorized` or `RateLimited`."""
    actor = _authenticated(header_value, address)
    if not tokens.is_for(actor, resource):
        # A genuine token that went astray: no guess, so it counts as none.
        event(logger, "access.credential_refused", "token for another resource",
              level=logging.WARNING, network=network_of(address))  # fmt: skip
        raise Unauthorized(REFUSAL)
    return actor


def _authenticated(header_value: str, address: str | None) -> Actor:
    credential = _credential_of(header_value)
    name = credential_cache.name_of(credential)
    cached = credential_cache.find(name)
    if cached is not None:
        return cached
    network = network_of(address)
    if not credential_cache.known(name):
        _refuse_a_guesser(network)
    seen = credential_cache.generation()
    try:
        found = _look_up(credential, address)
    except _Refused as refusal:
        credential_cache.drop(name)
        event(
            logger,
            "access.credential_refused",
            str(refusal),
            level=logging.WARNING,
            network=network,
        )
        attempts.take(BY_ADDRESS, network)
        raise Unauthorized(REFUSAL) from None
    credential_cache.keep(name, found.actor, ends_at=found.ends_at.timestamp(), seen=seen)
    return found.actor


def network_of(address: str | None) -> str:
    """The part of an address that one party holds: all of IPv4, a /64 of IPv6."""
    try:
        parsed = ipaddress.ip_address((address or "").strip())
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed.packed, 64), strict=False))
    return str(parsed)


def _credential_of(header_value: str) -> str:
    scheme, _, credential = header_value.strip().partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential or len(header_value) > HEADER_LIMIT:
        return ""
    # A header may hold any bytes; nothing else than ASCII was ever issued.
    return credential if credential.isascii() and credential.isprintable() else ""


def _refuse_a_guesser(network: str) -> None:
    seconds = attempts.waiting(BY_ADDRESS, network)
    if seconds > 0:
        raise RateLimited(attempts.TOO_MANY, retry_after=seconds)


def _look_up(credential: str, address: str | None) -> _Found:
    try:
        if credential.startswith(keys.START):
            return _by_key(credential, address)
        if credential.count(".") == 2:
            return _by_token(credential)
    except tokens.BadToken as error:
        raise _Refused(str(error)) from None
    raise _Refused("neither a key nor a token")


def _by_key(credential: str, address: str | None) -> _Found:
    key = keys.parse(credential)
    if key is None:
        raise _Refused("not a key: form or checksum")
    row: Any = _KEYS.first(key.prefix)
    # The digest is made and compared also for an unknown id: both cases take the same time.
    right = keys.matches(key, row.secret_sha256 if row else bytes(32))
    if row is None or not right:
        raise _Refused(f"unknown key {key.prefix}")
    _require_live(row)
    actor = _actor_of_key(row)
    touch_key(row, _address_or_none(address))
    return _Found(actor, row.expires_at)


def _key_rows() -> Any:
    locks = AccountLock.objects.in_force().filter(
        Q(agent_id=OuterRef("agent_id"), agent__isnull=False)
        | Q(user_id=OuterRef("user_id"), user__isnull=False)
    )
    return ApiKey.objects.select_related("agent", "user", "workspace").annotate(
        owner_locked=Exists(locks)
    )


_KEYS: Question[Any] = Question(lambda prefix: _key_rows().filter(prefix=prefix)[:1])


def _require_live(row: Any) -> None:
    now = clock.now()
    owner = row.agent or row.user
    dead = {
        "revoked": row.revoked_at is not None,
        "expired": row.expires_at <= now,
        # A key made on one machine may be used on the next one whose clock is a little behind.
        "not yet valid": row.not_before > now + timedelta(seconds=tokens.leeway()),
        "owner deactivated": not owner.is_active,
        "owner locked": row.owner_locked,
        "workspace archived": row.workspace.archived_at is not None,
    }
    reasons = [reason for reason, true in dead.items() if true]
    if reasons:
        raise _Refused(f"key {row.prefix}: {', '.join(reasons)}")


def _actor_of_key(row: ApiKey) -> Actor:
    # "*" and never None: None would also open what no key may do (`Action.by_key`).
    scopes = frozenset(row.scopes)
    if row.agent is not None:
        role = row.agent.role
        actor = actor_for_agent(row.agent, key=row, scopes=scopes or ({"*"} if role else ()))
        return dataclasses.replace(actor, claims=_claims(row.agent, row.workspace.uid))
    if row.user is None:
        raise _Refused(f"key {row.prefix}: nobody's")
    person = actor_for_user(row.user)
    held = person.roles_in(row.workspace_id)
    if not held:
        raise _Refused(f"key {row.prefix}: its person holds no role here any more")
    return dataclasses.replace(
        person,
        roles={row.workspace_id: held},
        scopes=scopes or frozenset({"*"}),
        key_id=row.pk,
        superuser=False,
        break_glass=frozenset(),
        claims={"workspace_id": str(row.workspace.uid)},
    )


def _claims(agent: Agent, workspace_uid: UUID) -> dict[str, str]:
    return {
        "agent_id": str(agent.uid),
        "workspace_id": str(workspace_uid),
        "role": agent.role,
    }


def _by_token(credential: str) -> _Found:
    stated = tokens.read_unverified(credential)
    if stated.get("iss") == tokens.issuer():
        return _by_own_token(tokens.verify_own(credential))
    verified = issuers.verify(credential, stated)
    return _by_outside_token(verified)


def _by_own_token(claims: Mapping[str, Any]) -> _Found:
    """The key behind the token is asked too: revoking it, locking or changing its agent ends
    the token, in the same one query that a key costs."""
    row = (
        _key_rows()
        .filter(prefix=str(claims["key"]), agent__isnull=False)
        .annotate(token_revoked=_revoked(claims))
        .first()
    )
    if row is None or row.agent is None:
        raise _Refused("token of an unknown key")
    _require_live(row)
    if row.token_revoked:
        raise _Refused("token revoked")
    if claims["epoch"] != row.agent.token_epoch:
        raise _Refused("token from before its agent was changed")
    if _claims(row.agent, row.workspace.uid) != {name: claims[name] for name in IDENTITY}:
        raise _Refused("token contradicts its agent")
    scopes = tokens.scopes_of(claims)
    if not scopes:
        raise _Refused("token without a scope")
    actor = _with_session(actor_for_agent(row.agent, key=row, scopes=scopes), claims)
    actor = dataclasses.replace(actor, claims={**actor.claims, "aud": _audiences(claims)})
    return _Found(actor, _end_of(claims))


def _by_outside_token(verified: issuers.Verified) -> _Found:
    claims = verified.claims
    locks = AccountLock.objects.in_force().filter(agent_id=OuterRef("pk"))
    row: Any = (
        Agent.objects.filter(uid=verified.agent_uid, workspace_id=verified.workspace_id)
        .annotate(locked=Exists(locks), token_revoked=_revoked(claims))
        .first()
    )
    if row is None or not row.is_active or row.locked or row.token_revoked:
        raise _Refused("outside token of an agent that may not act, or revoked")
    if not issuers.may_act_as(row, verified):
        raise _Refused("outside token claims another role than its agent or issuer allows")
    # The agent acts with the role it claims, which may be less than its own.
    acting = Agent(
        pk=row.pk,
        uid=row.uid,
        workspace_id=row.workspace_id,
        name=row.name,
        kind=row.kind,
        role=verified.role,
    )
    carried = tokens.scopes_of(claims)
    actor = actor_for_agent(acting, scopes=carried or ({"*"} if verified.role else ()))
    touch_agent(row.pk)
    return _Found(_with_session(actor, claims), _end_of(claims))


IDENTITY = ("agent_id", "workspace_id", "role")


def _revoked(claims: Mapping[str, Any]) -> Exists:
    return Exists(RevokedToken.objects.filter(jti=tokens.revocation_name(claims)))


def _audiences(claims: Mapping[str, Any]) -> str:
    found = claims["aud"]
    return found if isinstance(found, str) else " ".join(found)


def _with_session(actor: Actor, claims: Mapping[str, Any]) -> Actor:
    proven = {name: str(claims[name]) for name in (*tokens.IDENTITY, "iss", "jti", "exp")}
    return dataclasses.replace(actor, session_id=str(claims["session_id"]), claims=proven)


def _end_of(claims: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(float(claims["exp"]), clock.now().tzinfo)


def _address_or_none(address: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address((address or "").strip()))
    except ValueError:
        return None

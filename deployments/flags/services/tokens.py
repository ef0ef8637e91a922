"""SDK tokens: made, shown once, ended."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.keys import ShownOnce
from controlplane.access.step_up import require_recent_factor
from controlplane.audit.services import record
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid
from deployments.flags.models import SdkToken
from deployments.flags.serving.snapshots import PROJECT

MOST = 200  # in force at once, of one environment: each is held in every process's memory
MAX_DAYS = 3_650
_SHOWN = 6  # characters of the secret that name it in lists


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token and its text, which exists nowhere else."""

    token: SdkToken
    secret: ShownOnce


@transaction.atomic
def issue_token(
    environment: Environment,
    *,
    actor: Actor,
    name: str,
    kind: str = SdkToken.Kind.CLIENT,
    days: int | None = None,
) -> IssuedToken:
    """`default:<environment>.<secret>`, the form SDKs read the environment from. Without `days`
    it lasts until it is revoked: an SDK that loses its flags falls back to defaults."""
    policy.require(actor, "flag.tokens", environment)
    require_recent_factor(actor)
    name = name.strip()
    if not name or len(name) > 80 or not name.isprintable():
        raise _wrong("name", "One line of at most 80 characters.")
    if kind not in SdkToken.Kind.values:
        raise _wrong("kind", f"One of {', '.join(SdkToken.Kind.values)}.")
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise _wrong("days", f"1 to {MAX_DAYS:,} days.")
    # Two who make the last one at once wait for each other.
    Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)
    if SdkToken.objects.in_force().filter(environment=environment).count() >= MOST:
        raise Conflict(f"{environment} has {MOST} tokens. Revoke some that nobody uses.")
    secret = secrets.token_hex(32)
    start = f"{PROJECT}:{environment.slug}."
    now = clock.now()
    token = SdkToken.objects.create(
        workspace_id=environment.workspace_id,
        environment=environment,
        name=name,
        kind=kind,
        prefix=start + secret[:_SHOWN],
        secret_sha256=hashlib.sha256((start + secret).encode()).digest(),
        created_at=now,
        created_by=str(actor)[:200],
        expires_at=now + timedelta(days=days) if days is not None else None,
    )
    record(actor, "flag.tokens:issue", token, after=_picture(token))
    return IssuedToken(token, ShownOnce(start + secret))


@transaction.atomic
def revoke_token(token: SdkToken, *, actor: Actor, reason: str = "") -> SdkToken:
    """Every process stops taking it within a second. Revoking twice changes nothing."""
    row: SdkToken = SdkToken.objects.select_for_update(of=("self",)).get(pk=token.pk)
    policy.require(actor, "flag.tokens", row)
    if row.revoked_at is None:
        row.revoked_at, row.revoked_by = clock.now(), str(actor)[:200]
        row.save(update_fields=["revoked_at", "revoked_by"])
        record(actor, "flag.tokens:revoke", row, after=_picture(row), reason=reason)
    return row


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(message, details={field: message})


def _picture(token: SdkToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "prefix": token.prefix,
        "kind": token.kind,
        "environment": token.environment.slug,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "revoked": token.revoked_at is not None,
    }

"""API keys: issued, rotated with an overlap, revoked, and marked as used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from controlplane.access import credential_cache, keys, policy, scopes
from controlplane.access.models import Agent, ApiKey, User, Workspace
from controlplane.access.step_up import require_recent_factor
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Conflict, Invalid, NotAllowed

DEFAULT_DAYS = define(
    "access.key_days", 90, unit="days", why="A forgotten key ends within a quarter's access review."
)
MAX_DAYS = define(
    "access.key_max_days", 365, unit="days", why="Playbook: keys live 1 year at most."
)
OVERLAP_HOURS = define(
    "access.key_overlap_hours",
    24,
    unit="hours",
    why="Both keys work while the new one is being installed everywhere.",
)
TOUCH_SECONDS = define(
    "access.key_touch_seconds", 60, unit="seconds", why="Last use is written at most this often."
)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key and its text, which exists nowhere else."""

    key: ApiKey
    secret: keys.ShownOnce


@transaction.atomic
def issue_key(
    owner: Agent | User,
    *,
    actor: Actor,
    name: str,
    workspace: Workspace | None = None,
    scopes: Iterable[str] = (),
    days: int | None = None,
    not_before: datetime | None = None,
) -> IssuedKey:
    """A key of an agent, or a person's own key for one workspace. Nobody makes a key that
    speaks for another person."""
    key = _unsaved(owner, workspace, name, scopes)
    _require_issue(actor, "key.issue", key)
    starts = not_before or clock.now()
    return _store(key, actor=actor, starts=starts, ends=starts + _life(days), action="key.issue")


@transaction.atomic
def rotate_key(
    key: ApiKey, *, actor: Actor, overlap_hours: int | None = None, days: int | None = None
) -> IssuedKey:
    """A new key with the same name and scopes; the old one ends after the overlap."""
    old = _locked(key)
    new = _unsaved(old.agent or old.user, old.workspace, old.name, old.scopes)
    _require_issue(actor, "key.rotate", new)
    now = clock.now()
    if old.revoked_at is not None or old.expires_at <= now:
        raise Conflict("This key has ended. Issue a new one.")
    if ApiKey.objects.filter(rotated_from=old, revoked_at=None).exists():
        raise Conflict("This key has been rotated already. Rotate its successor.")
    hours = OVERLAP_HOURS.value if overlap_hours is None else overlap_hours
    if not 0 <= hours <= 24 * 30:
        raise Invalid("0 to 720 hours.", details={"overlap_hours": "0 to 720 hours."})
    life = _life(days) if days is not None else min(_life(MAX_DAYS.value), _span(old))
    new.rotated_from = old
    issued = _store(new, actor=actor, starts=now, ends=now + life, action="key.rotate")
    _end(old, min(old.expires_at, now + timedelta(hours=hours)), now=now, actor=actor)
    credential_cache.forget(_ref(old))
    return issued


@transaction.atomic
def revoke_key(key: ApiKey, *, actor: Actor, reason: str = "") -> ApiKey:
    """At once, with the tokens it was exchanged for. Revoking twice changes nothing."""
    key = _locked(key)
    if not _is_own(actor, key):
        policy.require(actor, "key.manage", key)
    if key.revoked_at is None:
        key.revoked_at, key.revoked_by = clock.now(), str(actor)[:200]
        key.save(update_fields=["revoked_at", "revoked_by"])
        record(actor, "key.revoke", key, after=_picture(key), reason=reason)
    credential_cache.forget(_ref(key))
    return key


def touch_key(key: ApiKey, address: str | None) -> None:
    """Note the use, at most once a minute, and never wait for it: a row that another request
    is noting already is skipped."""
    now = clock.now()
    before = now - timedelta(seconds=TOUCH_SECONDS.value)
    if key.last_used_at is not None and key.last_used_at > before:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE access_apikey SET last_used_at = %s, last_used_from = %s WHERE id = ("
            "SELECT id FROM access_apikey WHERE id = %s"
            " AND (last_used_at IS NULL OR last_used_at <= %s)"
            " FOR NO KEY UPDATE SKIP LOCKED)",
            [now, address or None, key.pk, before],
        )
    if key.agent_id is not None:
        touch_agent(key.agent_id)


def touch_agent(agent_id: int) -> None:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE access_agent SET last_seen_at = %s WHERE id = ("
            "SELECT id FROM access_agent WHERE id = %s"
            " AND (last_seen_at IS NULL OR last_seen_at <= %s)"
            " FOR NO KEY UPDATE SKIP LOCKED)",
            [now, agent_id, now - timedelta(seconds=TOUCH_SECONDS.value)],
        )


def _unsaved(
    owner: Agent | User | None, workspace: Workspace | None, name: str, carried: Iterable[str]
) -> ApiKey:
    text = name.strip()
    if not text or len(text) > 80 or not text.isprintable():
        message = "One line of at most 80 characters."
        raise Invalid(message, details={"name": message})
    wanted = scopes.checked(carried)
    if isinstance(owner, Agent):
        if workspace is not None and workspace.pk != owner.workspace_id:
            raise Invalid("The agent belongs to another workspace.")
        if owner.kind == Agent.Kind.SERVICE and not wanted:
            message = "A service account's key needs scopes."
            raise Invalid(message, details={"scopes": message})
        return ApiKey(agent=owner, workspace=owner.workspace, name=text, scopes=wanted)
    if workspace is None:
        message = "A person's key belongs to one workspace."
        raise Invalid(message, details={"workspace": message})
    return ApiKey(user=owner, workspace=workspace, name=text, scopes=wanted)


def _require_issue(actor: Actor, action: str, key: ApiKey) -> None:
    if key.agent is None:
        _require_own(actor, action, key)
        require_recent_factor(actor)
        return
    policy.require(actor, "key.manage", key)
    if key.agent.kind == Agent.Kind.SERVICE:
        # What an agent may is settled with its role; a service account's key settles it here.
        rights = scopes.rights_of(key.agent, key.scopes)
        scopes.require_handing_out(actor, action, key.agent, rights)
    require_recent_factor(actor)
    if not Agent.objects.filter(pk=key.agent.pk, is_active=True).exists():
        raise Conflict("The agent is deactivated.")


def _is_own(actor: Actor, key: ApiKey) -> bool:
    return actor.user_id is not None and key.user_id == actor.user_id and actor.scopes is None


def _require_own(actor: Actor, action: str, key: ApiKey) -> None:
    policy.require(actor, "key.own", key)
    if actor.user_id != key.user_id or actor.user_id is None:
        reason = "a person's key is made by that person alone"
        raise NotAllowed(
            reason,
            denial={
                "actor": actor,
                "action": action,
                "subject": key.user,
                "rule": "own_key",
                "reason": reason,
                "workspace_id": key.workspace_id,
            },
        )


def _store(
    key: ApiKey, *, actor: Actor, starts: datetime, ends: datetime, action: str
) -> IssuedKey:
    made = keys.make(settings.ENVIRONMENT)
    key.prefix = made.prefix
    key.secret_sha256 = keys.digest(made)
    key.created_by = str(actor)[:200]
    key.not_before, key.expires_at = starts, ends
    key.save()
    record(actor, action, key, after=_picture(key))
    return IssuedKey(key, made.reveal())


def _ref(key: ApiKey) -> str:
    """Of whoever acts with it."""
    return f"agent:{key.agent_id}" if key.agent_id else f"user:{key.user_id}"


def _end(key: ApiKey, at: datetime, *, now: datetime, actor: Actor) -> None:
    if at <= max(now, key.not_before):
        key.revoked_at, key.revoked_by = now, str(actor)[:200]
    else:
        key.expires_at = at
    key.save(update_fields=["expires_at", "revoked_at", "revoked_by"])


def _life(days: int | None) -> timedelta:
    wanted = DEFAULT_DAYS.value if days is None else days
    if not 1 <= wanted <= MAX_DAYS.value:
        message = f"1 to {MAX_DAYS.value} days."
        raise Invalid(message, details={"days": message})
    return timedelta(days=wanted)


def _span(key: ApiKey) -> timedelta:
    return key.expires_at - key.not_before


def _locked(key: ApiKey) -> ApiKey:
    rows = ApiKey.objects.select_for_update(of=("self",))
    return rows.select_related("agent__workspace", "user", "workspace").get(pk=key.pk)


def _picture(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "prefix": key.prefix,
        "owner": _ref(key),
        "scopes": key.scopes,
        "expires_at": key.expires_at.isoformat(),
        "revoked": key.revoked_at is not None,
    }

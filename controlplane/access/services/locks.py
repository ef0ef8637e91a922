"""Locking an account: one action, with one undo (spec: "locks affected accounts").

A lock ends the person's sessions and refuses their sign-in and keys at once. The undo lets them
back in; it does not bring sessions back.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F

from controlplane.access import attempts, credential_cache, policy
from controlplane.access.models import AccountLock, Agent, User
from controlplane.access.services.authority import require_near_person
from controlplane.access.services.saving import by, required_reason
from controlplane.access.services.sessions import end_sessions_of
from controlplane.audit import services as audit
from controlplane.lib import clock
from controlplane.lib.actors import Actor


@transaction.atomic
def lock_account(
    account: User | Agent, *, actor: Actor, reason: str, until: datetime | None = None
) -> AccountLock:
    """Lock a person or an agent. A lock that already holds at least as long is returned."""
    reason = required_reason(reason)
    if isinstance(account, Agent):
        policy.require(actor, "member.lock", account)
        workspace_id: int | None = account.workspace_id
        account = Agent.objects.select_for_update().get(pk=account.pk)
    else:
        membership = require_near_person(actor, "member.lock", account)
        workspace_id = membership.workspace_id if membership else None
        account = User.objects.select_for_update().get(pk=account.pk)
    standing = lock_of(account)
    if standing is not None and _holds_until(standing, until):
        return standing
    _close(account, by(actor))
    lock = AccountLock.objects.create(
        **_column(account),
        workspace_id=workspace_id,
        reason=reason,
        locked_by=by(actor),
        until=until,
    )
    if isinstance(account, User):
        end_sessions_of(account, by=by(actor))
    else:
        credential_cache.forget(f"agent:{account.pk}")
        Agent.objects.filter(pk=account.pk).update(token_epoch=F("token_epoch") + 1)
    audit.record(
        actor,
        "member.lock",
        account,
        workspace_id=workspace_id,
        after={"locked": True, "until": until},
        reason=reason,
    )
    return lock


@transaction.atomic
def unlock_account(lock: AccountLock, *, actor: Actor, reason: str = "") -> AccountLock:
    """Undo a lock, by the authority of the workspace that made it."""
    policy.require(actor, "member.unlock", lock)
    lock = AccountLock.objects.select_for_update(of=("self",)).get(pk=lock.pk)
    if lock.unlocked_at is None:
        lock.unlocked_at = clock.now()
        lock.unlocked_by = by(actor)
        lock.save(update_fields=["unlocked_at", "unlocked_by"])
        audit.record(
            actor,
            "member.unlock",
            lock.user or lock.agent,
            workspace_id=lock.workspace_id,
            before={"locked": True},
            after={"locked": False},
            reason=reason,
        )
    return lock


@transaction.atomic
def forgive_failures(user: User, *, actor: Actor) -> bool:
    """End the pause that failed sign-ins brought, before it passes by itself."""
    require_near_person(actor, "member.unlock", user)
    password = attempts.clear(attempts.PASSWORD_BY_ACCOUNT, user.email)
    code = attempts.clear(attempts.CODE_BY_ACCOUNT, str(user.uid))
    if password or code:
        audit.record(actor, "member.forgive_failures", user)
    return password or code


def lock_of(account: User | Agent) -> AccountLock | None:
    return AccountLock.objects.in_force().filter(**_column(account)).first()


def _holds_until(lock: AccountLock, until: datetime | None) -> bool:
    return lock.until is None or (until is not None and lock.until >= until)


def _close(account: User | Agent, who: str) -> None:
    """End what stands, expired or shorter: only one lock at a time is open."""
    AccountLock.objects.filter(**_column(account), unlocked_at=None).update(
        unlocked_at=clock.now(), unlocked_by=who
    )


def _column(account: User | Agent) -> dict[str, User | Agent]:
    return {"agent": account} if isinstance(account, Agent) else {"user": account}

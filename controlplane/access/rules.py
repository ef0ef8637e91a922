"""Separation of duties: the object rules beside the permission table. Loaded by the app's start.

Each returns the sentence that refuses, or None. `can()` asks them after the table has said yes,
and names the rule in the denial.
"""

from __future__ import annotations

from typing import Any

from controlplane.access.models import (
    AccessReviewLine,
    AccountLock,
    BreakGlass,
    Grant,
    Membership,
    User,
)
from controlplane.access.policy import can, rule
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed


def _person_of(obj: Any) -> int | None:
    """The key of the person a row is about."""
    if isinstance(obj, User):
        return obj.pk
    if isinstance(obj, Grant):
        return obj.membership.user_id
    if isinstance(obj, (Membership, AccountLock, BreakGlass)):
        return obj.user_id
    return None


def _is_self(actor: Actor, obj: Any) -> bool:
    return actor.user_id is not None and _person_of(obj) == actor.user_id


@rule("member.grant")
def nobody_grants_themselves_a_role(actor: Actor, obj: Any) -> str | None:
    return "Nobody grants themselves a role: ask another admin." if _is_self(actor, obj) else None


@rule("member.reset_factor")
def another_resets_the_second_factor(actor: Actor, obj: Any) -> str | None:
    return "Another admin resets your second factor." if _is_self(actor, obj) else None


@rule("member.unlock")
def the_locked_do_not_unlock(actor: Actor, obj: Any) -> str | None:
    if _is_self(actor, obj):
        return "Whoever is locked does not undo the lock."
    if (
        isinstance(obj, AccountLock)
        and actor.agent_id is not None
        and obj.agent_id == actor.agent_id
    ):
        return "Whoever is locked does not undo the lock."
    return None


@rule("break_glass.open")
def break_glass_is_opened_for_oneself(actor: Actor, obj: Any) -> str | None:
    if isinstance(obj, User) and obj.pk != actor.user_id:
        return "A break-glass is opened by the person who enters."
    return None


@rule("access_review.manage")
def nobody_reviews_what_they_hold(actor: Actor, obj: Any) -> str | None:
    if not isinstance(obj, AccessReviewLine) or actor.user_id is None:
        return None
    if actor.user_id in _holders(obj):
        return "Somebody else decides about what you hold yourself."
    return None


def _holders(line: AccessReviewLine) -> set[int | None]:
    """People whose access a line is about: the member, or whom a key acts for."""
    holders: set[int | None] = {line.holder_user_id}
    if line.grant is not None:
        holders.add(line.grant.membership.user_id)
    if line.api_key is not None:
        holders.add(line.api_key.user_id)
        if line.api_key.agent is not None:
            holders.add(line.api_key.agent.owner_id)
    return holders


def require_own(actor: Actor, user: User, what: str) -> None:
    """Things only the person does: no role allows them for somebody else. The portal's own
    commands may, since whoever runs them owns the machine."""
    if actor.kind == "job" or (
        actor.kind == "person" and actor.user_id == user.pk and actor.scopes is None
    ):
        return
    raise NotAllowed(
        "Only the person can do this, signed in.",
        denial={
            "actor": actor,
            "action": f"account.{what}",
            "subject": user,
            "rule": "own_account",
            "reason": "only the person can do this, signed in",
        },
    )


@rule("privacy.ask")
def erasure_is_asked_for_oneself(actor: Actor, obj: Any) -> str | None:
    """Or by who may erase for others, at their word."""
    about = getattr(obj, "person_id", None)
    if about is None or about == actor.user_id or can(actor, "privacy.erase", obj):
        return None
    return "It is somebody else's: the privacy officer does this for them."

"""Signed-in browsers: started by a sign-in, kept by use, ended by their owner or an admin."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q

from controlplane.access import credential_cache, numbers
from controlplane.access.models import AccountLock, User, UserSession
from controlplane.access.principals import actor_for_user
from controlplane.access.querysets import UserSessionQuerySet
from controlplane.access.services.authority import require_near_person
from controlplane.access.services.saving import by as name_of
from controlplane.audit import services as audit
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound, Unauthorized
from controlplane.lib.kept import Question


def hash_of(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()


@transaction.atomic
def start_session(
    user: User,
    *,
    session_key: str,
    second_factor: bool,
    how: str,
    address: str = "",
    browser: str = "",
) -> UserSession:
    """Record a sign-in that has passed every step. `how` says by which ("password, code")."""
    # The row lock orders this with `lock_account`: a sign-in under way either is ended by the
    # lock or sees it.
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.is_active or AccountLock.objects.in_force().filter(user=user).exists():
        raise Unauthorized("This account can't sign in.")
    now = clock.now()
    session = UserSession.objects.create(
        user=user,
        session_hash=hash_of(session_key),
        started_at=now,
        last_seen_at=now,
        second_factor_at=now if second_factor else None,
        address=address or None,
        browser=browser[:200],
    )
    actor = actor_for_user(user, session_id=str(session.uid))
    audit.record(actor, "session.start", session, details={"how": how})
    return session


def session_in_force(session_key: str, user: User) -> UserSession | None:
    """This browser's session, unless it was ended, idled out or is past its hours."""
    return _THIS_BROWSERS.first(user.pk, hash_of(session_key))


def sessions_in_force(user: User) -> UserSessionQuerySet:
    return _in_force(user.pk)


def _in_force(user_id: int) -> UserSessionQuerySet:
    now = clock.now()
    return UserSession.objects.live().filter(
        user=user_id,
        last_seen_at__gt=now - timedelta(minutes=numbers.SESSION_IDLE_MINUTES.value),
        started_at__gt=now - timedelta(hours=numbers.SESSION_HOURS.value),
    )


_THIS_BROWSERS: Question[UserSession] = Question(
    lambda user, key: _in_force(user).filter(session_hash=key)
)


def touch_session(session: UserSession) -> None:
    """Note that it was used; at most once a minute, so that reading pages costs no writes."""
    now = clock.now()
    stale = now - timedelta(seconds=numbers.SESSION_TOUCH_SECONDS.value)
    if session.last_seen_at > stale:
        return
    UserSession.objects.live().filter(pk=session.pk, last_seen_at__lte=stale).update(
        last_seen_at=now
    )
    session.last_seen_at = now


@transaction.atomic
def renew_second_factor(session: UserSession, *, session_key: str) -> UserSession:
    """A fresh second factor in a running session; the browser's key has changed with it."""
    session.second_factor_at = clock.now()
    session.save(update_fields=["second_factor_at"])
    rekey_session(session, session_key=session_key)
    actor = actor_for_user(session.user, session_id=str(session.uid))
    audit.record(actor, "session.confirm", session)
    return session


def rekey_session(session: UserSession, *, session_key: str) -> None:
    """The browser has got a new key."""
    session.session_hash = hash_of(session_key)
    session.save(update_fields=["session_hash"])


@transaction.atomic
def end_session(session: UserSession, *, actor: Actor) -> UserSession:
    """End one session: one's own. Admins end all of a person's, since they can't tell them
    apart and must not see where somebody is."""
    if actor.user_id != session.user_id or actor.scopes is not None:
        raise NotFound("No such session.")
    ended = UserSession.objects.live().filter(pk=session.pk)
    if ended.update(ended_at=clock.now(), ended_by=name_of(actor)):
        audit.record(actor, "session.end", session)
        credential_cache.forget(f"user:{session.user_id}")
    session.refresh_from_db()
    return session


@transaction.atomic
def end_all_sessions(
    user: User, *, actor: Actor, keep: UserSession | None = None, reason: str = ""
) -> int:
    """End every session of a person: oneself (who may keep the one in use), or an admin."""
    if actor.user_id != user.pk or actor.scopes is not None:
        require_near_person(actor, "member.end_session", user)
        keep = None
    count = end_sessions_of(user, by=name_of(actor), keep=keep)
    audit.record(actor, "session.end_all", user, reason=reason, details={"sessions": count})
    return count


def end_sessions_of(user: User, *, by: str, keep: UserSession | None = None) -> int:
    """Part of other services: raise the epoch, which ends personal tokens too, and close rows."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    credential_cache.forget(f"user:{user.pk}")
    live = UserSession.objects.live().filter(user=user)
    if keep is not None:
        live = live.exclude(pk=keep.pk)
    return live.update(ended_at=clock.now(), ended_by=by)


def close_passed_sessions() -> int:
    """Note the end of sessions that idled out or are past their hours: they are refused by
    their times already, this makes lists and retention see it."""
    now = clock.now()
    idle = Q(last_seen_at__lte=now - timedelta(minutes=numbers.SESSION_IDLE_MINUTES.value))
    over = Q(started_at__lte=now - timedelta(hours=numbers.SESSION_HOURS.value))
    passed = UserSession.objects.live().filter(idle | over)
    return passed.update(ended_at=now, ended_by="idle or past its hours")

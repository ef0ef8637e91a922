"""Passwords: set by their owner, or by the link that was mailed to them."""

from __future__ import annotations

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db import transaction

from controlplane.access.models import User, UserSession
from controlplane.access.principals import actor_for_user
from controlplane.access.reset_links import tokens
from controlplane.access.rules import require_own
from controlplane.access.services.saving import as_invalid, by
from controlplane.access.services.sessions import end_sessions_of
from controlplane.audit import services as audit
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid

MAX_LENGTH = 256  # a hash costs what the input is long


def check_strength(password: str, user: User, field: str = "password") -> None:
    if len(password) > MAX_LENGTH:
        raise Invalid(
            "This password is too long.",
            details={field: [f"Keep it within {MAX_LENGTH} characters."]},
        )
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        raise as_invalid(error, field) from error


@transaction.atomic
def set_password(
    user: User, password: str, *, actor: Actor, keep: UserSession | None = None
) -> User:
    """Set one's own password. Every other session ends: whoever knew the old one is out."""
    require_own(actor, user, "set_password")
    return _set(user, password, actor=actor, keep=keep, action="account.set_password")


@transaction.atomic
def reset_password(user: User, token: str, password: str) -> User:
    """Set a password by a mailed link. The link is good once: it is bound to the password it
    replaces, and the row lock lets only one of two senders pass."""
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.is_active or not tokens.check_token(user, token):
        raise Invalid("This link is not valid any more. Ask for a new one.")
    return _set(
        user, password, actor=actor_for_user(user), keep=None, action="account.reset_password"
    )


def _set(user: User, password: str, *, actor: Actor, keep: UserSession | None, action: str) -> User:
    check_strength(password, user)
    user.set_password(password)
    user.password_changed_at = clock.now()
    user.save(update_fields=["password", "password_changed_at"])
    end_sessions_of(user, by=by(actor), keep=keep)
    audit.record(actor, action, user)
    return user

"""Signing in by e-mail and password. Second factor and sessions follow in `web.sign_in`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from controlplane.access.models import AccountLock, User
from controlplane.lib.kept import Question

_ACTIVE: Question[User] = Question(lambda user: User.objects.filter(pk=user, is_active=True))


class PasswordBackend(BaseBackend):
    """Whoever asks learns one bit: these two together are right, now. An unknown address, a
    closed account and a locked one cost the same hash and get the same answer."""

    def authenticate(
        self,
        request: HttpRequest | None,
        email: str | None = None,
        password: str | None = None,
        **_: Any,
    ) -> User | None:
        if not email or password is None:
            return None
        user = User.objects.by_email(email).first()
        if user is None or not user.has_usable_password():
            User().set_password(password)  # the time a check takes
            return None
        if not user.check_password(password):
            return None
        return user if may_sign_in(user) else None

    def get_user(self, user_id: int) -> User | None:
        return _ACTIVE.first(int(user_id))


def may_sign_in(user: User) -> bool:
    return user.is_active and not AccountLock.objects.in_force().filter(user=user).exists()

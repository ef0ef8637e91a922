"""Links that set a password. Nothing is stored: the token is bound to the state of the account."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils.http import base36_to_int

from controlplane.access import numbers
from controlplane.access.models import User
from controlplane.lib import clock

TOPIC = "access.password_link"  # of the outbox message that asks for the mail


class ResetTokens(PasswordResetTokenGenerator):
    key_salt = "controlplane.access.reset_links"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        """A new password, e-mail address, sign-in or ended session makes older links void."""
        return f"{super()._make_hash_value(user, timestamp)}{user.session_epoch}"

    def check_token(self, user: User | None, token: str | None) -> bool:
        if not super().check_token(user, token):
            return False
        age = self._num_seconds(self._now()) - base36_to_int((token or "").split("-")[0])
        return age <= numbers.RESET_LINK_MINUTES.value * 60

    def _now(self) -> datetime:
        # Django counts in naive local time; UTC has no hour twice.
        return clock.now().replace(tzinfo=None)


tokens = ResetTokens()

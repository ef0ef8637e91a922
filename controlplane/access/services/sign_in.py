"""The password step of signing in: counted, checked, and recorded when it failed."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest

from controlplane.access import attempts
from controlplane.access.models import User
from controlplane.audit import services as audit
from controlplane.lib import context
from controlplane.lib.actors import ANONYMOUS


def check_password(request: HttpRequest, email: str, password: str) -> User | None:
    """The person, when address and password are right and the account may sign in.

    Raises `RateLimited` before anything is looked up. Known and unknown addresses run through
    the same steps, counter and audit row included, so that neither the answer, nor its time, nor
    the pause tells them apart.
    """
    address = context.current().address
    if address:
        attempts.take(attempts.PASSWORD_BY_ADDRESS, address)
    taken = attempts.take(attempts.PASSWORD_BY_ACCOUNT, email)
    user = authenticate(request, email=email, password=password)
    if isinstance(user, User):
        if address:
            attempts.give_back(attempts.PASSWORD_BY_ADDRESS, address)
        attempts.clear(attempts.PASSWORD_BY_ACCOUNT, email)
        return user
    _record_failure(email, pauses=taken >= attempts.PASSWORD_BY_ACCOUNT.count.value)
    return None


@transaction.atomic
def _record_failure(email: str, *, pauses: bool) -> None:
    # What was typed is not recorded: it may be a password in the wrong field.
    user = User.objects.by_email(email).first()
    audit.record(
        ANONYMOUS,
        "session.start",
        user or "access.user:unknown",
        outcome="denied",
        rule="password",
        reason="wrong e-mail address or password, or an account that may not sign in",
        details={"pauses": pauses},
    )

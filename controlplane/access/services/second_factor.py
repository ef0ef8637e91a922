"""The second factor: codes of an authenticator app, and recovery codes for when it is lost.

Guesses are counted per account in `attempts`, which refuses exactly; the library's own delay is
switched off, since it would lock out the person who mistypes once.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from django.db import transaction
from django.db.models import QuerySet
from django_otp.plugins.otp_totp.models import TOTPDevice

from controlplane.access import attempts, numbers
from controlplane.access.models import RecoveryCode, User
from controlplane.access.principals import actor_for_user
from controlplane.access.rules import require_own
from controlplane.access.services.authority import require_over_person
from controlplane.access.services.saving import by, invalid, required_reason
from controlplane.access.services.sessions import end_sessions_of
from controlplane.access.step_up import require_recent_factor
from controlplane.audit import services as audit
from controlplane.lib import clock
from controlplane.lib.actors import Actor

DEVICE_NAME = "authenticator app"
WRONG_CODE = "This code is not right. Codes change every 30 seconds and are good once."
# Without 0, 1, i, l, o and u: nothing to confuse when copied from paper.
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
_CODE_LENGTH = 16  # of 30 letters: 78 bits


def enrolled_device(user: User) -> TOTPDevice | None:
    found: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return found


@transaction.atomic
def begin_enrolment(user: User, *, actor: Actor, device_id: int | None = None) -> TOTPDevice:
    """The secret to scan. `device_id` is the one this browser was shown before: a mistyped code
    must not make the phone's entry worthless. No other browser gets it, because somebody who
    only knows the password could read it there and wait until its owner confirms it."""
    require_own(actor, user, "enrol_factor")
    if enrolled_device(user) is not None:
        require_recent_factor(actor)
    pending = TOTPDevice.objects.filter(user=user, confirmed=False, pk=device_id).first()
    if pending is None:
        pending = TOTPDevice.objects.create(user=user, name=DEVICE_NAME, confirmed=False)
    device: TOTPDevice = pending
    return device


def finish_enrolment(user: User, code: str, *, actor: Actor, device_id: int) -> list[str]:
    """Confirm the phone by its first code; it replaces what was there. Returns recovery codes,
    which are shown this once."""
    require_own(actor, user, "enrol_factor")
    if enrolled_device(user) is not None:
        require_recent_factor(actor)
    attempts.take(attempts.CODE_BY_ACCOUNT, str(user.uid))
    codes: list[str] = []
    with transaction.atomic():
        pending = TOTPDevice.objects.filter(user=user, confirmed=False, pk=device_id)
        accepted = _verify(pending, code)
        if accepted is not None:
            TOTPDevice.objects.filter(user=user).exclude(pk=accepted.pk).delete()
            accepted.confirmed = True
            accepted.save(update_fields=["confirmed"])
            codes = _new_recovery_codes(user)
            audit.record(actor, "account.enrol_factor", user)
    if accepted is None:
        raise invalid("code", WRONG_CODE)
    attempts.give_back(attempts.CODE_BY_ACCOUNT, str(user.uid))
    return codes


def verify_code(user: User, code: str) -> str | None:
    """Check a code of the app or a recovery code: how it was proven, or None.

    Raises `RateLimited` after too many guesses. The place is taken before the check and outside
    its transaction, so that no roll-back forgets a guess.
    """
    attempts.take(attempts.CODE_BY_ACCOUNT, str(user.uid))
    with transaction.atomic():
        how = _check(user, code)
        if how is None:
            audit.record(
                actor_for_user(user),
                "session.start",
                user,
                outcome="denied",
                rule="second_factor",
                reason="wrong second factor",
            )
    if how is not None:
        attempts.clear(attempts.CODE_BY_ACCOUNT, str(user.uid))
    return how


def _check(user: User, code: str) -> str | None:
    if _verify(TOTPDevice.objects.filter(user=user, confirmed=True), code) is not None:
        return "code"
    if _use_recovery_code(user, code):
        audit.record(actor_for_user(user), "account.use_recovery_code", user)
        return "recovery code"
    return None


def _verify(devices: QuerySet[TOTPDevice], code: str) -> TOTPDevice | None:
    """The library remembers the last accepted step; the row lock makes that hold for two
    requests with the same code at the same time too."""
    digits = re.sub(r"[\s-]", "", code)
    if not re.fullmatch(r"[0-9]{6}", digits):
        return None
    for device in devices.select_for_update():
        if device.verify_token(digits):
            accepted: TOTPDevice = device
            return accepted
    return None


def _use_recovery_code(user: User, code: str) -> bool:
    plain = re.sub(r"[\s-]", "", code).lower()
    if len(plain) != _CODE_LENGTH:
        return False
    unused = RecoveryCode.objects.filter(user=user, code_sha256=_digest(plain), used_at=None)
    return unused.update(used_at=clock.now()) == 1


@transaction.atomic
def make_recovery_codes(user: User, *, actor: Actor) -> list[str]:
    """A fresh set; the old one is void."""
    require_own(actor, user, "make_recovery_codes")
    require_recent_factor(actor)
    codes = _new_recovery_codes(user)
    audit.record(actor, "account.make_recovery_codes", user)
    return codes


def recovery_codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


@transaction.atomic
def reset_second_factor(user: User, *, actor: Actor, reason: str) -> User:
    """Take a lost phone off an account: by another admin, who has to know whom they help. The
    person enrols anew at the next sign-in; every session ends."""
    reason = required_reason(reason)
    require_over_person(actor, "member.reset_factor", user)
    require_recent_factor(actor)
    user = User.objects.select_for_update().get(pk=user.pk)
    TOTPDevice.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    end_sessions_of(user, by=by(actor))
    audit.record(actor, "member.reset_factor", user, reason=reason)
    return user


def _new_recovery_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = [_random_code() for _ in range(numbers.RECOVERY_CODES.value)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, code_sha256=_digest(code.replace("-", ""))) for code in codes
    )
    return codes


def _random_code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    return "-".join(letters[start : start + 4] for start in range(0, _CODE_LENGTH, 4))


def _digest(plain: str) -> bytes:
    return hashlib.sha256(plain.encode()).digest()

"""An account whose person asked that what is held about them goes: the row stays, since history
points at it, and says nothing of anybody."""

from __future__ import annotations

from django.db import transaction
from django_otp.plugins.otp_totp.models import TOTPDevice

from controlplane.access.models import ApiKey, Membership, RecoveryCode, User
from controlplane.access.services.keys import revoke_key
from controlplane.access.services.people import remove_member
from controlplane.access.services.saving import by
from controlplane.access.services.sessions import end_sessions_of
from controlplane.audit import services as audit
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.lib.errors import GateNotMet

ERASED = "erased.invalid"
NAME = "Erased person"
# Whoever may erase a person need not be one who may handle keys and members.
_PORTAL = actors.job("erase_account")
_WHY = "its person's data is erased"


def is_erased(user: User) -> bool:
    return user.email.endswith(f"@{ERASED}")


@transaction.atomic
def erase_account(user: User, *, actor: Actor) -> User:
    """Close it, end every way in, take its name off. Whoever calls has asked whether they may.

    The audit log is told that it was done, not what stood there before.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    _keep_somebody_above(user)
    # Its name goes first: nothing that is written below may say it once more.
    user.email, user.name, user.time_zone = f"{user.uid.hex}@{ERASED}", NAME, "UTC"
    user.set_unusable_password()
    user.password_changed_at = None
    user.save()
    for key in ApiKey.objects.filter(user=user, revoked_at=None):
        revoke_key(key, actor=_PORTAL, reason=_WHY)
    for membership in Membership.objects.filter(user=user, left_at=None):
        remove_member(membership, actor=_PORTAL, reason=_WHY)
    TOTPDevice.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    user.owned_agents.update(owner=None)
    end_sessions_of(user, by=by(actor))
    user.is_active = user.is_superuser = False
    user.save(update_fields=["is_active", "is_superuser"])
    audit.record(actor, "member.erase", user, after={"email": user.email, "name": user.name})
    return user


def _keep_somebody_above(user: User) -> None:
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and user.is_active and not others.exists():
        raise GateNotMet("They are the last superuser: make somebody else one first.")

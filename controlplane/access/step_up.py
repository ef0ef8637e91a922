"""Sensitive actions want a second factor of the last few minutes, not of this morning."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django_otp.plugins.otp_totp.models import TOTPDevice

from controlplane.access import numbers
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.error_help import Help
from controlplane.lib.errors import NotAllowed, register_code

CODE = "SECOND_FACTOR_REQUIRED"
register_code(
    CODE,
    403,
    Help(
        "This is sensitive: it wants a second factor of the last few minutes, not of this morning.",
        "Confirm with a fresh code of your authenticator, then do it again. Without a second "
        "factor, set one up under My account.",
        "A workspace admin resets a second factor that is lost; recovery codes work meanwhile.",
    ),
)


def has_recent_factor(actor: Actor, *, minutes: float | None = None) -> bool:
    """Within the usual minutes, or those the caller asks for.

    Jobs and agents have none and need none: what they may not do is refused by policy. A person
    without a second factor passes only where the installation demands none.
    """
    if actor.kind != "person":
        return actor.kind in {"job", "agent", "service"}
    if actor.second_factor_at is None:
        return not (settings.REQUIRE_SECOND_FACTOR or _enrolled(actor))
    wanted = numbers.RECENT_FACTOR_MINUTES.value if minutes is None else minutes
    oldest = clock.now() - timedelta(minutes=wanted)
    return actor.second_factor_at > oldest.timestamp()


def require_recent_factor(actor: Actor) -> None:
    """For services. Pages ask `has_recent_factor` first and lead through the code form."""
    if has_recent_factor(actor):
        return
    raise NotAllowed(
        "Confirm with a fresh code first.",
        code=CODE,
        denial={
            "actor": actor,
            "action": "session.confirm",
            "subject": actor.ref,
            "rule": "recent_factor",
            "reason": "the second factor is too old for this",
        },
    )


def _enrolled(actor: Actor) -> bool:
    return bool(TOTPDevice.objects.filter(user_id=actor.user_id, confirmed=True).exists())

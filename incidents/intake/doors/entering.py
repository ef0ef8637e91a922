"""By a source's key: in the path, as a bearer or basic password, in a header of its own, or where a
protocol puts it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.http import HttpRequest

from controlplane.base.api import counters, throttles
from controlplane.lib import clock, context
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed, RateLimited, Unauthorized
from incidents.intake import sources
from incidents.intake.formats.common import MAX_BODY
from incidents.models import AlertSource

SCHEME = "AlertSourceKey"
HEADER = "HTTP_X_ALERT_KEY"
_SIGNED_WITHIN = 300  # seconds
_MINUTE = 60


def way_in(formats: Collection[str], key_of: Callable[[Any], str] | None = None) -> Any:
    """`key_of`: where this protocol has its key; else it is looked for in the usual places."""

    def enter(request: HttpRequest) -> None:
        # A flood of wrong keys is turned away before the database hears of it.
        key = (key_of or _key)(request)
        source = sources.find(key) if key else None
        if source is None:
            throttles.check(request, throttles.NOBODY, "anonymous")
            raise Unauthorized("Send the key of an alert source that is in use.")
        actor = _actor(source)
        request.actor = request.portal_actor = actor  # type: ignore[attr-defined]
        request.workspace = source.workspace  # type: ignore[attr-defined]
        request.alert_source = source  # type: ignore[attr-defined]
        context.note(user_ref=actor.ref, workspace=source.workspace.slug)
        if source.format not in formats:
            raise NotAllowed(f"This key is for {source.get_format_display()}.")
        _check_rate(source)

    return enter


def _actor(source: AlertSource) -> Actor:
    return Actor(
        kind="service",
        ref=f"alertsource:{source.pk}",
        label=source.name,
        roles={source.workspace_id: frozenset()},
        scopes=frozenset({"alert.send"}),
    )


def _key(request: Any) -> str:
    in_path = request.resolver_match.kwargs.get("key", "")
    return in_path or _header(request.META) or request.GET.get("access_token", "")


def _header(meta: Mapping[str, Any]) -> str:
    if meta.get(HEADER):
        return str(meta[HEADER]).strip()
    scheme, _, rest = str(meta.get("HTTP_AUTHORIZATION", "")).strip().partition(" ")
    if scheme.lower() != "basic":
        # GoAlert, Opsgenie and others have schemes of their own before the same one word.
        return rest.strip() or scheme
    try:
        said = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return said.partition(":")[2]


def _check_rate(source: AlertSource) -> None:
    """Unlimited, unless somebody holds this source back by hand."""
    if source.per_minute is None:
        return
    count = counters.take(f"alertsource:{source.uid}", limit=source.per_minute, period=_MINUTE)
    if not count.allowed:
        raise RateLimited(
            "Somebody holds this source back. Come again later.",
            details={"limit": source.per_minute},
            retry_after=count.resets_in,
        )


def check_signature(request: Any, body: bytes) -> None:
    """Where a source has a secret, each body is signed with it: alone, or with the time before it,
    which is then not long ago."""
    source: AlertSource = request.alert_source
    if not source.secret_sealed:
        return
    sent = str(
        request.META.get("HTTP_X_GRAFANA_ALERTING_SIGNATURE")
        or request.META.get("HTTP_X_SIGNATURE_256")
        or ""
    ).strip()
    stamp = str(
        request.META.get("HTTP_X_GRAFANA_ALERTING_TIMESTAMP")
        or request.META.get("HTTP_X_SIGNATURE_TIMESTAMP")
        or ""
    ).strip()
    if stamp and not _is_fresh(stamp):
        raise Unauthorized("It was signed too long ago.")
    said = f"{stamp}:".encode() + body if stamp else body
    made = hmac.new(source.secret.encode(), said, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(made.encode(), sent.removeprefix("sha256=").lower().encode()):
        raise Unauthorized("The signature is not right.")


def _is_fresh(stamp: str) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 14):
        return False
    return abs(clock.now().timestamp() - int(stamp)) <= _SIGNED_WITHIN


__all__ = ["MAX_BODY", "SCHEME", "check_signature", "way_in"]

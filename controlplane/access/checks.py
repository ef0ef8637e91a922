"""Start-up checks: settings under which signing in is not safe."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

SHORTEST_SECRET = 50


@register(Tags.security)
def second_factor_in_production(**_: Any) -> list[CheckMessage]:
    if settings.PRODUCTION and not settings.REQUIRE_SECOND_FACTOR:
        return [
            Error(
                "The second factor is switched off in production.",
                hint="Remove CONTROLPLANE_REQUIRE_MFA=0.",
                id="access.E001",
            )
        ]
    return []


@register(Tags.security)
def secrets_in_production(**_: Any) -> list[CheckMessage]:
    if not settings.PRODUCTION:
        return []
    found: list[CheckMessage] = []
    for name in ("SECRET_KEY", "SIGNING_KEY", "AUDIT_SEAL_KEY", "PSEUDONYM_KEY"):
        value = getattr(settings, name)
        if not value and name != "SECRET_KEY":
            continue  # derived from SECRET_KEY, each for one use
        if _weak(value):
            found.append(
                Error(
                    f"{name} is missing, short or made of few letters.",
                    hint=f"At least {SHORTEST_SECRET} random letters, for example from"
                    " `python3 -c 'import secrets; print(secrets.token_urlsafe(64))'`.",
                    id="access.E002",
                )
            )
    return found


@register(Tags.security)
def sessions_by_https_in_production(**_: Any) -> list[CheckMessage]:
    if settings.PRODUCTION and not settings.SESSION_COOKIE_SECURE:
        return [
            Error(
                "Session cookies travel without TLS in production.",
                hint="Remove CONTROLPLANE_HTTPS_ONLY=0.",
                id="access.E003",
            )
        ]
    return []


def _weak(value: str) -> bool:
    return (
        len(value) < SHORTEST_SECRET
        or len(set(value)) < 10
        or value.startswith(("local-only-", "django-insecure-", "dev-"))
    )

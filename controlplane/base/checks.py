"""Start-up checks of the installation: what production must not run without.

Conventions of admin classes are checked beside them (`base.admin.checks`), secrets and ways in
by `access.checks`.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

HSTS_LEAST = 15_552_000  # half a year: less does not protect a rare visitor


def _error(number: int, text: str, hint: str) -> Error:
    return Error(text, hint=hint, id=f"base.E{number:03d}")


@register(Tags.security)
def debug_is_off_in_production(**_: Any) -> list[CheckMessage]:
    """DEBUG pages show settings and source; DEBUG logs hold what redaction has not seen."""
    if not settings.PRODUCTION:
        return []
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(_error(1, "DEBUG is on in production.", "Remove DEBUG=1."))
    loud = sorted(_debug_loggers())
    if loud:
        found.append(
            _error(
                2,
                f"DEBUG logging is on in production: {', '.join(loud)}.",
                "Set CONTROLPLANE_LOG_LEVEL to INFO or higher.",
            )
        )
    return found


def _debug_loggers() -> set[str]:
    config = settings.LOGGING
    named = {"root": config.get("root", {}), **config.get("loggers", {})}
    return {name for name, entry in named.items() if _is_debug(entry.get("level"))}


def _is_debug(level: Any) -> bool:
    number = logging.getLevelName(level.upper()) if isinstance(level, str) else level
    return isinstance(number, int) and 0 < number <= logging.DEBUG


@register(Tags.security)
def tls_in_production(**_: Any) -> list[CheckMessage]:
    """Traffic from outside uses TLS only. The version (1.3) is the proxy's: see `ops/`."""
    if not settings.PRODUCTION:
        return []
    hint = "Remove CONTROLPLANE_HTTPS_ONLY=0."
    found: list[CheckMessage] = []
    if not settings.SECURE_SSL_REDIRECT:
        found.append(_error(3, "Plain HTTP is not redirected to TLS.", hint))
    if settings.SECURE_HSTS_SECONDS < HSTS_LEAST:
        found.append(_error(4, "HSTS is off or too short.", hint))
    if not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        found.append(_error(5, "Cookies travel without TLS.", hint))
    if not settings.PUBLIC_URL.startswith("https://"):
        found.append(
            _error(6, "Links in messages lead to plain HTTP.", "Set CONTROLPLANE_PUBLIC_URL.")
        )
    return found


@register(Tags.security)
def metrics_are_not_public(**_: Any) -> list[CheckMessage]:
    if settings.PRODUCTION and not settings.METRICS_TOKEN:
        return [
            _error(7, "Anybody may read /metrics in production.", "Set CONTROLPLANE_METRICS_TOKEN.")
        ]
    return []


@register(Tags.files)
def places_of_files_are_there(**_: Any) -> list[CheckMessage]:
    """A storage whose package is not installed would be noticed with the first upload."""
    found: list[CheckMessage] = []
    for alias, entry in settings.STORAGES.items():
        package = str(entry["BACKEND"]).partition(".")[0]
        if package == "storages" and importlib.util.find_spec(package) is None:
            hint = "Install the extra: uv sync --extra s3."
            found.append(_error(8, f"Files ({alias}) are kept in a bucket, by no client.", hint))
    return found

"""One look at a service over HTTP. Touches no database, so that nothing is held while it waits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from controlplane.catalog.models import Probe
from controlplane.lib import clock, http
from controlplane.lib.errors import ControlPlaneError
from controlplane.lib.redaction import redact_text

# The portal's own open pages, given without a host: they are found wherever it runs, and need no
# hole in the rule that nothing of a private network is called.
OWN_PAGES = frozenset({"/health", "/ready"})


@dataclass(frozen=True, slots=True)
class Sight:
    ok: bool
    status_code: int | None
    latency_ms: int | None
    error: str = ""
    # When the look began: what is true then, and what orders looks that overlap.
    at: datetime | None = None
    # We may not look there. That says nothing of the service.
    refused: bool = False


def check_address(url: str) -> None:
    if url not in OWN_PAGES:
        http.check_url(url)


def look(probe: Probe) -> Sight:
    """Ask once. Only the expected status is good; a redirect is another status."""
    at, began = clock.now(), time.monotonic()
    url, allow = _address(probe.url)
    try:
        answer = http.request("GET", url, timeout=float(probe.timeout_s), allow=allow)
    except http.Refused as error:
        return Sight(False, None, None, f"not looked at: {error.message}"[:300], at, refused=True)
    except ControlPlaneError as error:
        return Sight(False, None, None, redact_text(error.message)[:300], at)
    latency = round((time.monotonic() - began) * 1000)
    if answer.status != probe.expected_status:
        wrong = f"answered {answer.status}, not {probe.expected_status}"
        return Sight(False, answer.status, latency, wrong, at)
    return Sight(True, answer.status, latency, at=at)


def _address(url: str) -> tuple[str, list[str]]:
    if url not in OWN_PAGES:
        return url, []
    own = f"{settings.PUBLIC_URL}{url}"
    return own, [http.check_url(own).hostname or ""]

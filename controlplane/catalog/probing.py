"""One look at a service over HTTP. Touches no database, so that nothing is held while it waits."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings

from controlplane.catalog.models import Probe
from controlplane.lib import http
from controlplane.lib.errors import ControlPlaneError
from controlplane.lib.redaction import redact_text

USED_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Sight:
    ok: bool
    status_code: int | None
    latency_ms: int | None
    error: str = ""


def look(probe: Probe) -> Sight:
    """Ask once. Only the expected status is good; a redirect is another status."""
    began = time.monotonic()
    try:
        answer = http.request(
            "GET",
            probe.url,
            timeout=float(probe.timeout_s),
            max_bytes=USED_BODY,
            allow=own_host(probe.url),
        )
    except ControlPlaneError as error:
        return Sight(False, None, None, redact_text(error.message)[:300])
    latency = round((time.monotonic() - began) * 1000)
    if answer.status != probe.expected_status:
        wrong = f"answered {answer.status}, not {probe.expected_status}"
        return Sight(False, answer.status, latency, wrong)
    return Sight(True, answer.status, latency)


def own_host(url: str) -> list[str]:
    """The portal may look at its own two open pages, wherever it runs, and at nothing else of a
    private network that the installation does not allow."""
    own = {f"{settings.PUBLIC_URL}/health", f"{settings.PUBLIC_URL}/ready"}
    return [http.check_url(url).hostname or ""] if url in own else []

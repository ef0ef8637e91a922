"""What is looked after regularly."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from controlplane.jobs import engine, leases
from controlplane.jobs.registry import job
from missions.models import Bundle
from missions.services.evidence import bundles, following, sweeping

logger = logging.getLogger(__name__)
_AT_ONCE = 4
_QUEUED = 600.0  # as long as the message lives; whoever takes it renews from then on


def work(deadline: float) -> int:
    """The engine's module: each bundle that waits is claimed and sent to a worker of its own, for
    making one may take longer than a tick. A message that is lost costs one lease."""
    from missions.tasks import send_bundle

    taken = bundles.claim(_AT_ONCE, seconds=_QUEUED)
    for row in taken:
        try:
            send_bundle(row.pk, str(row.lease_token))
        except Exception:
            leases.release(row)
            raise
    return len(taken)


engine.module("missions.bundles", work, every=timedelta(seconds=2), rows=Bundle, order=75)


@job(
    "missions.evidence_sweep",
    every=timedelta(minutes=15),
    time_limit=600,
    doc="Finish or give up uploads whose process vanished, and drop files that no row names.",
)
def sweep() -> dict[str, Any]:
    found = sweeping.finish_stuck()
    return {**found, **sweeping.drop_orphans()}


@job(
    "missions.bundles_follow",
    every=timedelta(minutes=15),
    time_limit=300,
    doc="Ask for the bundle of missions that ended, and for another where one is handed out no "
    "more.",
)
def follow() -> dict[str, Any]:
    return dict(following.follow())


@job(
    "missions.evidence_check",
    every=timedelta(hours=1),
    time_limit=600,
    doc="Read evidence back and compare it with its hash: each file once a week.",
)
def check() -> dict[str, Any]:
    return dict(sweeping.check_due())


@job(
    "missions.evidence_room",
    every=timedelta(hours=6),
    time_limit=300,
    doc="Tell whoever can make room when evidence takes most of its own.",
)
def room() -> dict[str, Any]:
    return dict(sweeping.tell_of_room())

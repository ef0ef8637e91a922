"""The proof on somebody's word: bounded, for whoever waits for its answer, and recorded."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Sum

from controlplane.audit import anchors, scope
from controlplane.audit.models import AuditSeal
from controlplane.audit.proof import Finding, verify
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define

MOST_EVENTS = define(
    "audit.verify_now_events",
    250_000,
    unit="events",
    why="the proof of more takes longer than a person waits for a page; the job proves them all",
)
MOST_SECONDS = define(
    "audit.verify_now_s", 10.0, unit="s", why="a page that takes longer is given up by its reader"
)
SUBJECT = "audit.log:all"


@dataclass(frozen=True, slots=True)
class Verified:
    """`finished` False: too much for a page; what was read until then was in order or is told."""

    finished: bool
    events: int
    seals: int
    pending: int
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        return self.finished and not self.findings


class _OutOfTime(Exception):
    pass


def sealed_events() -> int:
    """How many events the proof will read, near enough: pruned ones are in no batch any more."""
    rows = AuditSeal.objects.order_by().values_list("kind").annotate(events=Sum("count"))
    counts: dict[str, int] = dict(rows)
    return max(0, counts.get("batch", 0) - counts.get("prune", 0))


def remembered() -> dict[int, str]:
    """Seal hashes carried outside the database."""
    path = anchors.default_file()
    return anchors.expected(path.read_text().splitlines()) if path.exists() else {}


def verify_now(actor: Actor, *, workspace_id: int | None = None) -> Verified:
    """Prove the whole log while somebody waits, if it is small enough. The asking is recorded
    with its answer, so that "when was it last proved" has one."""
    scope.require(actor, "audit.verify", None)
    started = time.monotonic()
    found = _prove(started) if sealed_events() <= MOST_EVENTS.value else _too_much(started)
    with transaction.atomic():
        record(
            actor,
            "audit.verify",
            SUBJECT,
            workspace_id=workspace_id,
            outcome="failed" if found.findings else "done",
            reason="" if found.finished else "too much to prove on a page",
            details={
                "finished": found.finished,
                "events": found.events,
                "seals": found.seals,
                "waiting": found.pending,
                "findings": [each.message for each in found.findings[:5]],
                "seconds": round(found.seconds, 2),
            },
        )
    return found


def _prove(started: float) -> Verified:
    seen = 0

    def tick(events: int) -> None:
        nonlocal seen
        seen = events
        if time.monotonic() - started > MOST_SECONDS.value:
            raise _OutOfTime

    try:
        proof = verify(expected=remembered(), progress=tick)
    except _OutOfTime:
        return _too_much(started, seen)
    seconds = time.monotonic() - started
    return Verified(True, proof.events, proof.seals, proof.pending, seconds, tuple(proof.findings))


def _too_much(started: float, seen: int = 0) -> Verified:
    return Verified(False, seen, 0, 0, time.monotonic() - started, ())

"""Probes: what to look at, what was seen, and the down intervals that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.catalog import probing
from controlplane.catalog.models import DownInterval, Environment, Probe, ProbeResult, Service
from controlplane.catalog.probing import Sight
from controlplane.catalog.services.changing import add, change, switch
from controlplane.lib import clock, http
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from controlplane.lib.redaction import redact_text

PROBE_FIELDS = ("url", "expected_status", "every_s", "timeout_s", "down_after")


@transaction.atomic
def add_probe(
    service: Service, environment: Environment, *, actor: Actor, url: str = "", **fields: Any
) -> Probe:
    """Look at the service in this environment. Without an address, results are reported to us."""
    if url:
        http.check_url(url)
    probe = Probe(
        workspace_id=service.workspace_id,
        service=service,
        environment=environment,
        url=url,
        pushed=not url,
        **fields,
    )
    return add(probe, actor=actor, conflict="This is looked at already.")


@transaction.atomic
def change_probe(
    probe: Probe, *, actor: Actor, version: int | None = None, **changes: Any
) -> Probe:
    if "url" in changes:
        if probe.pushed:
            raise Invalid("Its results are reported.", details={"url": "Takes no address."})
        http.check_url(changes["url"])
    return change(probe, changes, actor=actor, version=version, allowed=PROBE_FIELDS)


@transaction.atomic
def switch_probe(probe: Probe, *, actor: Actor, active: bool, reason: str = "") -> Probe:
    switched = switch(probe, actor=actor, active=active, reason=reason)
    if not active:
        _forget([switched.pk])
        switched.refresh_from_db()
    return switched


def rest(service: Service) -> None:
    """Called when a service is retired, inside its transaction."""
    _forget(list(service.probes.values_list("pk", flat=True)))


def _forget(probes: Sequence[int]) -> None:
    """Nothing is known any more: open intervals end now, since nobody looks."""
    now = clock.now()
    DownInterval.objects.filter(probe__in=probes, ends_at=None, starts_at__lte=now).update(
        ends_at=now
    )
    Probe.objects.filter(pk__in=probes).update(
        health=Probe.Health.UNKNOWN, since=None, failures_in_a_row=0, failing_since=None
    )


def claim_due(limit: int) -> list[Probe]:
    """Probes whose turn it is, each claimed by one worker by moving its next turn on. A worker
    that dies costs one look, not a probe."""
    now = clock.now()
    with transaction.atomic():
        rows: list[Probe] = list(
            Probe.objects.due(now)
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("next_at")[:limit]
        )
        Probe.objects.filter(pk__in=[probe.pk for probe in rows]).update(
            next_at=now
            + models.ExpressionWrapper(
                F("every_s") * timedelta(seconds=1), output_field=models.DurationField()
            )
        )
    return rows


def probe_now(probe: Probe, *, actor: Actor) -> Sight:
    """Look at once, for somebody who waits for the answer."""
    policy.require(actor, "catalog.report", probe)
    if probe.pushed:
        raise Invalid("Its results are reported by the service itself.")
    sight = probing.look(probe)
    record_result(probe, sight, actor=actor)
    return sight


def report_result(
    probe: Probe, *, actor: Actor, ok: bool, latency_ms: int | None = None, error: str = ""
) -> Probe:
    """What the outside saw of a service, for probes that are reported."""
    policy.require(actor, "catalog.report", probe)
    if not probe.pushed:
        raise Invalid("The portal looks at this one itself.")
    return record_result(probe, Sight(ok, None, latency_ms, redact_text(error)[:300]), actor=actor)


@transaction.atomic
def record_result(probe: Probe, sight: Sight, *, actor: Actor, at: datetime | None = None) -> Probe:
    """Note what was seen; flip the health when it is enough. Results of one probe queue at its
    row, and one that is older than what is known changes nothing."""
    row: Probe = (
        Probe.objects.select_for_update(of=("self",))
        .select_related("service", "environment")
        .get(pk=probe.pk)
    )
    at = at or clock.now()
    ProbeResult.objects.create(
        probe=row,
        at=at,
        ok=sight.ok,
        status_code=sight.status_code,
        latency_ms=sight.latency_ms,
        error=sight.error,
    )
    if not row.is_active or (row.last_at is not None and at < row.last_at):
        return row
    row.last_at, row.last_latency_ms, row.last_error = at, sight.latency_ms, sight.error
    if sight.ok:
        _seen_up(row, at, actor)
    else:
        _seen_failing(row, at, sight, actor)
    row.save()
    return row


def _seen_up(row: Probe, at: datetime, actor: Actor) -> None:
    row.failures_in_a_row, row.failing_since = 0, None
    if row.health == Probe.Health.UP:
        return
    was_down = row.health == Probe.Health.DOWN
    row.health, row.since = Probe.Health.UP, at
    if was_down:
        DownInterval.objects.filter(probe=row, ends_at=None).update(ends_at=at)
        _tell(row, "catalog.service_up", actor, before="down")


def _seen_failing(row: Probe, at: datetime, sight: Sight, actor: Actor) -> None:
    row.failures_in_a_row += 1
    row.failing_since = row.failing_since or at
    if row.health == Probe.Health.DOWN or row.failures_in_a_row < row.down_after:
        return
    before = row.health
    row.health, row.since = Probe.Health.DOWN, row.failing_since
    # Down since the first failure of the row, not since we believed it.
    DownInterval.objects.create(
        workspace_id=row.workspace_id,
        service=row.service,
        environment=row.environment,
        probe=row,
        starts_at=row.failing_since,
        first_error=sight.error,
    )
    _tell(row, "catalog.service_down", actor, before=before)


def _tell(row: Probe, kind: str, actor: Actor, *, before: str) -> None:
    record(
        actor,
        "catalog.report",
        row,
        before={"health": before},
        after={"health": row.health, "since": row.since.isoformat() if row.since else None},
        details={"error": row.last_error},
    )
    signals.emit(
        kind,
        key=f"{row.uid}:{row.last_at.isoformat() if row.last_at else ''}",
        payload={
            "service": str(row.service.uid),
            "slug": row.service.slug,
            "environment": row.environment.slug,
            "error": row.last_error,
            "since": row.since.isoformat() if row.since else None,
        },
        workspace_id=row.workspace_id,
    )

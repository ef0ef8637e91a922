"""Probes: what to look at, what was seen, and the intervals that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Greatest, Now

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.catalog import probing
from controlplane.catalog.models import (
    DownInterval,
    Environment,
    Probe,
    ProbeResult,
    Service,
    WatchPeriod,
)
from controlplane.catalog.probing import Sight
from controlplane.catalog.services import telling
from controlplane.catalog.services.changing import add, change, switch
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from controlplane.lib.redaction import redact_text

PROBE_FIELDS = ("url", "expected_status", "every_s", "timeout_s", "down_after")
# What results add up to. A change of it is no new version of the probe.
_SEEN = (
    "health",
    "since",
    "failures_in_a_row",
    "failing_since",
    "last_at",
    "last_latency_ms",
    "last_error",
)


@transaction.atomic
def add_probe(
    service: Service, environment: Environment, *, actor: Actor, url: str = "", **fields: Any
) -> Probe:
    """Look at the service in this environment. Without an address, results are reported to us."""
    if url:
        probing.check_address(url)
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
    url = changes.get("url")
    if probe.pushed and not url:
        changes.pop("url", None)
    elif probe.pushed:
        raise Invalid("Its results are reported.", details={"url": "Takes no address."})
    elif url is not None:
        if not url:
            raise Invalid("Where to look?", details={"url": "Required: the portal looks itself."})
        probing.check_address(url)
    return change(probe, changes, actor=actor, version=version, allowed=PROBE_FIELDS)


@transaction.atomic
def switch_probe(probe: Probe, *, actor: Actor, active: bool, reason: str = "") -> Probe:
    was = Probe.objects.select_for_update(of=("self",)).get(pk=probe.pk).is_active
    switched = switch(probe, actor=actor, active=active, reason=reason)
    if was and not active:
        _forget([switched.pk])
    elif active and not was:
        _wake([switched.pk])
    switched.refresh_from_db()
    return switched


def rest(service: Service) -> None:
    """Called when a service is retired, inside its transaction."""
    _forget(_locked(service))


def wake(service: Service) -> None:
    """Called when a service is taken back, inside its transaction."""
    _wake(_locked(service))


def _locked(service: Service) -> list[int]:
    """Results that are being written are waited for: what they open must be closed with the
    rest. Always in one order, so that two who lock many can't wait for each other."""
    rows = Probe.objects.filter(service=service).select_for_update(of=("self",)).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _forget(probes: Sequence[int]) -> None:
    """Nothing is known any more: open intervals end now, since nobody looks."""
    # Another machine's clock may be ahead of ours; an interval never ends before it began.
    end = Greatest(F("starts_at"), Value(clock.now(), models.DateTimeField()))
    for interval in DownInterval.objects.filter(probe__in=probes, ends_at=None):
        telling.no_longer(interval)
    DownInterval.objects.filter(probe__in=probes, ends_at=None).update(ends_at=end)
    WatchPeriod.objects.filter(probe__in=probes, ends_at=None).update(ends_at=end)
    Probe.objects.filter(pk__in=probes).update(
        health=Probe.Health.UNKNOWN, since=None, failures_in_a_row=0, failing_since=None
    )


def _wake(probes: Sequence[int]) -> None:
    now = clock.now()
    Probe.objects.filter(pk__in=probes).update(
        # Later than all that was known, also where another machine's clock was ahead.
        on_since=Greatest(Value(now, models.DateTimeField()), Coalesce("last_at", Value(now))),
        next_at=Now(),
    )


def claim_due(limit: int) -> list[Probe]:
    """Probes whose turn it is, each claimed by one worker by moving its next turn on. A worker
    that dies costs one look, not a probe. A turn comes sooner than a look can last (30 s against
    10), so no second worker gets the probe while the first still looks."""
    with transaction.atomic():
        rows: list[Probe] = list(
            Probe.objects.due()
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("next_at", "pk")[:limit]
        )
        Probe.objects.filter(pk__in=[probe.pk for probe in rows]).update(
            next_at=Now()
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
    if not Probe.objects.on().filter(pk=probe.pk).exists():
        raise Invalid("It is off, or its service is retired.")
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
    policy.require(actor, "catalog.report", probe)
    # Locked first, read second: what is joined to a row that had to be waited for is as old as
    # the statement, and would show a service that was retired meanwhile as active.
    Probe.objects.select_for_update(of=("self",)).only("pk").get(pk=probe.pk)
    row: Probe = Probe.objects.select_related("service", "environment").get(pk=probe.pk)
    at = at or sight.at or clock.now()
    ProbeResult.objects.create(
        probe=row,
        at=at,
        ok=sight.ok,
        status_code=sight.status_code,
        latency_ms=sight.latency_ms,
        error=sight.error,
    )
    if not _counts(row, at):
        return row
    row.last_error = sight.error
    if sight.refused:
        # No news of the service: should it stay so, the probe falls silent.
        row.save(update_fields=["last_error"])
        return row
    row.last_at, row.last_latency_ms = at, sight.latency_ms
    WatchPeriod.objects.get_or_create(probe=row, ends_at=None, defaults={"starts_at": at})
    if sight.ok:
        _seen_up(row, at, actor)
    else:
        _seen_failing(row, at, actor)
    row.save(update_fields=list(_SEEN))
    return row


def _counts(row: Probe, at: datetime) -> bool:
    if not row.is_active or row.service.status != Service.Status.ACTIVE or at < row.on_since:
        return False
    return row.last_at is None or at >= row.last_at


def _seen_up(row: Probe, at: datetime, actor: Actor) -> None:
    row.failures_in_a_row, row.failing_since = 0, None
    if row.health == Probe.Health.UP:
        return
    before, row.health, row.since = row.health, Probe.Health.UP, at
    interval = DownInterval.objects.filter(probe=row, ends_at=None).select_related(
        "service", "environment"
    )
    for open_one in interval:
        open_one.ends_at = at
        open_one.save(update_fields=["ends_at"])
        telling.came_up(open_one)
    if before == Probe.Health.DOWN:
        _emit(row, "catalog.service_up", actor, before=before)


def _seen_failing(row: Probe, at: datetime, actor: Actor) -> None:
    row.failures_in_a_row += 1
    row.failing_since = row.failing_since or at
    if row.health == Probe.Health.DOWN or row.failures_in_a_row < row.down_after:
        return
    before, row.health, row.since = row.health, Probe.Health.DOWN, row.failing_since
    first = ProbeResult.objects.filter(probe=row, ok=False, at__gte=row.failing_since)
    interval = DownInterval.objects.create(
        workspace_id=row.workspace_id,
        service=row.service,
        environment=row.environment,
        probe=row,
        # Down since the first failure of the row, not since we believed it.
        starts_at=row.failing_since,
        first_error=first.order_by("at", "pk").values_list("error", flat=True).first() or "",
    )
    telling.went_down(interval)
    _emit(row, "catalog.service_down", actor, before=before)


def note_silence(*, actor: Actor, limit: int = 200) -> int:
    """Probes of which nothing was heard for too long are no longer believed: what was up is
    unknown, and the time since is no uptime. What was down stays down until a result says
    otherwise. The watch tells of them; see `watching`."""
    found = Probe.objects.silent().filter(watch_periods__isnull=False, watch_periods__ends_at=None)
    return sum(_fall_silent(pk, actor) for pk in found.values_list("pk", flat=True)[:limit])


@transaction.atomic
def _fall_silent(pk: int, actor: Actor) -> bool:
    policy.require(actor, "catalog.report", Probe.objects.only("workspace_id").get(pk=pk))
    # The row first, the question second: a result that came meanwhile has moved `last_at`.
    Probe.objects.select_for_update(of=("self",)).get(pk=pk)
    row = Probe.objects.silent().select_related("service", "environment").filter(pk=pk).first()
    if row is None or row.last_at is None:
        return False
    end = Greatest(F("starts_at"), Value(row.last_at, models.DateTimeField()))
    if not WatchPeriod.objects.filter(probe=row, ends_at=None).update(ends_at=end):
        return False
    if row.health == Probe.Health.DOWN:
        return True
    before, row.health, row.since = row.health, Probe.Health.UNKNOWN, None
    row.failures_in_a_row, row.failing_since = 0, None
    row.save(update_fields=list(_SEEN))
    _emit(row, "catalog.service_unknown", actor, before=before)
    return True


def _emit(row: Probe, kind: str, actor: Actor, *, before: str) -> None:
    since = row.since.isoformat() if row.since else None
    record(
        actor,
        "catalog.report",
        row,
        before={"health": before},
        after={"health": row.health, "since": since},
        details={"error": row.last_error},
    )
    signals.emit(
        kind,
        key=f"{row.uid}:{row.last_at.isoformat() if row.last_at else ''}",
        payload={
            "service": str(row.service.uid),
            "slug": row.service.slug,
            "tier": row.service.tier,
            "environment": row.environment.slug,
            "probe": str(row.uid),
            "error": row.last_error,
            "since": since,
        },
        workspace_id=row.workspace_id,
    )

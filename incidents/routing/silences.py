"""Silences: made, changed, ended. Alerts that one holds for are kept and call nobody; what fires
still when it ends is told then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.jobs import nudges, timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import refuse, text
from incidents.models import Alert, AlertEvent, Incident, Silence
from incidents.paging import answering
from incidents.records.noting import PORTAL
from incidents.routing import letting_go, matching

LONGEST = defaults.define(
    "alerts.silence_longest_days",
    30,
    unit="days",
    why="A silence that is forgotten hides the next outage; a month is a long repair.",
)
BEGINS = "alerts.silence_begins"
_COMMENT = 1_000
_MOST = 20_000


@transaction.atomic
def create_silence(
    workspace: Workspace,
    *,
    actor: Actor,
    matchers: Any,
    ends_at: datetime,
    comment: str,
    starts_at: datetime | None = None,
    origin: str = Silence.Origin.HAND,
    origin_key: str = "",
    name: str = "",
) -> Silence:
    """From now on, or from a time on. `name`: whom a client says it acts for."""
    policy.require(actor, "alert.silence", workspace)
    now = clock.now()
    begins, ends = _times(starts_at, ends_at, now)
    row = Silence(
        workspace=workspace,
        matchers=matching.read("matchers", matchers),
        starts_at=begins,
        ends_at=ends,
        comment=text("comment", comment, _COMMENT, required=True),
        origin=origin,
        origin_key=origin_key[:80],
        made_by_ref=actor.ref[:80],
        made_by_name=(name or actor.label)[:200],
    )
    row.save(force_insert=True)
    record(actor, "alert.silence", row, after=shown(row), reason=row.comment[:500])
    _after(row, now)
    return row


@transaction.atomic
def change_silence(
    silence: Silence,
    *,
    actor: Actor,
    matchers: Any = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    comment: str | None = None,
) -> Silence:
    policy.require(actor, "alert.silence", silence)
    row = _held(silence)
    now = clock.now()
    if row.ends_at <= now:
        raise Conflict("It is over: make another one.")
    before = shown(row)
    if matchers is not None:
        row.matchers = matching.read("matchers", matchers)
    if starts_at is not None and row.starts_at > now:
        row.starts_at = max(starts_at, now)
    if ends_at is not None:
        _, row.ends_at = _times(row.starts_at, ends_at, now)
    if comment is not None:
        row.comment = text("comment", comment, _COMMENT, required=True)
    row.version += 1
    row.changed_at = now
    row.save()
    record(actor, "alert.silence", row, before=before, after=shown(row))
    release_unmatched(row)
    _after(row, now)
    return row


@transaction.atomic
def end_silence(silence: Silence, *, actor: Actor, reason: str = "") -> Silence:
    """Now. What it held back and fires still is told within seconds."""
    policy.require(actor, "alert.silence", silence)
    row = _held(silence)
    now = clock.now()
    if row.ends_at <= now:
        return row
    before = {"ends_at": row.ends_at.isoformat()}
    row.ends_at, row.changed_at, row.ended_by_ref = now, now, actor.ref[:80]
    row.starts_at = min(row.starts_at, now)
    row.version += 1
    row.save()
    timers.cancel_timer(_key(row))
    record(actor, "alert.silence", row, before=before, after={"ends_at": now.isoformat()},
           reason=text("reason", reason, 500))  # fmt: skip
    nudges.after_commit()
    return row


def shown(row: Silence) -> dict[str, Any]:
    return {
        "matchers": matching.words(row.matchers),
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "comment": row.comment,
        "by": row.made_by_name,
    }


def state_of(row: Silence, at: datetime | None = None) -> str:
    """As Alertmanager calls it."""
    at = at or clock.now()
    if row.ends_at <= at:
        return "expired"
    return "active" if row.starts_at <= at else "pending"


def matched(row: Silence) -> list[Alert]:
    """What fires and what it holds for."""
    matches = matching.compiled(row.matchers)
    firing = Alert.objects.firing().filter(workspace=row.workspace_id).select_related("source")
    return [alert for alert in firing.order_by("pk")[:_MOST] if matches(asked_of(alert))]


def asked_of(alert: Alert) -> dict[str, str]:
    """What matchers look at: its labels, how grave it is, and where it is from."""
    return {
        **alert.labels, "severity": alert.severity, "source": alert.source.name,
        "format": alert.source.format,
    }  # fmt: skip


def _held(silence: Silence) -> Silence:
    row: Silence = Silence.objects.select_for_update().get(pk=silence.pk)
    return row


def _times(
    starts_at: datetime | None, ends_at: datetime, now: datetime
) -> tuple[datetime, datetime]:
    for field, value in (("starts_at", starts_at), ("ends_at", ends_at)):
        if value is not None and value.tzinfo is None:
            raise refuse(field, "A time with its zone.")
    begins = max(starts_at or now, now)
    if ends_at <= begins:
        raise refuse("ends_at", "It must end after it begins, and later than now.")
    if ends_at - begins > timedelta(days=LONGEST.value):
        raise refuse("ends_at", f"At most {LONGEST.value} days: make it anew after that.")
    return begins, ends_at


def _after(row: Silence, now: datetime) -> None:
    if row.starts_at <= now:
        timers.cancel_timer(_key(row))
        hold_back(row, now)
    else:
        timers.set_timer(
            BEGINS,
            key=_key(row),
            due_at=row.starts_at,
            subject=subject_ref(row),
            workspace_id=row.workspace_id,
            payload={"silence": row.pk},
        )
    nudges.after_commit()


def _key(row: Silence) -> str:
    return f"{BEGINS}:{row.uid}"


@timers.on(BEGINS)
@transaction.atomic
def begins(timer: Timer) -> None:
    """A planned one holds for what fires already, too."""
    row = Silence.objects.filter(pk=timer.payload["silence"]).first()
    if row is not None and row.ends_at > clock.now():
        hold_back(row, clock.now())


def hold_back(row: Silence, now: datetime) -> int:
    """What fires already counts as silenced, too; whoever was being called for nothing else is
    called no more."""
    found = [alert for alert in matched(row) if alert.silence_id is None]
    if not found:
        return 0
    keys = [alert.pk for alert in found]
    Alert.objects.filter(pk__in=keys).update(silence=row, version=F("version") + 1)
    AlertEvent.objects.bulk_create(
        AlertEvent(alert_id=key, at=now, kind=AlertEvent.Kind.SILENCED) for key in keys
    )
    _call_off({alert.incident_id for alert in found if alert.incident_id})
    return len(found)


def _call_off(incidents: Iterable[int]) -> None:
    rows = Incident.objects.burning().filter(pk__in=incidents, acknowledged_at=None)
    for incident in rows.order_by("pk"):
        if not incident.alerts.firing().filter(silence=None).exists():
            answering.call_off(incident, actor=PORTAL, reason="All its alerts are silenced.")


def release_unmatched(row: Silence) -> None:
    """Its matchers were changed: what it holds for no longer is looked at by the next tick."""
    matches = matching.compiled(row.matchers)
    held = Alert.objects.firing().filter(silence=row).select_related("source")
    gone = [alert.pk for alert in held[:_MOST] if not matches(asked_of(alert))]
    Alert.objects.filter(pk__in=gone).update(silence=None)
    # What it meant no longer is told by the look that follows each end of a silence.
    letting_go.release(gone, "The silence does not hold for it any more.")

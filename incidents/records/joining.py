"""Alerts come to an incident, and leave it when they are over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, Value, When

from controlplane.audit.refs import subject_ref
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock, defaults
from incidents.models import Alert, Incident
from incidents.records import levels, moving
from incidents.records.noting import PORTAL, say

CALM = defaults.define(
    "incidents.calm_s",
    300.0,
    unit="seconds",
    why="An incident that nobody took is over when all its alerts were for this long.",
)
TOLD_EACH = defaults.define(
    "incidents.told_each",
    10,
    unit="alerts",
    why="So many are told of one by one on the work item; then each tenfold.",
)
TIMER = "incident.calm"
_MOST_MERGES = 10


def count(incident: Incident, joined: int, now: datetime, *, said: bool = True) -> None:
    """So many more are part of it from now on."""
    if not joined:
        return
    Incident.objects.filter(pk=incident.pk).update(
        alert_count=F("alert_count") + joined,
        firing_count=F("firing_count") + joined,
        last_alert_at=now,
    )
    timers.cancel_timer(_key(incident))
    if said:
        _say_joined(incident, joined)


def came(incident: Incident, joined: int, *, alerts: int, firing: int, said: bool) -> None:
    """So many came to it, which has had `alerts` and has `firing` now. A sender that tells of each
    alert by itself shall not fill the item's talk: the first few are told of, then only when there
    are ten, a hundred, a thousand."""
    if firing == joined:  # it was quiet
        timers.cancel_timer(_key(incident))
    if said and (alerts <= TOLD_EACH.value or len(str(alerts)) > len(str(alerts - joined))):
        _say_joined(incident, joined, alerts)


def _say_joined(incident: Incident, joined: int, alerts: int = 0) -> None:
    noun = "alert" if joined == 1 else "alerts"
    total = f", {alerts:,} in all" if alerts > TOLD_EACH.value else ""
    say(incident, f"{joined:,} more {noun}{total}.", actor=PORTAL)


def standing_for(workspace_id: int, group_key: str) -> Incident | None:
    """The incident that alerts of this group belong to: the open one, or the open one into which
    the last of them was merged."""
    rows = Incident.objects.of(workspace_id).select_related("workspace", "item")
    known: Incident | None = rows.burning().filter(group_key=group_key).first()
    if known is not None or not group_key:
        return known
    merged = rows.filter(group_key=group_key, status="merged").order_by("-pk").first()
    for _ in range(_MOST_MERGES):
        if merged is None or merged.status != "merged":
            break
        merged = rows.filter(pk=merged.merged_into_id).first()
    burns = merged is not None and rows.burning().filter(pk=merged.pk).exists()
    return merged if burns else None


def join(incident: Incident, alerts: Sequence[int], now: datetime) -> None:
    """Alerts that are there already become part of it, each once."""
    new = Alert.objects.filter(pk__in=alerts, incident=None)
    count(incident, new.update(incident=incident), now)


def leave(incident_id: int, ended: int, now: datetime) -> None:
    """So many are over. When none is left, and nobody takes it, the incident is over soon."""
    Incident.objects.filter(pk=incident_id).update(
        firing_count=Case(
            When(firing_count__gte=ended, then=F("firing_count") - ended), default=Value(0)
        )
    )
    incident = Incident.objects.burning().filter(pk=incident_id).first()
    if incident is None or incident.firing_count or incident.alerts.firing().exists():
        return
    if incident.unseen_count:
        # Some were cut off by the sender: whether those are over, it does not say.
        say(incident, "All alerts that were seen are over; some were never seen.", actor=PORTAL)
        return
    say(incident, "All its alerts are over.", actor=PORTAL)
    timers.set_timer(
        TIMER,
        key=_key(incident),
        due_at=now + timedelta(seconds=CALM.value),
        subject=subject_ref(incident),
        workspace_id=incident.workspace_id,
        payload={"incident": incident.pk},
    )


@timers.on(TIMER)
@transaction.atomic
def calm(timer: Timer) -> None:
    """Nobody answered, and it has been quiet: it ends by itself. Somebody who is on it decides."""
    incident = Incident.objects.burning().filter(pk=timer.payload["incident"]).first()
    if incident is None or incident.alerts.firing().exists():
        return
    if incident.acknowledged_at is not None or incident.status != Incident.Status.DETECTED:
        return
    quiet = clock.now() - (incident.last_alert_at or incident.opened_at)
    minutes = round(quiet.total_seconds() / 60)
    moving.resolve(
        incident,
        actor=PORTAL,
        reason=f"All its alerts are over, the last one came {minutes} minutes ago.",
    )


def raise_to(incident: Incident, code: str, ranks: Mapping[str, int] | None = None) -> None:
    """What joined asks for a graver level than it has. `ranks`: of the levels, where they are
    known already."""
    if ranks is not None and ranks.get(code, 99) >= ranks.get(incident.severity, 0):
        return
    known = levels.of(incident.workspace_id)
    now, asked = known.get(incident.severity), known.get(code)
    if now is None or asked is None or asked.rank >= now.rank:
        return
    moving.change_severity(
        incident, code, actor=PORTAL, reason="An alert came that asks for this level."
    )


def _key(incident: Incident) -> str:
    return f"{TIMER}:{incident.uid}"

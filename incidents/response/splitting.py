"""One incident was two: some of its alerts go to another one, which begins with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.given import line, refuse, text
from controlplane.work import services as work
from controlplane.work.services import graph
from incidents.models import Alert, Incident
from incidents.records.holding import hold, require_burning
from incidents.records.noting import PORTAL, note
from incidents.records.opening import open_incident

_MOST = 500


@transaction.atomic
def split(
    incident: Incident,
    *,
    actor: Actor,
    title: str,
    severity: str,
    reason: str,
    alerts: Sequence[Any] = (),
    version: int | None = None,
) -> Incident:
    """The new one is opened with its own item, clocks and calls; `alerts` (their uids) go to it.
    Alerts that come later still join the first one, whose group they are of."""
    graph.lock(incident.workspace_id)
    moved = _hold_alerts(incident, alerts)
    row = hold(incident, version=version)
    policy.require(actor, "incident.merge", row)
    require_burning(row)
    why = text("reason", reason, 500, required=True)
    made = open_incident(
        row.workspace, actor=actor, title=line("title", title, 200, required=True),
        severity=severity, category=row.category, origin=row.origin, service=row.service,
        environment=row.environment, symptoms=row.symptoms, summary=f"Split from {row.ref}: {why}",
        started_at=row.started_at, runbook=row.runbook,
    )  # fmt: skip
    Incident.objects.filter(pk=made.pk).update(split_from=row)
    _move(moved, row, made)
    if made.item is not None and row.item is not None:
        work.add_dependency(made.item, row.item, actor=PORTAL, kind="discovered-from")
    note(row, "incident.split", actor=actor, reason=why, after={"into": made.ref},
         said=f"{row.ref}: {made.ref} is another matter: {why}")  # fmt: skip
    made.refresh_from_db()
    return made


def _hold_alerts(incident: Incident, wanted: Sequence[Any]) -> list[Alert]:
    """Before the incident, as whoever takes alerts in does."""
    if len(wanted) > _MOST:
        raise refuse("alerts", f"At most {_MOST} at once.")
    rows = Alert.objects.filter(incident=incident, uid__in=list(wanted))
    held = list(
        rows.order_by("source_id", "dedup_key", "pk").select_for_update(of=("self",), no_key=True)
    )
    if len(held) != len({str(each) for each in wanted}):
        raise refuse("alerts", "Some of them are not alerts of this incident.")
    return held


def _move(alerts: Sequence[Alert], row: Incident, made: Incident) -> None:
    if not alerts:
        return
    firing = sum(each.status == "firing" for each in alerts)
    Alert.objects.filter(pk__in=[each.pk for each in alerts]).update(incident=made)
    Incident.objects.filter(pk=row.pk).update(
        alert_count=F("alert_count") - len(alerts), firing_count=F("firing_count") - firing
    )
    Incident.objects.filter(pk=made.pk).update(
        alert_count=len(alerts), firing_count=firing, last_alert_at=clock.now()
    )

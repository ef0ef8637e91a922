"""A test alert, from the message of a sender to somebody's inbox and mail: what came of each part,
and where it got stuck."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.jobs import engine
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.ids import uuid7
from controlplane.notify.models import Delivery
from incidents.intake import receiving, sources
from incidents.models import Alert, AlertSource, Incident, Page
from incidents.paging.policies import PORTAL
from incidents.records.moving import cancel

NAME = "Alert test"
# Each test stands alone: under the name it bears a real incident may burn just now.
ALONE = ["test"]
ACTION = "paging.drill"
_JSON = "application/json"


@dataclass(slots=True)
class Trace:
    """What happened, in order: what, whether it did, after how many seconds."""

    steps: list[tuple[str, bool, float]] = field(default_factory=list)
    incident: str = ""

    @property
    def passed(self) -> bool:
        return all(well for _, well, _ in self.steps)


def fire(workspace: Workspace, *, actor: Actor, within_s: float = 30.0) -> Trace:
    """Send a critical alert as a sender would, and look until somebody was told, or the time is
    up. Its incident is put away afterwards. Turns the engine itself: it passes on a portal whose
    workers stand still, whose standing still is the watch's to tell."""
    policy.require(actor, ACTION, workspace)
    trace, began = Trace(), time.monotonic()
    key = f"alert-test-{uuid7()}"

    def step(what: str, well: bool) -> bool:
        trace.steps.append((what, well, round(time.monotonic() - began, 2)))
        return well

    source = _source(workspace, actor)
    body = {"alerts": [_alert(key)]}
    receiving.receive(source, "webhook", json.dumps(body).encode(), content_type=_JSON)
    alert = Alert.objects.filter(source=source, labels__test=key).first()
    if not step("The message became an alert", alert is not None) or alert is None:
        return trace
    try:
        incident = alert.incident
        if not step("A rule opened an incident for it", incident is not None) or incident is None:
            return trace
        trace.incident = incident.ref
        _until(lambda: _pages(incident).exists(), within_s)
        if not step("Somebody is called", _pages(incident).exists()):
            return trace
        sent = Delivery.objects.filter(
            notification__in=_pages(incident).values("notification"), state="sent"
        )
        _until(lambda: sent.exclude(method="inbox").exists(), within_s)
        step("It stands in their inbox", sent.filter(method="inbox").exists())
        step("A message left and was taken", sent.exclude(method="inbox").exists())
        return trace
    finally:
        _put_away(alert, source, key)


def _alert(key: str) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "ServiceDown", "severity": "critical", "test": key},
        "annotations": {"summary": "Alert test: nothing is wrong. Sent to see that it arrives."},
        "startsAt": clock.now().isoformat(),
        "fingerprint": key[-36:].replace("-", "")[:16],
    }


def _source(workspace: Workspace, actor: Actor) -> AlertSource:
    known: AlertSource | None = AlertSource.objects.filter(workspace=workspace, name=NAME).first()
    if known is None:
        return sources.create_source(
            workspace, actor=actor, name=NAME, format="alertmanager", group_by=ALONE,
            about="Where the command alert_test sends its alerts.",
        ).source  # fmt: skip
    if known.group_by != ALONE:
        return sources.change_source(known, actor=actor, group_by=ALONE)
    return known


def _pages(incident: Incident) -> Any:
    return Page.objects.filter(incident=incident, notification__isnull=False)


def _until(done: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not done() and time.monotonic() < deadline:
        if not sum(engine.tick(instance="alert test").values()):
            time.sleep(0.2)


def _put_away(alert: Alert, source: AlertSource, key: str) -> None:
    """Its own incident, and no other: never one that somebody else's alerts stand in, too."""
    over = {**_alert(key), "status": "resolved", "endsAt": clock.now().isoformat()}
    body = json.dumps({"alerts": [over]}).encode()
    receiving.receive(source, "webhook", body, content_type=_JSON)
    alert.refresh_from_db()
    incident = alert.incident
    if incident is None or Alert.objects.filter(incident=incident).exclude(pk=alert.pk).exists():
        return
    if incident.status in {"detected", "triaged", "mitigating"}:
        cancel(incident, actor=PORTAL, reason="It was an alert test.")

"""Alerts and incidents of the demo: three that are over, a drill, and one that burns since a
quarter of an hour. What came from outside came as its sender writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.base import demo
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock
from incidents import demo_after as _after  # noqa: F401 - another
from incidents import demo_around as _around  # noqa: F401 - another
from incidents import demo_gameday as _gameday  # noqa: F401 - another
from incidents import demo_runbooks as _runbooks  # noqa: F401 - another
from incidents import demo_story as _story  # noqa: F401 - another
from incidents import demo_tickets as _tickets  # noqa: F401 - another
from incidents.intake import receiving, sources
from incidents.intake.normal import fingerprint
from incidents.models import AlertSource, Incident
from incidents.paging import drilling
from incidents.records import moving
from incidents.records.opening import open_incident
from incidents.response import checks, updates
from incidents.routing import silences

CANARY = "parallel-research"  # what is rolled out meanwhile, and suspected
_NEVER = "0001-01-01T00:00:00Z"
_REGIONS = ("eu-1", "eu-2", "us-1", "us-2", "ap-1")


@dataclass(frozen=True, slots=True)
class Past:
    """One that is over: when, how soon somebody answered and it was over, and what it was."""

    days: int
    answered: int  # minutes
    mitigated: int
    resolved: int
    alert: str
    summary: str
    severity: str
    how: str
    cause: str


PAST = (
    Past(24, 4, 31, 58, "CheckpointQueueStalled", "Approvals wait: no packet was built for ten"
         " minutes", "critical", "The worker was started again with twice the memory.",
         "A packet with 900 files filled the worker's memory."),
    Past(11, 2, 19, 47, "ErrorBudgetBurn", "One in eleven runs fails since the release",
         "critical", "The release was taken back.",
         "A retry without a pause asked the tool router 40 times a second."),
)  # fmt: skip


@demo.step("incidents", order=98)
def incidents(scene: demo.Scene) -> None:
    known = AlertSource.objects.filter(workspace=scene.workspace)
    if known.exclude(format="portal").exists():
        return
    source = _source(scene, "Prometheus", "alertmanager", **_watched(scene))
    _source(scene, "Checks from outside", "pagerduty")
    for past in PAST:
        _over(scene, source, past)
    _drilled(scene)
    _by_hand(scene)
    _kept_quiet(scene, source)
    _burning(scene, source)


def _source(scene: demo.Scene, name: str, format: str, **about: Any) -> AlertSource:
    actor = scene.actor("workspace_admin")
    made = sources.create_source(scene.workspace, actor=actor, name=name, format=format, **about)
    return made.source


def _watched(scene: demo.Scene) -> dict[str, Any]:
    """What Prometheus looks at, where the demo has it: the agents' service in production."""
    service = Service.objects.filter(workspace=scene.workspace, slug="agent-service").first()
    place = Environment.objects.filter(workspace=scene.workspace, slug="production").first()
    return {"service": service, "environment": place} if service and place else {}


def _tell(source: AlertSource, alerts: Iterable[Mapping[str, Any]]) -> None:
    """As Alertmanager tells a group of them."""
    told = {
        "version": "4", "status": "firing", "receiver": "portal", "groupKey": "{}",
        "groupLabels": {}, "truncatedAlerts": 0, "alerts": list(alerts),
    }  # fmt: skip
    receiving.receive(source, "webhook", json.dumps(told).encode())


def _alert(
    name: str, summary: str, severity: str, since: datetime, *, over: bool = False, **labels: str
) -> dict[str, Any]:
    every = {"alertname": name, "severity": severity, **labels}
    return {
        "status": "resolved" if over else "firing",
        "labels": every,
        "annotations": {"summary": summary},
        "startsAt": since.isoformat(),
        "endsAt": clock.now().isoformat() if over else _NEVER,
        "fingerprint": fingerprint(every)[:16],
    }


def _newest(scene: demo.Scene) -> Incident | None:
    """Of those that burn."""
    rows = Incident.objects.of(scene.workspace).filter(resolved_at=None).order_by("-pk")
    return rows.first()


def _over(scene: demo.Scene, source: AlertSource, past: Past) -> None:
    ago, primary = timedelta(days=past.days), scene.actor("primary_operator")

    def told(minutes: int, *, over: bool = False) -> None:
        with clock.set_back(ago - timedelta(minutes=minutes)):
            _tell(source, [
                _alert(past.alert, past.summary, past.severity, began, over=over, instance=where)
                for where in _REGIONS[:3]
            ])  # fmt: skip

    with clock.set_back(ago):
        began = clock.now()
    told(0)
    row = _newest(scene)
    if row is None:
        return
    with clock.set_back(ago - timedelta(minutes=past.answered)):
        moving.acknowledge(row, actor=primary)
    with clock.set_back(ago - timedelta(minutes=past.answered + 3)):
        moving.triage(
            row, actor=primary, impact_percent=9, symptoms=past.summary,
            started_at=began.isoformat(),
        )  # fmt: skip
        moving.mitigate(row, actor=primary, reason="Looking at the last release first.")
        updates.post_update(
            row, actor=primary, kind="initial", subject=f"{row.ref}: {past.summary}"[:200],
            text=f"{past.summary}. We look at the last release first.",
        )  # fmt: skip
    told(past.mitigated, over=True)
    row.refresh_from_db()
    with clock.set_back(ago - timedelta(minutes=past.mitigated)):
        moving.mitigated(row, actor=primary, how=past.how)
    with clock.set_back(ago - timedelta(minutes=past.mitigated + 1)):
        moving.watch(row, actor=primary)
    with clock.set_back(ago - timedelta(minutes=past.resolved - 3)):
        _looked(scene, row)
    with clock.set_back(ago - timedelta(minutes=past.resolved)):
        moving.resolve(row, actor=primary, reason="It has been quiet since.", root_cause=past.cause)


def _looked(scene: demo.Scene, row: Incident) -> None:
    """It works again, and customers are told so."""
    primary, lead = scene.actor("primary_operator"), scene.actor("engineering_lead")
    for slug in checks.KINDS:
        if slug != checks.CUSTOMERS:
            checks.note_check(row, slug, "ok", actor=primary)
    updates.post_update(
        row, actor=lead, audience="customers", kind="recovery", subject="Missions run again",
        text="Missions run again as they should. We are sorry for the wait.",
    )  # fmt: skip


def _drilled(scene: demo.Scene) -> None:
    lead, primary = scene.actor("engineering_lead"), scene.actor("primary_operator")
    ago = timedelta(days=6)
    with clock.set_back(ago):
        drill = drilling.begin_drill(
            scene.workspace, actor=lead, title="The tool router answers nobody"
        )
    if drill.incident is not None:
        with clock.set_back(ago - timedelta(minutes=3)):
            moving.acknowledge(drill.incident, actor=primary)
    with clock.set_back(ago - timedelta(minutes=20)):
        drilling.end_drill(drill, actor=lead)
        drilling.note_result(
            drill, "Answered in three minutes; the number of the partner was looked for.",
            actor=lead,
        )  # fmt: skip


def _by_hand(scene: demo.Scene) -> None:
    """A small one that somebody saw, which nobody is called for."""
    secondary = scene.actor("secondary_operator")
    with clock.set_back(timedelta(hours=20)):
        row = open_incident(
            scene.workspace, actor=secondary, severity="sev4",
            title="Exports name the wrong time zone",
            symptoms="Two people saw UTC where their own zone was meant.",
        )  # fmt: skip
    with clock.set_back(timedelta(hours=19)):
        moving.acknowledge(row, actor=secondary)


def _kept_quiet(scene: demo.Scene, source: AlertSource) -> None:
    now = clock.now()
    silences.create_silence(
        scene.workspace, actor=scene.actor("secondary_operator"),
        matchers='environment="staging"', ends_at=now + timedelta(hours=6),
        comment="Staging is loaded with last month's runs until this evening.",
    )  # fmt: skip
    _tell(source, [_alert("HighLatency", "p95 over 200 ms", "warning", now, environment="staging")])


def _burning(scene: demo.Scene, source: AlertSource) -> None:
    primary = scene.actor("primary_operator")
    with clock.set_back(timedelta(minutes=17)):
        began = clock.now()
        _tell(source, [
            _alert("ToolRouterErrors", "Every third call of the tool router times out", "critical",
                   began, region=region, toolkit=tool, team="platform")
            for region in _REGIONS[:3] for tool in ("search", "mail", "files")
        ])  # fmt: skip
    row = _newest(scene)
    if row is None:
        return
    with clock.set_back(timedelta(minutes=15)):
        moving.acknowledge(row, actor=primary)
    with clock.set_back(timedelta(minutes=12)):
        moving.triage(
            row, actor=primary, impact_percent=27, started_at=began.isoformat(),
            symptoms="Every third call of the tool router times out in three regions; agents wait."
            f" It began twenty minutes after {CANARY} went to a tenth of production.",
        )  # fmt: skip
    with clock.set_back(timedelta(minutes=10)):
        moving.mitigate(
            row,
            actor=primary,
            reason=f"Traffic is moved to the second provider; {CANARY} goes no further meanwhile.",
        )
    with clock.set_back(timedelta(minutes=9)):
        updates.post_update(
            row, actor=primary, kind="initial", subject=f"{row.ref}: tool calls time out",
            text="Every third call of the tool router times out in three regions since a quarter"
            f" of an hour. Traffic is moved to the second provider. {CANARY}, which asks three"
            " sources at once, stays at 10 % until we know whether it is the cause.",
        )  # fmt: skip

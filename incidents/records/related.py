"""What changed shortly before, near by: deployments, flags, missions. What happened within a day
before an incident is linked on its item when it opens; the page asks again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from controlplane.lib import defaults, kept
from deployments.flags.models import Flag
from deployments.models import Deployment
from incidents.models import Incident
from incidents.records.noting import PORTAL, say
from missions.models import Mission

LOOK_BACK = defaults.define(
    "incidents.look_back_hours", 24, unit="hours", why="What broke it was mostly changed today."
)
_MOST = 10


@dataclass(frozen=True, slots=True)
class Change:
    """Something that changed, and how near it was."""

    kind: str  # deployment, flag, mission
    ref: str
    title: str
    at: datetime
    link: str
    same_service: bool = False


def before(incident: Incident) -> list[Change]:
    """The same service first, then the latest."""
    since = incident.detected_at - timedelta(hours=LOOK_BACK.value)
    found = [*_deployments(incident, since), *_flags(incident, since), *_missions(incident, since)]
    return sorted(found, key=lambda each: (not each.same_service, -each.at.timestamp()))[:_MOST]


def _deployments(incident: Incident, since: datetime) -> list[Change]:
    found = kept.ask(
        lambda workspace, since, until: (
            Deployment.objects.filter(workspace=workspace)
            .filter(
                Q(deployed_at__gte=since, deployed_at__lte=until)
                | Q(started_at__gte=since, started_at__lte=until)
            )
            .order_by("-started_at")
            .prefetch_related("parts__component")[:_MOST]
        ),
        *(incident.workspace_id, since, incident.detected_at),
    )
    rows = [row for row in found if incident.environment_id in {None, row.environment_id}]
    return [
        Change(
            "deployment",
            row.ref,
            row.title,
            row.deployed_at or row.started_at or row.created_at,
            _page(row),
            any(part.component.service_id == incident.service_id for part in row.parts.all())
            if incident.service_id
            else False,
        )
        for row in rows
    ]


def _flags(incident: Incident, since: datetime) -> list[Change]:
    rows = kept.ask(
        lambda workspace, since, until: Flag.objects.filter(
            workspace=workspace, changed_at__gte=since, changed_at__lte=until
        ).order_by("-changed_at")[:_MOST],
        *(incident.workspace_id, since, incident.detected_at),
    )
    return [
        Change("flag", row.flag_name, row.description, row.changed_at, _page(row)) for row in rows
    ]


def _missions(incident: Incident, since: datetime) -> list[Change]:
    rows = kept.ask(
        lambda workspace, since, until: (
            Mission.objects.filter(
                workspace=workspace, stage="execute_observe", status__in=["active", "paused"]
            )
            .filter(started_at__gte=since, started_at__lte=until)
            .order_by("-started_at")[:_MOST]
        ),
        *(incident.workspace_id, since, incident.detected_at),
    )
    return [Change("mission", row.ref, row.title, row.started_at, _page(row)) for row in rows]


def _page(obj: Any) -> str:
    return f"/admin/{obj._meta.app_label}/{obj._meta.model_name}/{obj.pk}/change/"


def link(incident: Incident) -> None:
    """On the item, for whoever works at a terminal."""
    found = before(incident)
    if not found:
        return
    lines = [
        f"- {each.kind} {each.ref}, {each.at:%Y-%m-%d %H:%M} UTC: {each.title}" for each in found
    ]
    told = [f"Changed within {LOOK_BACK.value} hours before:", *lines]
    say(incident, "\n".join(told), actor=PORTAL)

"""What may have caused it: what changed shortly before, near by, with the button that stops it.

Ranked by sums that the page can say in words: of the same service, and how long before it began.
Nothing here is a verdict."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import QuerySet

from controlplane.access import policy
from controlplane.catalog.models import Integration
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from deployments.flags.models import Flag
from deployments.models import Deployment
from incidents import links
from incidents.intake.formats.pagerduty import change as read_change
from incidents.models import InboundEvent, Incident
from incidents.records import related
from missions.models import Mission

MOST = 8
_CHANGES = 10
_NEAR: tuple[tuple[timedelta, int], ...] = (
    (timedelta(minutes=15), 4), (timedelta(hours=1), 3), (timedelta(hours=4), 2),
)  # fmt: skip
_WEIGHT = {"integration": 3, "deployment": 2, "flag": 2, "mission": 1, "change": 1}
_VIEW = {
    "deployment": "deployment.view", "flag": "flag.view", "mission": "mission.view",
    "integration": "catalog.view", "change": "alert.view",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Suspect:
    """`do` and `target`: the action that stops it, or none."""

    kind: str
    ref: str
    title: str
    at: datetime
    link: str
    score: int
    same_service: bool = False
    note: str = ""
    do: str = ""
    target: str = ""
    label: str = ""

    @property
    def is_near(self) -> bool:
        """More than the hour speaks for it: it is of the same service, or it fails now."""
        return self.same_service or self.kind == "integration"


def of(incident: Incident, actor: Actor) -> list[Suspect]:
    """What the reader may see of it, the likeliest first."""
    seen = {kind for kind, action in _VIEW.items() if policy.can(actor, action, incident)}
    found = [_changed(incident, each) for each in related.before(incident) if each.kind in seen]
    if "integration" in seen:
        found += _failing(incident)
    if "change" in seen:
        found += _told(incident)
    found.sort(key=lambda each: (-each.score, -each.at.timestamp(), each.ref))
    return _with_buttons(incident, found[:MOST])


def _score(incident: Incident, kind: str, at: datetime, same_service: bool) -> int:
    began = incident.started_at or incident.detected_at
    before = max(began - at, timedelta())
    near = next((points for span, points in _NEAR if before <= span), 1)
    return near + _WEIGHT[kind] + (4 if same_service else 0)


def _changed(incident: Incident, each: related.Change) -> Suspect:
    return Suspect(
        each.kind, each.ref, each.title, each.at, each.link,
        _score(incident, each.kind, each.at, each.same_service), each.same_service,
    )  # fmt: skip


def _failing(incident: Incident) -> list[Suspect]:
    """What agents call and what does not answer now."""
    return [
        Suspect(
            "integration", row.slug, row.name, row.last_failure_at or row.opened_at
            or incident.detected_at, links.page_of(row),
            _score(incident, "integration", incident.detected_at, same_service=False),
            note=_said(row), do="trip_breaker" if row.status == "closed" else "",
            target=row.slug, label="Open its breaker",
        )
        for row in _FAILING.rows(incident.workspace_id)
    ]  # fmt: skip


def _not_well(workspace_id: int) -> QuerySet[Integration]:
    rows = Integration.objects.filter(workspace=workspace_id, is_active=True)
    failing = rows.filter(failures_in_a_row__gt=0) | rows.exclude(status="closed")
    return failing.order_by("-last_failure_at")[:MOST]


_FAILING: kept.Question[Integration] = kept.Question(_not_well)


def _said(row: Integration) -> str:
    if row.status != Integration.Status.CLOSED:
        return str(row.get_status_display())
    times = row.failures_in_a_row
    return f"failed {times} time{'' if times == 1 else 's'} in a row"


def _told(incident: Incident) -> list[Suspect]:
    """Changes that others told of, through a source that takes them."""
    since = incident.detected_at - timedelta(hours=related.LOOK_BACK.value)
    rows = kept.ask(
        lambda workspace, since, until: (
            InboundEvent.objects.filter(
                workspace=workspace, form="change", created_at__gte=since, created_at__lte=until
            )
            .select_related("source")
            .order_by("-pk")[:_CHANGES]
        ),
        *(incident.workspace_id, since, incident.detected_at),
    )
    found = []
    for row in rows:
        try:
            read = read_change(row.source, row, zlib.decompress(bytes(row.body)))
        except ControlPlaneError:
            continue  # it stands among the messages that nothing could be made of
        for each in read.changes:
            title = str(each["summary"])
            found.append(Suspect(
                "change", row.source.name, title, row.created_at, links.page_of(row),
                _score(incident, "change", row.created_at, same_service=False),
            ))  # fmt: skip
    return found


def _with_buttons(incident: Incident, found: Sequence[Suspect]) -> list[Suspect]:
    """Only what still stands can be stopped: asked for all of a kind at once."""
    names = {each.ref for each in found if each.kind == "flag"}
    on = set(
        Flag.objects.of(incident.workspace_id)
        .filter(flag_name__in=names, enabled=True)
        .values_list("flag_name", flat=True)
    )
    refs = {each.ref for each in found if each.kind == "deployment"}
    live = set(
        Deployment.objects.of(incident.workspace_id)
        .filter(ref__in=refs, started_at__isnull=False)
        .exclude(status__in=["rolled_back", "cancelled"])
        .exclude(kind="rollback")
        .values_list("ref", flat=True)
    )
    refs = {each.ref for each in found if each.kind == "mission"}
    types = dict(
        Mission.objects.of(incident.workspace_id)
        .filter(ref__in=refs, status="active")
        .exclude(mission_type="")
        .values_list("ref", "mission_type")
    )
    return [_armed(each, on, live, types) for each in found]


def _armed(each: Suspect, on: set[str], live: set[str], types: dict[str, str]) -> Suspect:
    if each.kind == "flag" and each.ref in on:
        return _with(each, "flag_off", each.ref, "Switch it off")
    if each.kind == "flag":  # no button then; switching it off may be what broke it
        return replace(each, note="off now")
    if each.kind == "deployment" and each.ref in live:
        return _with(each, "rollback", each.ref, "Roll it back")
    if each.kind == "mission" and each.ref in types:
        kind = types[each.ref]
        return _with(each, "pause_missions", f"type:{kind}", f"Pause {kind}")
    return each


def _with(each: Suspect, do: str, target: str, label: str) -> Suspect:
    return replace(each, do=do, target=target, label=label)

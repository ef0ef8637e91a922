"""What is made of a message: incidents, work items, notes on the release. Per group, not per alert:
a storm of ten thousand is one incident and one call.

`prepare` finds or opens what the alerts of each group go to, before they are stored, so that each
is written once; `settle` follows when they are. Callers hold the lock of every group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F

from controlplane.lib import clock
from incidents.intake.deciding import Decision
from incidents.intake.normal import Incoming
from incidents.intake.storing import Place, Stored
from incidents.models import AlertSource, Incident
from incidents.records import joining, opening
from incidents.records.noting import PORTAL
from incidents.routing import following
from incidents.routing.judging import Verdict


@dataclass(slots=True)
class Group:
    """Alerts of one message that belong together and call for something."""

    verdict: Verdict
    first: Incoming  # the gravest: it speaks for them
    count: int = 0


@dataclass(slots=True)
class Prepared:
    groups: dict[str, Group] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    incidents: dict[int, Incident] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)


def prepare(
    source: AlertSource,
    alerts: Sequence[Incoming],
    verdicts: Sequence[Verdict],
    decisions: Sequence[Decision],
    burning: Mapping[str, Incident] | None = None,
) -> Prepared:
    """`burning`: incidents by their groups, where they were looked up already."""
    found = Prepared(groups=_groups(alerts, verdicts, decisions))
    for key, group in found.groups.items():
        outcome = group.verdict.outcome
        if outcome.opens != "incident":
            item = following.follow(source, key, group.verdict, group.first, group.count)
            found.places[key] = Place(item=item)
            continue
        incident, opened = _incident(source, key, group, burning or {})
        found.incidents[incident.pk] = incident
        found.places[key] = Place(incident=incident.pk)
        if opened:
            found.opened.add(incident.pk)
    return found


def _groups(
    alerts: Sequence[Incoming], verdicts: Sequence[Verdict], decisions: Sequence[Decision]
) -> dict[str, Group]:
    found: dict[str, Group] = {}
    for alert, verdict, decision in zip(alerts, verdicts, decisions, strict=True):
        if verdict.held_back or not decision.calls:
            continue
        group = found.get(verdict.group_key)
        if group is None:
            found[verdict.group_key] = Group(verdict, alert, 1)
            continue
        group.count += 1
        if _gravity(verdict) < _gravity(group.verdict):
            group.verdict, group.first = verdict, alert
    return found


def _gravity(verdict: Verdict) -> int:
    return {"critical": 0, "warning": 1, "info": 2}[verdict.severity]


def _incident(
    source: AlertSource, key: str, group: Group, burning: Mapping[str, Incident]
) -> tuple[Incident, bool]:
    """The open incident of this group, or a new one."""
    if key in burning:
        return burning[key], False
    known = joining.standing_for(source.workspace_id, key)
    if known is not None:
        return known, False
    return open_for(source, key, group.verdict, group.first), True


def open_for(source: AlertSource, key: str, verdict: Verdict, first: Incoming) -> Incident:
    outcome = verdict.outcome
    incident = opening.open_incident(
        source.workspace,
        actor=PORTAL,
        title=_title(first),
        severity=outcome.level,
        category=outcome.category,
        origin="drill" if first.labels.get("drill") == "true" else "alert",
        service=verdict.service,
        environment=source.environment,
        group_key=key,
        policy_slug=outcome.policy,
        notify_roles=outcome.notify_roles,
        labels=outcome.tags,
        summary=_summary(first, outcome.advice),
        started_at=_began(first),
        runbook=outcome.runbook,
        item_priority=outcome.item_priority,
    )
    if incident.item is not None:
        following.besides(incident.item, verdict, first)
    return incident


def _began(first: Incoming) -> datetime | None:
    """A sender whose clock is ahead of ours still has its page."""
    return min(first.starts_at, clock.now()) if first.starts_at is not None else None


def _title(first: Incoming) -> str:
    return first.title[:200] or first.labels.get("alertname", "An alert fires")[:200]


def _summary(first: Incoming, advice: str) -> str:
    known = "\n".join(f"{name}: {value}" for name, value in sorted(first.labels.items()))
    return "\n\n".join(part for part in (first.description, known[:2_000], advice) if part)[:8_000]


def settle(
    prepared: Prepared,
    stored: Stored,
    now: datetime,
    *,
    truncated: int = 0,
    ranks: Mapping[str, int] | None = None,
) -> None:
    """Graver levels, what rules ask for besides, and what is over. Counts moved as alerts were
    stored. `ranks`: of the levels, where they are known."""
    for each in stored.joined:
        incident = prepared.incidents.get(each.incident)
        if incident is not None:
            joining.came(
                incident, each.joined, alerts=each.alerts, firing=each.firing,
                said=incident.pk not in prepared.opened,
            )  # fmt: skip
    _hooks(prepared, ranks)
    over: dict[int, list[int]] = defaultdict(list)
    for ended in stored.ended:
        if ended.incident is not None:
            over[ended.incident].append(ended.alert)
    for pk, alerts in sorted(over.items()):
        joining.leave(pk, len(alerts), now)
    if stored.ended:
        following.over([ended.alert for ended in stored.ended])
    if truncated and prepared.incidents:
        Incident.objects.filter(pk=min(prepared.incidents)).update(
            unseen_count=F("unseen_count") + truncated
        )


def _hooks(prepared: Prepared, ranks: Mapping[str, int] | None) -> None:
    for key, group in prepared.groups.items():
        place: Mapping[int, Incident] = prepared.incidents
        incident = place.get(prepared.places[key].incident or 0)
        if incident is None:
            continue
        if incident.pk not in prepared.opened:
            joining.raise_to(incident, group.verdict.outcome.level, ranks)
        following.hooks(incident, group.verdict)

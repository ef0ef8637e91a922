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

from incidents.intake.deciding import MADE, RAISED, RESOLVED, Decision
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
) -> Prepared:
    found = Prepared(groups=_groups(alerts, verdicts, decisions))
    for key, group in found.groups.items():
        outcome = group.verdict.outcome
        if outcome.opens != "incident":
            item = following.follow(source, key, group.verdict, group.first, group.count)
            found.places[key] = Place(item=item)
            continue
        incident, opened = _incident(source, key, group)
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


def _incident(source: AlertSource, key: str, group: Group) -> tuple[Incident, bool]:
    """The open incident of this group, or a new one."""
    known = joining.standing_for(source.workspace_id, key)
    if known is not None:
        return known, False
    return open_for(source, key, group.verdict, group.first), True


def open_for(source: AlertSource, key: str, verdict: Verdict, first: Incoming) -> Incident:
    outcome = verdict.outcome
    return opening.open_incident(
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
        started_at=first.starts_at,
        runbook=outcome.runbook,
    )


def _title(first: Incoming) -> str:
    return first.title[:200] or first.labels.get("alertname", "An alert fires")[:200]


def _summary(first: Incoming, advice: str) -> str:
    known = "\n".join(f"{name}: {value}" for name, value in sorted(first.labels.items()))
    return "\n\n".join(part for part in (first.description, known[:2_000], advice) if part)[:8_000]


def settle(
    prepared: Prepared, stored: Sequence[Stored], now: datetime, *, truncated: int = 0
) -> list[Incident]:
    """Counts, graver levels, what rules ask for besides, and what is over."""
    joined: dict[int, int] = defaultdict(int)
    over: dict[int, list[int]] = defaultdict(list)
    for each in stored:
        if each.incident is None:
            continue
        if each.what == MADE:
            joined[each.incident] += 1
        elif each.what == RAISED and each.incident in prepared.incidents:
            joined[each.incident] += 0
        elif each.what == RESOLVED:
            over[each.incident].append(each.alert)
    for pk, incident in sorted(prepared.incidents.items()):
        joining.count(incident, joined[pk], now, said=pk not in prepared.opened)
    _hooks(prepared)
    for pk, ended in sorted(over.items()):
        joining.leave(pk, len(ended), now)
    following.over([each.alert for each in stored if each.what == RESOLVED])
    if truncated and prepared.incidents:
        Incident.objects.filter(pk=min(prepared.incidents)).update(
            unseen_count=F("unseen_count") + truncated
        )
    return [prepared.incidents[pk] for pk in sorted(prepared.incidents)]


def _hooks(prepared: Prepared) -> None:
    for key, group in prepared.groups.items():
        place: Mapping[int, Incident] = prepared.incidents
        incident = place.get(prepared.places[key].incident or 0)
        if incident is None:
            continue
        if incident.pk not in prepared.opened:
            joining.raise_to(incident, group.verdict.outcome.level)
        following.hooks(incident, group.verdict)

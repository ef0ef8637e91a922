"""What is made of what was stored: incidents, work items, notes on the release. Per group, not per
alert: a storm of ten thousand is one incident and one call.

Callers hold the lock of every group that is touched here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F

from incidents.intake.normal import Incoming
from incidents.intake.storing import Stored
from incidents.models import Alert, AlertEvent, AlertSource, Incident
from incidents.records import joining, opening
from incidents.records.noting import PORTAL
from incidents.routing import following
from incidents.routing.judging import Verdict

FRESH = frozenset({"made", "raised"})


@dataclass(slots=True)
class Group:
    """Alerts of one message that belong together."""

    verdict: Verdict
    first: Incoming
    fresh: list[int] = field(default_factory=list)  # alerts that call for something
    quiet: list[int] = field(default_factory=list)  # known, held back, or told already


def act(
    source: AlertSource,
    alerts: Sequence[Incoming],
    verdicts: Sequence[Verdict],
    stored: Sequence[Stored],
    now: datetime,
    *,
    truncated: int = 0,
) -> list[Incident]:
    """The incidents that were opened or joined."""
    groups = _groups(alerts, verdicts, stored)
    touched = [
        incident
        for key, group in groups.items()
        if group.fresh and (incident := _settle(source, key, group, now)) is not None
    ]
    over = defaultdict(list)
    for each in stored:
        if each.what == "resolved" and each.incident is not None:
            over[each.incident].append(each.alert)
    for incident_id, ended in sorted(over.items()):
        joining.leave(incident_id, ended, now)
    following.over([each.alert for each in stored if each.what == "resolved"])
    if truncated and touched:
        Incident.objects.filter(pk=touched[0].pk).update(unseen_count=F("unseen_count") + truncated)
    return touched


def _groups(
    alerts: Sequence[Incoming], verdicts: Sequence[Verdict], stored: Sequence[Stored]
) -> dict[str, Group]:
    """The gravest of a group speaks for it."""
    found: dict[str, Group] = {}
    for each in sorted(stored, key=lambda each: _gravity(verdicts[each.position])):
        verdict = verdicts[each.position]
        group = found.get(verdict.group_key)
        if group is None:
            group = found[verdict.group_key] = Group(verdict, alerts[each.position])
        wanted = each.what in FRESH and not verdict.held_back and not each.flaps
        (group.fresh if wanted else group.quiet).append(each.alert)
    return found


def _gravity(verdict: Verdict) -> tuple[bool, int]:
    rank = {"critical": 0, "warning": 1, "info": 2}[verdict.severity]
    return verdict.held_back, rank


def _settle(source: AlertSource, key: str, group: Group, now: datetime) -> Incident | None:
    outcome = group.verdict.outcome
    if outcome.opens != "incident":
        following.follow(source, key, group.verdict, group.first, group.fresh)
        return None
    return to_incident(source, key, group.verdict, group.first, group.fresh, now)


def to_incident(
    source: AlertSource,
    key: str,
    verdict: Verdict,
    first: Incoming,
    alerts: Sequence[int],
    now: datetime,
) -> Incident:
    """The open incident of this group, or a new one; what is graver than it raises it."""
    incident: Incident | None = (
        Incident.objects.burning().filter(workspace=source.workspace_id, group_key=key).first()
    )
    if incident is None:
        incident = _opened(source, key, verdict, first)
        joining.join(incident, alerts, now, said=False)
    else:
        joining.join(incident, alerts, now)
        joining.raise_to(incident, verdict.outcome.level)
    AlertEvent.objects.bulk_create(
        AlertEvent(alert_id=alert, at=now, kind=AlertEvent.Kind.JOINED, note=incident.ref)
        for alert in alerts
    )
    following.hooks(incident, verdict)
    return incident


def _opened(source: AlertSource, key: str, verdict: Verdict, first: Incoming) -> Incident:
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


def by_key(alerts: Sequence[Alert]) -> Mapping[str, list[Alert]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for alert in alerts:
        found[alert.group_key].append(alert)
    return found

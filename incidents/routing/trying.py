"""What would become of yesterday's alerts by other rules, beside what becomes of them by those in
force. Nothing is written, and nobody is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controlplane.catalog.models import Service
from controlplane.lib import clock, defaults
from incidents.intake.normal import FIRING, Incoming, severity_of
from incidents.models import Alert, AlertSource, RoutingRule
from incidents.routing import books, judging, matching
from incidents.routing.judging import Judge, Verdict

MOST = defaults.define(
    "alerts.dry_run_most", 10_000, unit="alerts", why="A day of a storm, judged within seconds."
)
DAY = timedelta(days=1)
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one alert."""

    rule: str
    severity: str
    opens: str
    level: str
    policy: str
    group: str

    @property
    def words(self) -> str:
        if self.opens == "incident":
            by = f", called by {self.policy}" if self.policy else ""
            return f"incident {self.level}{by}"
        return {"item": "work item", "note": "note on the release"}.get(self.opens, "kept only")


@dataclass(frozen=True, slots=True)
class Changed:
    alert: Alert
    now: Fate
    then: Fate


@dataclass(slots=True)
class Trial:
    """`now`, `then`: how many of what, by the rules in force and by those that are tried."""

    since: datetime
    alerts: int = 0
    held_back: int = 0  # silenced or inhibited when they came: nothing became of them at once
    cut: bool = False  # there were more
    matched: int = 0  # by the rule that is tried
    now: Counter[str] = field(default_factory=Counter)
    then: Counter[str] = field(default_factory=Counter)
    changed: int = 0
    examples: list[Changed] = field(default_factory=list)

    @property
    def rows(self) -> list[tuple[str, int, int]]:
        """Side by side."""
        return [(name, self.now[name], self.then[name]) for name in KINDS]


KINDS = ("Incidents opened", "Alerts of incidents", "Work items", "Alerts of work items",
         "Notes", "Kept only")  # fmt: skip


def try_rule(trial: RoutingRule, workspace_id: int, *, since: datetime | None = None) -> Trial:
    """With this one in the place of the one of its slug, or beside the others if there is none."""
    in_force = judging.rules_of(workspace_id)
    others = [row for row in in_force if row.slug != trial.slug]
    tried = [*others, trial] if trial.is_active else others
    tried.sort(key=lambda row: (row.position, row.pk or 0))
    return try_rules(workspace_id, in_force, tried, mark=trial.slug, since=since)


def try_rules(
    workspace_id: int,
    now: Sequence[RoutingRule],
    then: Sequence[RoutingRule],
    *,
    mark: str = "",
    since: datetime | None = None,
) -> Trial:
    found = Trial(since=since or clock.now() - DAY)
    alerts = _alerts(workspace_id, found.since)
    found.cut = len(alerts) > MOST.value
    groups: dict[str, set[tuple[str, str]]] = {"now": set(), "then": set()}
    services = judging.services_of(workspace_id)
    judges: dict[int, tuple[Judge, Judge]] = {}
    for alert in alerts[: MOST.value]:
        pair = judges.get(alert.source_id)
        if pair is None:
            pair = _judges(alert.source, now, then, services)
            judges[alert.source_id] = pair
        found.alerts += 1
        found.held_back += alert.silence_id is not None or alert.inhibited_by_id is not None
        said = _said(alert)
        before, after = (_fate(judge.look(said)) for judge in pair)
        found.matched += bool(mark) and after.rule == mark
        _count(found.now, groups["now"], before)
        _count(found.then, groups["then"], after)
        if before != after:
            found.changed += 1
            if len(found.examples) < _SHOWN:
                found.examples.append(Changed(alert, before, after))
    return found


def _alerts(workspace_id: int, since: datetime) -> list[Alert]:
    rows = Alert.objects.filter(workspace=workspace_id, first_at__gte=since)
    return list(rows.select_related("source__service").order_by("-pk")[: MOST.value + 1])


def _judges(
    source: AlertSource,
    now: Sequence[RoutingRule],
    then: Sequence[RoutingRule],
    services: dict[str, Service],
) -> tuple[Judge, Judge]:
    """Without silences and graver alerts: the question is what the rules say."""
    return _judge(source, now, services), _judge(source, then, services)


def _judge(
    source: AlertSource, rules: Sequence[RoutingRule], services: dict[str, Service]
) -> Judge:
    return Judge(
        source,
        rules=[(rule, matching.compiled(rule.matchers)) for rule in rules],
        services=services,
        names=books.asked_names(rule.matchers for rule in rules),
    )


def _said(alert: Alert) -> Incoming:
    """As its sender said it: a rule may have given it another severity since."""
    own = alert.labels.get("severity", "")
    return Incoming(
        key=alert.dedup_key, status=FIRING,
        severity=own if severity_of(own) else alert.severity, title=alert.title,
        labels=alert.labels, starts_at=alert.starts_at, asks=alert.asks,
    )  # fmt: skip


def _fate(verdict: Verdict) -> Fate:
    outcome = verdict.outcome
    incident = outcome.opens == "incident"
    return Fate(
        rule=verdict.rule.slug if verdict.rule else "",
        severity=verdict.severity,
        opens=outcome.opens,
        level=outcome.level if incident else "",
        policy=outcome.policy if incident else "",
        group=verdict.group_key,
    )


def _count(into: Counter[str], groups: set[tuple[str, str]], fate: Fate) -> None:
    """Alerts of one group open one incident, or one item."""
    if fate.opens in {"incident", "item"}:
        incident = fate.opens == "incident"
        into["Alerts of incidents" if incident else "Alerts of work items"] += 1
        if (fate.opens, fate.group) not in groups:
            groups.add((fate.opens, fate.group))
            into["Incidents opened" if incident else "Work items"] += 1
    else:
        into["Notes" if fate.opens == "note" else "Kept only"] += 1

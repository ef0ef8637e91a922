"""What becomes of each alert of a message: which rule holds, what it belongs to, and whether
somebody asked not to hear of it.

All rows are read once for a message, and nothing is written: a dry run judges as the real one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from controlplane.catalog.models import Component, Service
from incidents.intake.normal import Incoming, severity_of
from incidents.models import Alert, AlertSource, RoutingRule, Silence
from incidents.routing import matching, shipped
from incidents.routing.matching import Matches

# Which labels may name a service, the first one that does.
SERVICE_LABELS = ("service", "component", "app", "job")
GROUPED = ("alertname", "service")
_KEY = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule asks for. A rule of the portal's own telemetry says more than a row of routing
    can: that comes with its alert."""

    opens: str
    level: str = ""
    category: str = "service"
    policy: str = ""
    notify_roles: tuple[str, ...] = ()
    item_priority: int | None = None
    tags: tuple[str, ...] = ()
    governance: bool = False
    escalate_s: int | None = None
    escalate_to: str = ""
    investigate_s: int | None = None
    runbook: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    rule: RoutingRule | None
    severity: str
    group_key: str
    service: Service | None
    outcome: Outcome
    silence: int | None = None
    inhibited_by: int | None = None

    @property
    def held_back(self) -> bool:
        return self.silence is not None or self.inhibited_by is not None


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: RoutingRule
    matches: Matches


class Judge:
    """The rules, silences and graver alerts of one workspace at one instant."""

    def __init__(
        self,
        source: AlertSource,
        *,
        rules: Iterable[RoutingRule],
        silences: Iterable[Silence],
        graver: Mapping[int, int],
        services: Mapping[str, Service],
    ) -> None:
        self.source = source
        rules, silences = list(rules), list(silences)
        self._rules = [_Compiled(rule, matching.compiled(rule.matchers)) for rule in rules]
        self._silences = [(row.pk, matching.compiled(row.matchers)) for row in silences]
        every = [row.matchers for row in rules] + [row.matchers for row in silences]
        self._names = sorted({str(each["name"]) for matchers in every for each in matchers})
        self._known: dict[tuple[str, ...], tuple[RoutingRule | None, int | None]] = {}
        self._graver = dict(graver)  # service -> a critical alert of it that fires
        self._services = services

    @classmethod
    def of(cls, source: AlertSource, at: datetime) -> Judge:
        workspace = source.workspace_id
        return cls(
            source,
            rules=rules_of(workspace),
            silences=Silence.objects.filter(workspace=workspace).in_force(at).order_by("pk"),
            graver=graver_of(workspace),
            services=services_of(workspace),
        )

    def look(self, alert: Incoming) -> Verdict:
        labels = alert.labels
        severity = severity_of(alert.severity) or self.source.severity
        asked = {**labels, "severity": severity, "source": self.source.name,
                 "format": self.source.format}  # fmt: skip
        rule, silence = self._asked(asked)
        if rule is not None and rule.severity:
            severity = rule.severity
        service = self._service(labels)
        return Verdict(
            rule=rule,
            severity=severity,
            group_key=self._group(rule, alert, service),
            service=service,
            outcome=outcome_of(rule, alert.asks),
            silence=silence,
            inhibited_by=self._inhibitor(severity, service),
        )

    def look_at_all(self, alerts: Sequence[Incoming]) -> list[Verdict]:
        return [self.look(alert) for alert in alerts]

    def _asked(self, asked: Mapping[str, str]) -> tuple[RoutingRule | None, int | None]:
        """Which rule and silence hold. Alerts of a storm differ in labels that nobody asks for:
        those that are alike in all that is asked for are matched once."""
        key = tuple([asked.get(name, "") for name in self._names])
        known = self._known.get(key)
        if known is None:
            rule = next((each.rule for each in self._rules if each.matches(asked)), None)
            silence = next((pk for pk, matches in self._silences if matches(asked)), None)
            known = self._known[key] = (rule, silence)
        return known

    def _service(self, labels: Mapping[str, str]) -> Service | None:
        for name in SERVICE_LABELS:
            found = self._services.get(labels.get(name, "").lower())
            if found is not None:
                return found
        return self.source.service

    def _group(self, rule: RoutingRule | None, alert: Incoming, service: Service | None) -> str:
        """What belongs together. An alert that lacks every one of the labels stands alone."""
        names = self.source.group_by or (rule.group_by if rule else ()) or GROUPED
        known = {**alert.labels}
        if service is not None:
            known["service"] = service.slug
        parts = [f"{name}={known[name]}" for name in names if known.get(name)]
        said = ",".join(parts) or f"key={alert.key}"
        key = f"{rule.slug if rule else 'none'}:{said}"
        if len(key) <= _KEY:
            return key
        return f"{key[:200]}…{hashlib.sha256(key.encode()).hexdigest()[:32]}"

    def _inhibitor(self, severity: str, service: Service | None) -> int | None:
        """A critical alert of a service hides its warnings: they follow from it."""
        if severity != "warning" or service is None:
            return None
        return self._graver.get(service.pk)


def outcome_of(rule: RoutingRule | None, asks: Mapping[str, Any]) -> Outcome:
    if rule is None:
        base = Outcome(opens="nothing")
    else:
        base = Outcome(
            opens=rule.opens,
            level=rule.level,
            category=rule.category or "service",
            policy=rule.policy,
            notify_roles=tuple(rule.notify_roles),
            item_priority=rule.item_priority,
            tags=tuple(rule.tags),
            governance=rule.governance,
            escalate_s=rule.escalate_s,
            escalate_to=rule.escalate_to,
            investigate_s=rule.investigate_s,
            runbook=rule.runbook,
            advice=rule.advice,
        )
    return replace(base, **asks) if asks else base


def rules_of(workspace_id: int) -> list[RoutingRule]:
    rows = RoutingRule.objects.in_force(workspace_id).order_by("position", "pk")
    found = list(rows)
    # A workspace may have rules of its own before the shipped ones ever came.
    if not shipped.slugs() <= {row.slug for row in found} and shipped.adopt():
        found = list(rows.all())
    return [row for row in found if row.is_active]


def graver_of(workspace_id: int) -> dict[int, int]:
    rows = Alert.objects.firing().filter(
        workspace=workspace_id, severity="critical", service__isnull=False, silence=None
    )
    return dict(rows.order_by("-pk").values_list("service", "pk")[:5_000])


def services_of(workspace_id: int) -> dict[str, Service]:
    """By slug and name, and by the slugs of their components."""
    rows = list(Service.objects.filter(workspace=workspace_id, status="active"))
    by_pk = {row.pk: row for row in rows}
    found: dict[str, Service] = {}
    parts = Component.objects.filter(workspace=workspace_id, is_active=True, service__in=by_pk)
    for slug, service in parts.values_list("slug", "service"):
        found[slug.lower()] = by_pk[service]
    for row in rows:
        found[row.name.lower()] = row
    for row in rows:
        found[row.slug.lower()] = row
    return found

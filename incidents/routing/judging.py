"""What becomes of each alert of a message: which rule holds, what it belongs to, and whether
somebody asked not to hear of it.

Rules stand in a book that each process keeps; nothing is written: a dry run judges as the real
one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Min

from controlplane.catalog.models import Service
from controlplane.lib import clock
from incidents.intake.normal import Incoming, severity_of
from incidents.models import Alert, AlertSource, RoutingRule
from incidents.routing import books
from incidents.routing.books import Book
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
    notes: bool = False  # on the open release, too, whatever else it opens
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
    alone: bool = False  # nothing else belongs to its group

    @property
    def held_back(self) -> bool:
        return self.silence is not None or self.inhibited_by is not None


_Found = tuple[RoutingRule | None, int | None, Outcome]


class Judge:
    """The rules, silences and graver alerts of one workspace at one instant."""

    def __init__(
        self,
        source: AlertSource,
        *,
        rules: Sequence[tuple[RoutingRule, Matches]],
        services: Mapping[str, Service],
        names: Sequence[str],
        silences: Sequence[tuple[int, Matches]] = (),
    ) -> None:
        self.source = source
        self._rules, self._silences = rules, silences
        self._names, self._services = names, services
        self._known: dict[tuple[str, ...], _Found] = {}
        grouped = {name for rule, _ in rules for name in rule.group_by}
        # Whatever a verdict may rest on: alerts alike in all of it are judged once.
        self._all = tuple({*names, *SERVICE_LABELS, *GROUPED, *source.group_by, *grouped})
        self._verdicts: dict[tuple[Any, ...], Verdict] = {}

    @classmethod
    def of(cls, source: AlertSource, at: datetime) -> Judge:
        return cls.by(books.of(source.workspace_id, at), source, at)

    @classmethod
    def by(cls, book: Book, source: AlertSource, at: datetime) -> Judge:
        lasting = [row for row in book.silences if row.starts_at <= at < row.ends_at]
        return cls(
            source,
            rules=book.rules,
            services=book.services,
            names=book.names,
            silences=[(row.pk, row.matches) for row in lasting],
        )

    def look(self, alert: Incoming) -> Verdict:
        """By its own words, whatever else fires. Alerts of a storm mostly differ in what nobody
        asks for."""
        if alert.asks:
            return self._look(alert)
        get = alert.labels.get
        key = (alert.severity, *[get(name) for name in self._all])
        known = self._verdicts.get(key)
        if known is None:
            known = self._look(alert)
            if not known.alone:
                self._verdicts[key] = known
        return known

    def _look(self, alert: Incoming) -> Verdict:
        labels = alert.labels
        severity = severity_of(alert.severity) or self.source.severity
        asked = {**labels, "severity": severity, "source": self.source.name,
                 "format": self.source.format}  # fmt: skip
        rule, silence, outcome = self._asked(asked)
        if rule is not None and rule.severity:
            severity = rule.severity
        service = self._service(labels)
        group_key, alone = self._group(rule, alert, service)
        return Verdict(
            rule=rule,
            severity=severity,
            group_key=group_key,
            alone=alone,
            service=service,
            outcome=replace(outcome, **alert.asks) if alert.asks else outcome,
            silence=silence,
        )

    def look_at_all(self, alerts: Sequence[Incoming]) -> list[Verdict]:
        return self.inhibited(self.look_at_each(alerts))

    def look_at_each(self, alerts: Sequence[Incoming]) -> list[Verdict]:
        return [self.look(alert) for alert in alerts]

    def inhibited(self, verdicts: list[Verdict]) -> list[Verdict]:
        """A critical alert of a service hides its warnings: they follow from it."""
        asked = {
            verdict.service.pk
            for verdict in verdicts
            if verdict.severity == "warning" and verdict.service is not None
        }
        graver = graver_of(self.source.workspace_id, asked)
        if not graver:
            return verdicts
        return [_inhibited(verdict, graver) for verdict in verdicts]

    def _asked(self, asked: Mapping[str, str]) -> _Found:
        """Which rule and silence hold. Alerts of a storm differ in labels that nobody asks for:
        those that are alike in all that is asked for are matched once."""
        key = tuple([asked.get(name, "") for name in self._names])
        known = self._known.get(key)
        if known is None:
            rule = next((rule for rule, matches in self._rules if matches(asked)), None)
            silence = next((pk for pk, matches in self._silences if matches(asked)), None)
            known = self._known[key] = (rule, silence, outcome_of(rule))
        return known

    def _service(self, labels: Mapping[str, str]) -> Service | None:
        for name in SERVICE_LABELS:
            found = self._services.get(labels.get(name, "").lower())
            if found is not None:
                return found
        return self.source.service

    def _group(
        self, rule: RoutingRule | None, alert: Incoming, service: Service | None
    ) -> tuple[str, bool]:
        """What belongs together. An alert that lacks every one of the labels stands alone."""
        names = self.source.group_by or (rule.group_by if rule else ()) or GROUPED
        known = {**alert.labels}
        if service is not None:
            known["service"] = service.slug
        parts = [f"{name}={known[name]}" for name in names if known.get(name)]
        said = ",".join(parts) or f"key={alert.key}"
        key = f"{rule.slug if rule else 'none'}:{said}"
        if len(key) > _KEY:
            key = f"{key[:200]}…{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        return key, not parts


def _inhibited(verdict: Verdict, graver: Mapping[int, int]) -> Verdict:
    if verdict.severity != "warning" or verdict.service is None:
        return verdict
    return replace(verdict, inhibited_by=graver.get(verdict.service.pk))


def outcome_of(rule: RoutingRule | None) -> Outcome:
    if rule is None:
        return Outcome(opens="nothing")
    return Outcome(
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


def rules_of(workspace_id: int) -> list[RoutingRule]:
    return [rule for rule, _ in books.of(workspace_id, clock.now()).rules]


def services_of(workspace_id: int) -> dict[str, Service]:
    return books.of(workspace_id, clock.now()).services


def graver_of(workspace_id: int, services: Collection[int]) -> dict[int, int]:
    """Of these services those of which something critical fires that nobody silenced."""
    if not services:
        return {}
    rows = Alert.objects.firing().filter(
        workspace=workspace_id, severity="critical", service__in=services, silence=None
    )
    return dict(rows.order_by().values_list("service").annotate(first=Min("pk")))

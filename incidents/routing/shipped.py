"""The playbooks' tables of alerts as rules: what pages, what is looked into within the hour, and
what is only noted. Matched by the alert's name as people and Prometheus write it."""

from __future__ import annotations

from functools import cache
from typing import Any

from incidents import shipping
from incidents.models import RoutingRule

KEY = ("slug",)
HOUR = 3_600
_KEPT_ASIDE = {"id", "uid", "workspace", "shipped_mark", "version", "created_at", "is_active"}
_FIELDS = [field for field in RoutingRule._meta.concrete_fields if field.name not in _KEPT_ASIDE]
SHIPPED: list[dict[str, Any]] = []


def _rule(slug: str, title: str, opens: str, *, position: int, **more: Any) -> None:
    values = {field.name: field.get_default() for field in _FIELDS}
    values.update(slug=slug, title=title, opens=opens, position=position, **more)
    SHIPPED.append(values)


def _named(pattern: str, severity: str = "") -> list[dict[str, Any]]:
    """Alerts of this name, however it is spaced and cased."""
    found = [{"name": "alertname", "value": f"(?i){pattern}", "isRegex": True, "isEqual": True}]
    if severity:
        found.append({"name": "severity", "value": severity, "isRegex": False, "isEqual": True})
    return found


def _is(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": False, "isEqual": True}


# What the portal's own telemetry, checks and safeguards found says itself what it asks for.
_rule(
    "portal", "What the portal itself found", "item", position=10,
    matchers=[_is("format", "portal")],
    about="Its alerts bring along what they ask for: an incident, a work item, a note.",
)  # fmt: skip
# Page whoever is on call at once.
_rule(
    "security-breach", "Security breach", "incident", position=20, level="sev1",
    category="security",
    matchers=_named("(possible[ _-]?)?security[ _-]?breach|unauthori[sz]ed[ _-]?access"),
    policy="security", notify_roles=["security_lead"], tags=["security"],
    advice="Lock the accounts it names: each has one button, and another that undoes it.",
)  # fmt: skip
_rule(
    "service-down", "Service down", "incident", position=21, level="sev1",
    matchers=_named("service[ _-]?down|instance[ _-]?down|target[ _-]?down", "critical"),
    escalate_s=600, escalate_to="engineering_lead",
    advice="Roll back what was brought out last, if it came shortly before.",
)  # fmt: skip
_rule(
    "database-outage", "Database outage", "incident", position=22, level="sev1",
    category="database",
    matchers=_named("database[ _-]?(outage|down)|(supabase|postgres(ql)?)[ _-]?(outage|down)"),
    policy="database", notify_roles=["database_lead"], runbook="supabase_pool",
    advice="Look at the provider's own status page first.",
)  # fmt: skip
_rule(
    "data-loss", "Data loss", "incident", position=23, level="sev1", category="data",
    matchers=_named("data[ _-]?loss|evidence[ _-]?upload[ _-]?failures?"),
    policy="data", notify_roles=["database_lead"], runbook="evidence_upload",
    advice="Verify the newest backup before anything is changed.",
)  # fmt: skip
_rule(
    "high-error-rate", "High error rate", "incident", position=24, level="sev2",
    matchers=_named("high[ _-]?error[ _-]?rate"), runbook="agent_health",
    advice="Read the log, and prepare to roll back.",
)  # fmt: skip
_rule(
    "critical", "Any other critical alert", "incident", position=90, level="sev2",
    matchers=[_is("severity", "critical")],
)  # fmt: skip
# Looked into within the hour, by whoever is on call.
for _slug, _title, _pattern, _runbook, _advice in (
    ("elevated-latency", "Elevated latency", "(elevated|high)[ _-]?latency", "agent_health",
     "Look for slow queries, then at the load."),
    ("memory-leak", "Memory leak", "memory[ _-]?leak", "agent_health",
     "Restart the service, then look for what grows."),
    ("integration-degradation", "Integration degraded", "integration[ _-]?degrad(ation|ed)",
     "composio_rate_limit", "Ask the partner's status page, and open the breaker."),
    ("queue-backlog", "Queue backlog", "queue[ _-]?backlog", "agent_health",
     "Add workers, then look for jobs that are stuck."),
    ("disk-space", "Disk space low", "(low[ _-]?)?disk[ _-]?space([ _-]?low)?", "evidence_upload",
     "Clear logs and old archives, or grow the storage."),
):  # fmt: skip
    _rule(
        _slug, _title, "item", position=40, severity="warning", matchers=_named(_pattern),
        item_priority=2, tags=["warning"], investigate_s=HOUR, runbook=_runbook, advice=_advice,
    )  # fmt: skip
_rule(
    "executor-errors", "Executor errors", "item", position=41, severity="warning",
    matchers=_named("executor[ _-]?(error|failure)s?([ _-]?rate)?"), item_priority=2,
    tags=["toolkit", "warning"], investigate_s=HOUR,
)  # fmt: skip
_rule(
    "oauth-failures", "OAuth refresh failures", "item", position=42, severity="warning",
    matchers=_named("o?auth[ _-]?(refresh[ _-]?)?failures?"), item_priority=1,
    tags=["governance", "warning"], governance=True, investigate_s=HOUR, runbook="oauth_drift",
    notify_roles=["governance_validator"],
)  # fmt: skip
_rule(
    "warning", "Any other warning", "item", position=91, matchers=[_is("severity", "warning")],
    item_priority=2, tags=["warning"], investigate_s=HOUR,
)  # fmt: skip
_rule(
    "info", "Everything else", "note", position=99, severity="info", resolve_after_s=24 * HOUR,
    about="Traffic spikes, flags, deployments, partners' maintenance: noted on the open release.",
)  # fmt: skip


@cache
def slugs() -> frozenset[str]:
    return frozenset(str(values["slug"]) for values in SHIPPED)


def adopt() -> int:
    return shipping.adopt(RoutingRule, KEY, SHIPPED)

"""Rules of telemetry that fire: they say themselves what they ask for."""

from __future__ import annotations

from typing import Any

from controlplane.base.models import Signal
from incidents.hearing.common import Payload, alert, camel, hear, uid_of
from incidents.intake.normal import Incoming
from telemetry.models import RuleState
from telemetry.rules.vocabulary import FIRED, RESOLVED

_LEVELS = {"critical": "sev2"}
_SERVICE_SERIES = {"code", "service"}


def _fires_still(payload: Payload) -> bool:
    rows = RuleState.objects.filter(uid=uid_of(payload, "state_uid"), status="firing")
    return bool(rows.filter(episode=payload.get("episode")).exists())


@hear(FIRED, still=_fires_still)
def fired(payload: Payload, signal: Signal) -> Incoming | None:
    return _alert(payload, fires=True)


@hear(RESOLVED)
def resolved(payload: Payload, signal: Signal) -> Incoming | None:
    return _alert(payload, fires=False)


def _alert(payload: Payload, *, fires: bool) -> Incoming:
    severity = payload.get("severity") or "warning"
    series, by = str(payload.get("series") or ""), payload.get("group_by") or ""
    labels = {**(payload.get("labels") or {}), "rule": payload.get("rule")}
    if series and by:
        labels["service" if by in _SERVICE_SERIES else by] = series
    if payload.get("test"):
        labels["drill"] = "true"
    return alert(
        camel(str(payload.get("rule") or "rule")),
        key=str(payload.get("fingerprint") or payload.get("rule")),
        severity=severity,
        title=f"{payload.get('title')}{f' ({series})' if series else ''}",
        description=payload.get("sentence"),
        labels=labels,
        link=str(payload.get("link") or ""),
        fires=fires,
        starts_at=payload.get("fired_at"),
        ends_at=None if fires else payload.get("resolved_at"),
        **asked(payload, severity),
    )


def asked(payload: Payload, severity: str) -> dict[str, Any]:
    """Of the hooks of a rule those that are for here, as an outcome."""
    hooks = payload.get("hooks") or {}
    routing = payload.get("routing") or {}
    found: dict[str, Any] = {
        "opens": _opens(hooks, severity, test=bool(payload.get("test"))),
        "level": hooks.get("incident") or _LEVELS.get(severity, ""),
        "category": (payload.get("labels") or {}).get("category") or "service",
        "notify_roles": tuple(routing.get("roles") or ()),
        "item_priority": hooks.get("open_item"),
        "tags": tuple(each for each in (hooks.get("tag"), severity) if each),
        "governance": bool(hooks.get("governance")),
        "notes": bool(hooks.get("comment_on_release")),
        "runbook": payload.get("runbook") or "",
        "advice": _advice(hooks),
    }
    if routing.get("escalate_after_s") and routing.get("escalate_to"):
        found["escalate_s"] = routing["escalate_after_s"]
        found["escalate_to"] = routing["escalate_to"]
    if severity == "warning":
        found["investigate_s"] = routing.get("ack_within_s") or 3_600
    return found


def _opens(hooks: Payload, severity: str, *, test: bool) -> str:
    if test:
        return "nothing"
    if hooks.get("incident") or severity == "critical":
        return "incident"
    if hooks.get("open_item") is not None or hooks.get("governance") or severity == "warning":
        return "item"
    return "note" if hooks.get("comment_on_release") else "nothing"


def _advice(hooks: Payload) -> str:
    said = [
        hooks.get("advice") or "",
        "Open the integration's breaker." if hooks.get("breaker") else "",
        "Consider to roll back what came last." if hooks.get("rollback") else "",
    ]
    return " ".join(part for part in said if part)[:300]

"""What apps above are told: a signal in the transaction that moves the alert, and an event."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controlplane.access.models import Workspace
from controlplane.base import signals
from controlplane.lib import actors
from controlplane.lib.errors import ControlPlaneError
from telemetry import measures
from telemetry.ingest import report
from telemetry.models import AlertRule, RuleState
from telemetry.rules import vocabulary

logger = logging.getLogger(__name__)


def fingerprint(slug: str, workspace: Workspace | None, series: str) -> str:
    """One alert's name for as long as its rule lives: by slug, so that a workspace's own rule
    goes on where the shipped one stood."""
    place = str(workspace.uid) if workspace is not None else "installation"
    return hashlib.sha256(f"{place}\n{slug}\n{series}".encode()).hexdigest()[:32]


def describe(rule: AlertRule) -> dict[str, Any]:
    """The rule's part of the news: all that is needed to route it, with nothing to look up."""
    measure = measures.MEASURES.get(rule.measure)
    unit = measure.unit if measure is not None else ""
    return {
        "rule": rule.slug,
        "rule_uid": str(rule.uid),
        "title": rule.title,
        "severity": rule.severity,
        "measure": rule.measure,
        "unit": unit,
        "limit": vocabulary.limit_words(rule, unit),
        "comparison": rule.comparison,
        "group_by": rule.group_by,
        "window_s": rule.window_s,
        "for_s": rule.for_s,
        "labels": rule.labels,
        "runbook": rule.runbook,
        "hooks": rule.hooks,
        "routing": {
            "roles": rule.notify_roles,
            "ack_within_s": rule.ack_within_s,
            "escalate_after_s": rule.escalate_after_s,
            "escalate_to": rule.escalate_to,
        },
        "link": f"/admin/telemetry/alertrule/{rule.uid}/change/",
    }


def fired(rule: AlertRule, state: RuleState, *, kept_quiet_by: str = "") -> bool:
    """Tell that it fired, once an episode. In the caller's transaction. `kept_quiet_by`: it fires
    for longer, and this kept the news back."""
    began = state.breached_at or state.fired_at
    more = {"began_at": _text(began), "kept_quiet_by": kept_quiet_by}
    return _emit(vocabulary.FIRED, rule, state, more)


def resolved(rule: AlertRule, state: RuleState, *, reason: str = "") -> bool:
    return _emit(
        vocabulary.RESOLVED,
        rule,
        state,
        {"resolved_at": _text(state.resolved_at), "reason": reason},
    )


def _emit(kind: str, rule: AlertRule, state: RuleState, more: Mapping[str, Any]) -> bool:
    payload = {
        **describe(rule),
        "series": state.series,
        "sentence": sentence(rule, state),
        "value": vocabulary.payload_value(state.value),
        "sample": state.sample,
        "threshold": vocabulary.payload_value(state.threshold),
        "fired_at": _text(state.fired_at),
        "fingerprint": state.fingerprint,
        "episode": state.episode,
        "state_uid": str(state.uid),
        "test": False,
        **more,
    }
    key = f"{state.fingerprint}:{state.episode}"
    return signals.emit(kind, key=key, payload=payload, workspace_id=state.workspace_id)


def sentence(rule: AlertRule, state: RuleState) -> str:
    """ "Agent error rate of executor is 4.2 %, above 3 % for 5 min."."""
    measure = measures.MEASURES.get(rule.measure)
    unit = measure.unit if measure is not None else ""
    what = measure.title if measure is not None else rule.title
    of = f" of {vocabulary.series_words(rule, state.series)}" if state.series else ""
    limit = vocabulary.limit_words(rule, unit)
    if rule.is_relative and state.threshold is not None:
        limit += f", now {vocabulary.number(state.threshold, unit)}"
    value = "has no data" if state.value is None else f"is {vocabulary.number(state.value, unit)}"
    return f"{what}{of} {value}; the rule fires {limit}."


def event_of(kind: str, rule: AlertRule, state: RuleState) -> dict[str, Any]:
    """The same as an event of telemetry, for charts and the audit trail of alerts."""
    context: dict[str, Any] = {"rule": rule.slug, "series": state.series or None}
    if kind == vocabulary.FIRED:
        name, at = "alert_fired", state.fired_at
        context["value"] = vocabulary.payload_value(state.value)
    else:
        name, at = "alert_resolved", state.resolved_at
        if state.fired_at is not None and state.resolved_at is not None:
            lasted = (state.resolved_at - state.fired_at).total_seconds()
            context["duration_ms"] = lasted * 1000
    return {
        "event": name,
        "occurred_at": at,
        "service": "portal",
        "correlation_id": f"alert:{state.fingerprint}:{state.episode}",
        "context": {key: value for key, value in context.items() if value is not None},
    }


def report_events(workspace: Workspace | None, events: list[dict[str, Any]]) -> None:
    """Beside the news, never instead: what keeps events from being stored must not keep an alert
    from being raised."""
    if not events:
        return
    try:
        report(actors.job("telemetry.rules"), workspace, events)
    except ControlPlaneError as error:
        logger.warning("alerts could not be reported as events: %s", error)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None

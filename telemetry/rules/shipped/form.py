"""The form of a shipped rule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from telemetry.models import AlertRule

MINUTE, HOUR, DAY = 60, 3_600, 86_400
WEEK = 7 * DAY
# What a rule is made of; all but these says whose it is and how it was changed.
CONTENT = (
    "scope",
    "title",
    "about",
    "severity",
    "measure",
    "group_by",
    "filters",
    "comparison",
    "against",
    "threshold",
    "multiple",
    "floor",
    "window_s",
    "for_s",
    "resolve_for_s",
    "min_sample",
    "no_data",
    "notify_roles",
    "ack_within_s",
    "escalate_after_s",
    "escalate_to",
    "hooks",
    "labels",
    "runbook",
)
RULES: dict[str, dict[str, Any]] = {}
# Pages are acknowledged within five minutes, warnings looked into within an hour.
_ACK = {"critical": 5 * MINUTE, "warning": HOUR, "info": None}


def rule(
    slug: str,
    title: str,
    severity: str,
    measure: str,
    comparison: str,
    threshold: float | None = None,
    **more: Any,
) -> None:
    """A line of the table."""
    if slug in RULES:
        raise ValueError(f"rule {slug} is shipped twice")
    unknown = set(more) - set(CONTENT)
    if unknown:
        raise ValueError(f"rule {slug}: no such fields {sorted(unknown)}")
    given = {
        "title": title,
        "severity": severity,
        "measure": measure,
        "comparison": comparison,
        "threshold": threshold,
        "ack_within_s": _ACK[severity],
        **more,
    }
    if "multiple" in given:
        given.setdefault("against", "median")
    defaults = content(AlertRule())
    RULES[slug] = {**defaults, **given}


def content(row: AlertRule) -> dict[str, Any]:
    return {name: getattr(row, name) for name in CONTENT}


def mark_of(values: Mapping[str, Any]) -> str:
    """What tells one content from another; numbers by value, so that 5 and 5.0 are one."""
    plain = {name: _plain(values[name]) for name in CONTENT}
    text = json.dumps(plain, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value)

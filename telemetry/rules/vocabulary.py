"""Words of rules: what apps above are told to do, and sentences about limits and times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from controlplane.access import policy
from controlplane.lib import defaults
from telemetry.models import AlertRule
from telemetry.models.rollups import DIMENSIONS
from telemetry.shown.words import STAGE_WORDS

FIRED = "telemetry.rule_fired"
RESOLVED = "telemetry.rule_resolved"
EVERY = timedelta(seconds=15)
SLOWEST = timedelta(minutes=5)
SERIES = defaults.define(
    "telemetry.rule_series",
    200,
    unit="series",
    why="A rule over more states than this is a mistake in what it is grouped by.",
)


@dataclass(frozen=True, slots=True)
class Hook:
    """Something apps above do when a rule fires."""

    kind: Literal["int", "text", "bool"]
    words: str
    options: tuple[str, ...] = ()


HOOKS: Mapping[str, Hook] = {
    "incident": Hook("text", "opens an incident", ("sev1", "sev2", "sev3", "sev4")),
    "open_item": Hook("int", "opens a work item of priority"),
    "tag": Hook("text", "tags the work item"),
    "comment_on_release": Hook("bool", "comments on the open release's work item"),
    "breaker": Hook("bool", "advises to open the integration's breaker"),
    "governance": Hook("bool", "escalates to governance"),
    "rollback": Hook("bool", "advises to roll back"),
    "advice": Hook("text", "says what to do"),
}
SILENCE: Mapping[str, str] = {
    "keep": "it stays as it was",
    "ok": "it counts as in order",
    "fire": "it counts as a breach",
}
GROUPS = {name: name.replace("_", " ") for name in DIMENSIONS}
GROUPS["event_type"] = "event"


def series_words(rule: AlertRule | None, series: str, otherwise: str = "all") -> str:
    """One of a rule's series as people call it: a stage by its name."""
    if series and rule is not None and rule.group_by == "stage":
        return STAGE_WORDS.get(series, series)
    return series or otherwise


def hook_words(rule: AlertRule) -> list[str]:
    found = []
    for name, value in rule.hooks.items():
        hook = HOOKS.get(name)
        if hook is None or value in (False, None, ""):
            continue
        if name == "advice":
            found.append(str(value))
        else:
            found.append(hook.words if hook.kind == "bool" else f"{hook.words} {value}")
    return found


def routing_words(rule: AlertRule) -> list[str]:
    """Who is told beside whoever is on call, and by when."""
    found = []
    if rule.notify_roles:
        found.append("also " + ", ".join(policy.role_label(each) for each in rule.notify_roles))
    if rule.ack_within_s:
        found.append(f"to be acknowledged within {span(rule.ack_within_s)}")
    if rule.escalate_after_s:
        to = policy.role_label(rule.escalate_to) if rule.escalate_to else "the next in line"
        found.append(f"goes to {to} after {span(rule.escalate_after_s)}")
    return found


def span(seconds: float) -> str:
    """ "90 s", "5 min", "1 h 30 min", "7 d"."""
    whole = round(seconds)
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "no figure"
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{text} {unit}".strip()


def limit_words(rule: AlertRule, unit: str = "") -> str:
    """ "above 5 % for 5 min", "above 2 times the median of four weeks (at least 500 ms)"."""
    text = str(rule.get_comparison_display())
    if rule.is_relative:
        text += f" {number(rule.multiple)} times {rule.get_against_display()}"
        if rule.floor is not None:
            bound = "at least" if rule.is_upper else "at most"
            text += f" ({bound} {number(rule.floor, unit)})"
    else:
        text += f" {number(rule.threshold, unit)}"
    return f"{text} for {span(rule.for_s)}" if rule.for_s else text


def asked_of(rule: AlertRule) -> list[str]:
    """What narrows the question: window, groups, filters, sample."""
    found = [f"over {span(rule.window_s)}"]
    if rule.group_by:
        found.append(f"each {GROUPS.get(rule.group_by, rule.group_by)} by itself")
    for name, values in sorted(rule.filters.items()):
        found.append(f"{GROUPS.get(name, name)} {' or '.join(map(str, values))}")
    if rule.min_sample:
        found.append(f"from {rule.min_sample} on")
    return found


def payload_value(value: Any) -> Any:
    """A figure as JSON keeps it, without noise behind the point."""
    return round(value, 6) if isinstance(value, float) else value

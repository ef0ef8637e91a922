"""The rules as Prometheus reads them, and tests of them that `promtool` runs.

Expressions are over what the portal's own `/metrics` says (`exposed`): the portal measures, and
Prometheus compares, waits and alerts by itself. That is what pages while the portal is down: a
rule for its silence is always in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from controlplane.access.models import Workspace
from telemetry.models import AlertRule
from telemetry.rules import drawn, vocabulary
from telemetry.rules.exposed import INSTALLATION
from telemetry.rules.services.evaluating import in_force

NAME = "rules.prom.yml"
_BY = "on (rule, workspace, series)"
_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_INTERVAL = 15
_SERIES = "example"
SILENT = "PortalRulesSilent"
_SILENT_EXPR = (
    "controlplane_rules_evaluated_seconds > 180 or absent(controlplane_rules_evaluated_seconds)"
)


def rule_file(workspaces: Sequence[Workspace], *, installation: bool) -> str:
    """One group a workspace, and one for the installation."""
    groups = []
    if installation:
        groups.append(_group(INSTALLATION, _rules_of(None)))
    for workspace in workspaces:
        groups.append(_group(workspace.slug, _rules_of(workspace)))
    watch = {
        "alert": SILENT,
        "expr": _SILENT_EXPR,
        "for": "2m",
        "labels": {"severity": "critical"},
        "annotations": {"summary": "The portal no longer evaluates its alert rules"},
    }
    groups.append({"name": "controlplane: watch", "rules": [watch]})
    return written({"groups": groups})


def test_file(workspaces: Sequence[Workspace], *, installation: bool) -> str:
    """Each rule beyond its limit: nothing until its time is over, then the alert; and at rest:
    nothing at all."""
    tests: list[dict[str, Any]] = []
    places = [(w.slug, _rules_of(w)) for w in workspaces]
    if installation:
        places.insert(0, (INSTALLATION, _rules_of(None)))
    for place, rules in places:
        for rule in rules:
            tests += _tests(rule, place)
    return written({"rule_files": [NAME], "evaluation_interval": f"{_INTERVAL}s", "tests": tests})


def _rules_of(workspace: Workspace | None) -> list[AlertRule]:
    rules = list(AlertRule.objects.order_by("slug", "pk"))
    found = in_force(rules, workspace.pk if workspace is not None else None)
    return sorted(found, key=lambda rule: rule.slug)


def _group(place: str, rules: Iterable[AlertRule]) -> dict[str, Any]:
    return {
        "name": f"controlplane: {place}",
        "interval": f"{_INTERVAL}s",
        "rules": [entry(rule, place) for rule in rules],
    }


def entry(rule: AlertRule, place: str) -> dict[str, Any]:
    found: dict[str, Any] = {"alert": alert_name(rule), "expr": expression(rule, place)}
    if rule.for_s:
        found["for"] = f"{rule.for_s}s"
    if rule.resolve_for_s:
        found["keep_firing_for"] = f"{rule.resolve_for_s}s"
    of = "{{ with $labels.series }} of {{ . }}{{ end }}"
    return {
        **found,
        "labels": {**rule.labels, "severity": rule.severity},
        "annotations": _annotations(rule, of),
    }


def _annotations(rule: AlertRule, of: str) -> dict[str, str]:
    unit = drawn.unit_of(rule)
    limit = vocabulary.limit_words(rule, unit)
    found = {"summary": f"{rule.title}{of}", "description": f"{drawn.measure_title(rule)} {limit}"}
    return {**found, "runbook": rule.runbook} if rule.runbook else found


def alert_name(rule: AlertRule) -> str:
    return "".join(part.capitalize() for part in rule.slug.split("-"))


def expression(rule: AlertRule, place: str) -> str:
    """Silence counts as a breach where the rule says so: of what is not grouped, since nobody
    knows which series should be there."""
    chosen = f'rule="{rule.slug}", workspace="{place}"'
    value = f"controlplane_rule_value{{{chosen}}}"
    sign = _SIGNS[rule.comparison]
    if rule.is_relative:
        text = f"{value} {sign} {_BY} controlplane_rule_threshold{{{chosen}}}"
    else:
        text = f"{value} {sign} {_number(rule.threshold or 0.0)}"
    if rule.min_sample:
        text = f"({text}) and {_BY} controlplane_rule_sample{{{chosen}}} >= {rule.min_sample}"
    if rule.no_data == AlertRule.NoData.FIRE and not rule.group_by:
        text = f"({text}) or absent({value})"
    return text


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)


# --- Tests --------------------------------------------------------------------------------------


def _tests(rule: AlertRule, place: str) -> list[dict[str, Any]]:
    limit = rule.threshold if rule.threshold is not None else (rule.floor or 100.0)
    strict = rule.comparison in {"gt", "lt"}
    step = max(abs(limit) * 0.1, 0.1)
    ill = limit + step if rule.is_upper else limit - step
    well = limit if strict else (limit - step if rule.is_upper else limit + step)
    looks = rule.for_s // _INTERVAL + 4
    name = alert_name(rule)
    series = _SERIES if rule.group_by else ""
    fires = {
        "eval_time": f"{rule.for_s}s",
        "alertname": name,
        "exp_alerts": [_expected(rule, place, series)],
    }
    waits = {"eval_time": f"{rule.for_s - _INTERVAL}s", "alertname": name, "exp_alerts": []}
    calm = {"eval_time": f"{rule.for_s}s", "alertname": name, "exp_alerts": []}
    return [
        _test(rule, place, series, ill, limit, looks, [waits, fires] if rule.for_s else [fires]),
        _test(rule, place, series, well, limit, looks, [calm]),
    ]


def _test(
    rule: AlertRule,
    place: str,
    series: str,
    value: float,
    limit: float,
    looks: int,
    expected: list[dict[str, Any]],
) -> dict[str, Any]:
    labels = f'rule="{rule.slug}", workspace="{place}", series="{series}"'
    given = {"value": value, "threshold": limit, "sample": float(max(rule.min_sample, 1))}
    inputs = [
        {"series": f"controlplane_rule_{name}{{{labels}}}", "values": f"{_number(x)}+0x{looks}"}
        for name, x in given.items()
    ]
    return {
        "interval": f"{_INTERVAL}s",
        "input_series": inputs,
        "alert_rule_test": expected,
    }


def _expected(rule: AlertRule, place: str, series: str) -> dict[str, Any]:
    of = f" of {series}" if series else ""
    labels = {**rule.labels, "severity": rule.severity, "rule": rule.slug, "workspace": place}
    return {
        "exp_labels": {**labels, "series": series} if series else labels,
        "exp_annotations": _annotations(rule, of),
    }


# --- YAML ---------------------------------------------------------------------------------------


def written(value: Any, depth: int = 0) -> str:
    """Plain data as YAML. Strings are quoted as JSON does it, which YAML reads the same."""
    return "\n".join(_lines(value, depth)) + "\n"


def _lines(value: Any, depth: int) -> Iterable[str]:
    pad = "  " * depth
    if isinstance(value, Mapping):
        for key, each in value.items():
            if isinstance(each, Mapping | list) and each:
                yield f"{pad}{key}:"
                yield from _lines(each, depth + 1)
            else:
                yield f"{pad}{key}: {_scalar(each)}"
        return
    for each in value:
        if isinstance(each, Mapping) and each:
            first, *rest = list(_lines(each, depth + 1))
            yield f"{pad}- {first.lstrip()}"
            yield from rest
        else:
            yield f"{pad}- {_scalar(each)}"


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

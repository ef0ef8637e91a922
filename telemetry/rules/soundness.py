"""Whether a rule makes sense: asked before it is saved, and before it is previewed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from controlplane.access import policy
from controlplane.access.services.saving import as_invalid
from controlplane.lib.errors import Invalid
from telemetry import measures
from telemetry.measures import Measure
from telemetry.models import AlertRule
from telemetry.models.rollups import DIMENSIONS
from telemetry.rules.vocabulary import HOOKS, Hook

MOST_VALUES, LONGEST = 40, 80
MOST_LABELS = 12
# What is asked of the events themselves knows only now: there is no past to compare with.
_NOW_ONLY = frozenset({"active"})


def check(rule: AlertRule) -> AlertRule:
    """Raises `Invalid` with a sentence for each field that is wrong."""
    try:
        rule.clean_fields(exclude=["workspace"])
        for constraint in rule._meta.constraints:
            if isinstance(constraint, models.CheckConstraint):
                constraint.validate(type(rule), rule)
    except ValidationError as error:
        raise as_invalid(error) from error
    measure = measures.MEASURES.get(rule.measure)
    problems: dict[str, str] = {}
    if measure is None:
        problems["measure"] = "There is no such measure."
    else:
        problems |= _of_measure(rule, measure)
    problems |= _of_limit(rule)
    problems |= _of_routing(rule)
    problems |= _of_data(rule)
    if problems:
        first = next(iter(problems.values()))
        raise Invalid(first, details=dict(problems))
    return rule


def _of_measure(rule: AlertRule, measure: Measure) -> dict[str, str]:
    found = {}
    if rule.group_by and (rule.group_by not in DIMENSIONS or rule.group_by not in measure.groups):
        split = ", ".join(measure.groups) or "nothing"
        found["group_by"] = f"This measure is split by {split}."
    if rule.is_relative and measure.statistic in _NOW_ONLY:
        found["against"] = "The past of this measure is not kept: compare with a fixed value."
    if measure.installation and rule.scope == AlertRule.Scope.WORKSPACE:
        found["measure"] = "This measure is about the portal itself, not about a workspace."
    if wrong := _wrong_filters(rule.filters):
        found["filters"] = wrong
    return found


def _wrong_filters(filters: Any) -> str:
    if not isinstance(filters, Mapping):
        return "Filters are a dimension with its values."
    for name, values in filters.items():
        if name not in DIMENSIONS:
            return f"There is no dimension {str(name)[:40]}: {', '.join(DIMENSIONS)}."
        if not isinstance(values, list) or not 0 < len(values) <= MOST_VALUES:
            return f"{name}: give one to {MOST_VALUES} values."
        if any(not isinstance(one, str) or not 0 < len(one) <= LONGEST for one in values):
            return f"{name}: a value is text of at most {LONGEST} characters."
    return ""


def _of_limit(rule: AlertRule) -> dict[str, str]:
    found = {}
    for name in ("threshold", "multiple", "floor"):
        value = getattr(rule, name)
        if value is not None and not -1e15 < value < 1e15:
            found[name] = "That is no number to compare with."
    if not rule.is_relative and (rule.multiple is not None or rule.floor is not None):
        found["multiple"] = "A fixed limit is no multiple of anything: choose what to compare with."
    if rule.window_s % 60:
        found["window_s"] = "A window is whole minutes: nothing finer is kept."
    return found


def _of_routing(rule: AlertRule) -> dict[str, str]:
    found = {}
    roles = rule.notify_roles
    if not isinstance(roles, list) or any(role not in policy.PEOPLE for role in roles):
        found["notify_roles"] = "There is no such role of people."
    if rule.escalate_to and rule.escalate_to not in policy.PEOPLE:
        found["escalate_to"] = "There is no such role of people."
    if rule.escalate_to and not rule.escalate_after_s:
        found["escalate_after_s"] = "Say after how long it goes there."
    return found


def _of_data(rule: AlertRule) -> dict[str, str]:
    found = {}
    if not isinstance(rule.hooks, Mapping):
        found["hooks"] = "Hooks are a name with its value."
    else:
        for name, value in rule.hooks.items():
            hook = HOOKS.get(name)
            if hook is None:
                found["hooks"] = f"There is no hook {str(name)[:40]}: {', '.join(HOOKS)}."
            elif not _fits(hook, value):
                found["hooks"] = f"{name}: {_wanted(hook)}."
    labels = rule.labels
    sound = isinstance(labels, Mapping) and len(labels) <= MOST_LABELS
    if not sound or any(not _is_label(key, value) for key, value in labels.items()):
        found["labels"] = f"At most {MOST_LABELS} labels, each a short name with a short text."
    return found


def _fits(hook: Hook, value: Any) -> bool:
    if hook.kind == "bool":
        return isinstance(value, bool)
    if hook.kind == "int":
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 4
    return (
        isinstance(value, str) and len(value) <= 200 and (not hook.options or value in hook.options)
    )


def _wanted(hook: Hook) -> str:
    if hook.options:
        return f"one of {', '.join(hook.options)}"
    return {"bool": "true or false", "int": "0 to 4", "text": "a short text"}[hook.kind]


def _is_label(key: Any, value: Any) -> bool:
    return (
        isinstance(key, str)
        and isinstance(value, str)
        and key.replace("_", "a").isidentifier()
        and key.isascii()
        and len(key) <= 40
        and len(value) <= LONGEST
    )

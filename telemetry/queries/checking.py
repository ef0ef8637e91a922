"""What a question must be, whichever door it came by: a sentence for each thing that is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.lib.errors import Invalid
from telemetry.measures import MEASURES, STEPS
from telemetry.models.rollups import DIMENSIONS
from telemetry.queries.kinds import TIME, WINDOWS, Question

MOST_MEASURES = 8
MOST_ROWS = 500
MOST_VALUES = 50
LONGEST = 80
_KEYS = frozenset(
    {"measures", "group_by", "filters", "window", "step", "parameters", "limit"},
)
_PARAMETER_KEYS = frozenset({"name", "label", "default", "options"})


def question_of(data: Any) -> Question:
    """A question from what somebody sent, or why it is none."""
    if not isinstance(data, Mapping):
        raise Invalid("The question is not valid.", details={"question": "An object."})
    faults = {
        f"question.{name}": text
        for name, text in (
            *((str(key)[:40], "Unknown field.") for key in data.keys() - _KEYS),
            ("measures", _measures(data.get("measures"))),
            ("group_by", _group_by(data)),
            ("filters", _filters(data.get("filters", {}))),
            ("window", _one_of(data.get("window", "1h"), WINDOWS)),
            ("step", _step(data)),
            ("parameters", _parameters(data.get("parameters", []))),
            ("limit", _limit(data.get("limit", 50))),
        )
        if text
    }
    if faults:
        raise Invalid("The question is not valid.", details=faults)
    return Question.from_data(data)


def _measures(value: Any) -> str:
    if not _texts(value) or not 1 <= len(value) <= MOST_MEASURES:
        return f"A list of 1 to {MOST_MEASURES} names of measures."
    unknown = [name for name in value if name not in MEASURES]
    if unknown:
        return f"No such measure: {', '.join(unknown[:5])}."
    return "Each measure once." if len(set(value)) < len(value) else ""


def _group_by(data: Mapping[str, Any]) -> str:
    value = data.get("group_by", "")
    if value in {"", TIME}:
        return ""
    if value not in DIMENSIONS:
        return f"Empty, {TIME}, or one of {', '.join(DIMENSIONS)}."
    named: Any = data.get("measures")
    for name in named if _texts(named) else ():
        if name in MEASURES and value not in MEASURES[name].groups:
            return f"{name} can't be split by {value}."
    return ""


def _filters(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "An object: dimension -> list of values."
    for name, values in value.items():
        if name not in DIMENSIONS:
            return f"{str(name)[:40]} is none of {', '.join(DIMENSIONS)}."
        if not _texts(values) or not 1 <= len(values) <= MOST_VALUES:
            return f"{name}: a list of 1 to {MOST_VALUES} texts."
        if any(len(each) > LONGEST for each in values):
            return f"{name}: values of at most {LONGEST} characters."
    return ""


def _step(data: Mapping[str, Any]) -> str:
    step, window = data.get("step", ""), data.get("window", "1h")
    if step == "":
        return ""
    if data.get("group_by", "") != TIME:
        return f"Only where it is split by {TIME}."
    if text := _one_of(step, STEPS):
        return text
    if window in WINDOWS and WINDOWS[window] / STEPS[step] > MOST_ROWS:
        return f"More than {MOST_ROWS} rows: take a longer one."
    return ""


def _parameters(value: Any) -> str:
    if not isinstance(value, list):
        return "A list of objects."
    names = []
    for each in value:
        if not isinstance(each, Mapping) or each.keys() - _PARAMETER_KEYS:
            return f"Objects of {', '.join(sorted(_PARAMETER_KEYS))}."
        if each.get("name") not in DIMENSIONS:
            return f"A name is one of {', '.join(DIMENSIONS)}."
        if not all(isinstance(each.get(key, ""), str) for key in ("label", "default")):
            return "Labels and defaults are texts."
        if max(len(each.get(key, "")) for key in ("label", "default")) > LONGEST:
            return f"At most {LONGEST} characters."
        options = each.get("options", [])
        if not isinstance(options, list | tuple) or not all(isinstance(x, str) for x in options):
            return "Options are a list of texts."
        if len(options) > MOST_VALUES or any(len(x) > LONGEST for x in options):
            return f"At most {MOST_VALUES} options of {LONGEST} characters."
        default = each.get("default", "")
        if options and default and default not in options:
            return "A default is one of its options."
        names.append(each["name"])
    return "Each parameter once." if len(set(names)) < len(names) else ""


def _limit(value: Any) -> str:
    fine = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_ROWS
    return "" if fine else f"A whole number from 1 to {MOST_ROWS}."


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _one_of(value: Any, known: Mapping[str, Any]) -> str:
    return "" if isinstance(value, str) and value in known else f"One of {', '.join(known)}."

"""Fields of the rule's form: times as people write them, and small tables as lines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from controlplane.access import policy
from telemetry import measures
from telemetry.models.rollups import DIMENSIONS
from telemetry.rules import vocabulary
from telemetry.rules.vocabulary import HOOKS

_PIECE = re.compile(r"(\d{1,7})\s*([a-z]*)")
_UNITS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
}


class SpanField(forms.CharField):
    """ "5 min", "1 h 30 min", "90": seconds where no unit stands."""

    def prepare_value(self, value: Any) -> Any:
        return vocabulary.span(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip().lower()[:60]
        if not text:
            return None
        pieces = _PIECE.findall(text)
        if (
            not pieces
            or _PIECE.sub("", text).strip(" ,")
            or any(u not in _UNITS for _, u in pieces)
        ):
            raise ValidationError("Write a time such as 5 min, 1 h 30 min or 7 d.")
        total = sum(int(number) * _UNITS[unit] for number, unit in pieces)
        if total > 2_000_000_000:
            raise ValidationError("That is too long.")
        return total

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class LinesField(forms.CharField):
    """A small table, a line each: `toolkit: slack, gmail`. `many`: the value is a list."""

    def __init__(self, *, many: bool, **given: Any) -> None:
        self.many = many
        given.setdefault("widget", forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}))
        given.setdefault("required", False)
        given.setdefault("max_length", 4_000)
        super().__init__(**given)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return "\n".join(f"{name}: {_written(one)}" for name, one in value.items())

    def to_python(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return value
        found: dict[str, Any] = {}
        for line in str(value or "").splitlines():
            if not line.strip():
                continue
            name, colon, text = line.partition(":")
            if not colon or not name.strip() or not text.strip():
                raise ValidationError(f"Write “name: value” in each line, not “{line[:40]}”.")
            parts = [part.strip() for part in text.split(",") if part.strip()]
            found[name.strip()] = parts if self.many else _read(text.strip())
        return found

    def validate(self, value: Any) -> None:
        """What the names and values mean the service checks."""

    def run_validators(self, value: Any) -> None:
        return

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or {}))
        except ValidationError:
            return True


class RolesField(forms.MultipleChoiceField):
    widget = forms.CheckboxSelectMultiple


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)


def _read(text: str) -> Any:
    """Numbers and true or false as such; anything else is text."""
    if text in {"true", "false"} or re.fullmatch(r"-?\d{1,9}", text):
        return json.loads(text)
    return text


def _measures() -> list[tuple[str, list[tuple[str, str]]]]:
    areas: dict[str, list[tuple[str, str]]] = {}
    for each in measures.MEASURES.values():
        unit = f", {each.unit}" if each.unit else ""
        areas.setdefault(each.area.replace("_", " ").capitalize() or "Other", []).append(
            (each.slug, f"{each.title}{unit}")
        )
    return sorted(areas.items())


def _roles() -> list[tuple[str, str]]:
    return sorted(((slug, policy.role_label(slug)) for slug in policy.PEOPLE), key=lambda p: p[1])


HELP = {
    "group_by": "A state, and an alert, for each value of it.",
    "filters": "Only these, a line each: agent: executor, planner. One of "
    + ", ".join(DIMENSIONS)
    + ".",
    "threshold": "For a fixed value.",
    "multiple": "Times what it is compared with; empty for a fixed value.",
    "floor": "A relative limit is never stricter than this.",
    "window_s": "What is looked at: 5 min, 1 h, 7 d.",
    "for_s": "Beyond the limit for so long before it fires.",
    "resolve_for_s": "Well for so long before it is resolved.",
    "min_sample": "Fewer than this are not judged.",
    "ack_within_s": "5 min, 1 h; empty for never.",
    "hooks": "What apps do when it fires, a line each: open_item: 1. One of "
    + ", ".join(HOOKS)
    + ".",
    "labels": "A line each: team: payments.",
    "runbook": "The slug of a runbook.",
}


def field_for(name: str) -> forms.Field | None:
    """The form field of a column that the stock one does not suit; None: the stock one does."""
    help_text = HELP.get(name, "")
    if name == "measure":
        return forms.ChoiceField(choices=[("", "Choose a measure"), *_measures()])
    if name == "group_by":
        groups = [("", "Nothing: one state"), *sorted(vocabulary.GROUPS.items())]
        return forms.ChoiceField(choices=groups, required=False, help_text=help_text)
    if name == "notify_roles":
        return RolesField(choices=_roles(), required=False)
    if name == "escalate_to":
        return forms.ChoiceField(choices=[("", "Nobody"), *_roles()], required=False)
    if name == "no_data":
        choices = list(vocabulary.SILENCE.items())
        return forms.ChoiceField(choices=choices, initial="ok", label="Without data")
    if name in {"filters", "hooks", "labels"}:
        return LinesField(many=name == "filters", help_text=help_text)
    if name.endswith("_s"):
        needed = name == "window_s"
        return SpanField(required=needed, help_text=help_text, initial=300 if needed else None)
    return None

"""Input forms that refuse whatever they do not know, and never write.

Stock DRF takes unknown and read-only fields silently, turns 5 into "5" and "yes" into true, and
stores texts and JSON of any size. Here the declared type is what must be sent.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec
from rest_framework import serializers
from rest_framework.fields import empty

MAX_TEXT = 10_000
MAX_JSON_BYTES = 64 * 1024
MAX_JSON_DEPTH = 16
MAX_ITEMS = 1_000
_BIGINT = 2**63
_LAYOUT = frozenset("\n\r\t")

# Most specific first: DRF's fields inherit from one another.
_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "true or false"),
    (serializers.IntegerField, (int,), "a whole number"),
    (serializers.FloatField, (int, float), "a number"),
    (serializers.DecimalField, (int, float, str), "a number or a text of digits"),
    (serializers.CharField, (str,), "a text"),
    (serializers.UUIDField, (str,), "a text"),
    (serializers.DateTimeField, (str,), "a text"),
    (serializers.DateField, (str,), "a text"),
    (serializers.TimeField, (str,), "a text"),
    (serializers.DurationField, (str,), "a text"),
    (serializers.ListField, (list,), "a list"),
    (serializers.ListSerializer, (list,), "a list"),
    (serializers.DictField, (dict,), "an object"),
    (serializers.BaseSerializer, (dict,), "an object"),
)


class StrictInput:
    """Mixed in before a DRF serializer class."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"non_field_errors": ["Must be an object."]})
        problems = self._strange(data) | self._hostile(data)
        if problems:
            raise serializers.ValidationError(problems)
        return super().to_internal_value(data)  # type: ignore[misc]

    def _strange(self, data: Mapping[str, Any]) -> dict[str, str]:
        fields = self.fields  # type: ignore[attr-defined]
        problems = {}
        for name in data:
            field = fields.get(name)
            if field is None or isinstance(field, serializers.HiddenField):
                problems[str(name)[:60]] = "Unknown field."
            elif field.read_only:
                problems[name] = "This field cannot be set."
        return problems

    def _hostile(self, data: Mapping[str, Any]) -> dict[str, str]:
        fields = self.fields  # type: ignore[attr-defined]
        found = (
            (name, fault(fields[name], value)) for name, value in data.items() if name in fields
        )
        return {name: sentence for name, sentence in found if sentence}

    def _no_writes(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("serializers read input; services write")

    create = update = save = _no_writes


class StrictSerializer(StrictInput, serializers.Serializer[Any]):
    """The form of an input or an answer."""


class StrictModelSerializer(StrictInput, serializers.ModelSerializer[Any]):
    """The same, with fields taken from a model. Names them one by one: `__all__` leaks."""


class NoInput(StrictSerializer):
    """An empty body."""


class OptionalReason(StrictSerializer):
    """Why, where it may go without saying."""

    reason = serializers.CharField(max_length=300, default="", allow_blank=True)


class RequiredReason(StrictSerializer):
    """Why."""

    reason = serializers.CharField(max_length=300)


class RefField(serializers.CharField):
    """A slug, uid or ref in a body: short, one line."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 120)
        super().__init__(**kwargs)


def fault(field: Any, value: Any) -> str | None:
    """What is wrong with the raw value for this field, before DRF is kind to it."""
    if value is None:
        return None
    for kind, types, wanted in _TYPES:
        if isinstance(field, kind):
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                return f"Must be {wanted}."
            break
    if isinstance(field, serializers.JSONField | serializers.DictField):
        return json_fault(value, field)
    if isinstance(value, str):
        return _text_fault(field, value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _BIGINT:
        return "The number is too large."
    if isinstance(value, list):
        return _list_fault(field, value)
    return None


def _list_fault(field: Any, value: list[Any]) -> str | None:
    if len(value) > (getattr(field, "max_length", None) or MAX_ITEMS):
        return "Too many items."
    child = getattr(field, "child", None)
    if child is None or isinstance(child, serializers.BaseSerializer):
        return None  # a nested serializer checks for itself
    for position, item in enumerate(value):
        sentence = (
            "Must not be null." if item is None and not child.allow_null else fault(child, item)
        )
        if sentence:
            return f"Item {position}: {sentence}"
    return None


def _text_fault(field: Any, value: str) -> str | None:
    longest = getattr(field, "max_length", None) or MAX_TEXT
    if len(value) > longest:
        return f"At most {longest} characters."
    return text_fault(value)


def text_fault(value: str) -> str | None:
    """Characters that no text of ours holds: controls, half surrogates, reversed writing."""
    if value.isprintable():
        return None
    for character in value:
        if character in _LAYOUT or character.isprintable():
            continue
        kind = unicodedata.category(character)
        if (
            kind in {"Cc", "Cs"}
            or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        ):
            return "Holds a control character."
    return None


def json_fault(value: Any, field: Any = None) -> str | None:
    """Free-form JSON is bounded in depth and size, and its texts are clean too."""
    depth_limit = getattr(field, "max_depth", MAX_JSON_DEPTH)
    bytes_limit = getattr(field, "max_bytes", MAX_JSON_BYTES)
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > depth_limit:
            return "Nested too deeply."
        if isinstance(item, str):
            if "\x00" in item or (sentence := text_fault(item)):
                return sentence if "\x00" not in item else "Holds a control character."
        elif isinstance(item, dict):
            waiting.extend((inner, depth + 1) for pair in item.items() for inner in pair)
        elif isinstance(item, list):
            waiting.extend((inner, depth + 1) for inner in item)
        elif isinstance(item, int) and abs(item) >= _BIGINT:
            return "The number is too large."
    if len(msgspec.json.encode(value)) > bytes_limit:
        return f"At most {bytes_limit} bytes."
    return None


def read(kind: type[serializers.BaseSerializer[Any]], data: Any, **kwargs: Any) -> dict[str, Any]:
    """Validated input, or `INVALID_ARGUMENT` naming each field."""
    if data is empty:
        data = {}
    form = kind(data=data, **kwargs)
    form.is_valid(raise_exception=True)
    values: dict[str, Any] = form.validated_data
    return values

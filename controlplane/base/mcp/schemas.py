"""The forms of the API as JSON Schema 2020-12, for the arguments and answers of tools."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.base.api.rows import Form

# Most specific first.
_KINDS: tuple[tuple[Any, dict[str, Any]], ...] = (
    (serializers.BooleanField, {"type": "boolean"}),
    (serializers.IntegerField, {"type": "integer"}),
    (serializers.FloatField, {"type": "number"}),
    (serializers.UUIDField, {"type": "string", "format": "uuid"}),
    (serializers.DateTimeField, {"type": "string", "format": "date-time"}),
    (serializers.DateField, {"type": "string", "format": "date"}),
    (serializers.ChoiceField, {"type": "string"}),
    (serializers.CharField, {"type": "string"}),
)
# How a refusal looks inside a tool's answer.
ERROR: dict[str, Any] = {
    "type": "object",
    "description": "why it was refused",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "details": {"type": "object"},
        "request_id": {"type": "string"},
        "retry_after_s": {"type": "integer"},
    },
    "required": ["code", "message", "details", "request_id"],
}


def taken(form: Form) -> dict[str, Any]:
    """Of what is sent."""
    return _object(form(), sent=True)


def answered(form: Form) -> dict[str, Any]:
    """Of what comes back: the answer, or why there is none. Clients hold refusals to it too."""
    schema = _object(form(), sent=False)
    names = schema.pop("required", [])
    schema["properties"]["error"] = ERROR
    schema["anyOf"] = [{"required": names}, {"required": ["error"]}]
    return schema


def _object(form: Any, *, sent: bool) -> dict[str, Any]:
    fields = {name: field for name, field in form.fields.items() if not (sent and field.read_only)}
    found: dict[str, Any] = {
        "type": "object",
        "properties": {name: _field(field, sent=sent) for name, field in fields.items()},
    }
    required = [name for name, field in fields.items() if field.required or not sent]
    if required:
        found["required"] = required
    return found


def _field(field: Any, *, sent: bool) -> dict[str, Any]:
    found = _kind(field, sent=sent)
    if field.help_text:
        found["description"] = str(field.help_text)
    if field.allow_null and "type" in found:
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    if sent and isinstance(field.default, str | int | bool) and field.default != "":
        found["default"] = field.default
    return found


def _kind(field: Any, *, sent: bool) -> dict[str, Any]:
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        return {"type": "array", "items": _field(field.child, sent=sent)}
    if isinstance(field, serializers.Serializer):
        return _object(field, sent=sent)
    if isinstance(field, serializers.DictField):
        child = _field(field.child, sent=sent)
        return {"type": "object", **({"additionalProperties": child} if child else {})}
    found = next((dict(kind) for known, kind in _KINDS if isinstance(field, known)), {})
    if isinstance(field, serializers.ChoiceField):
        found["enum"] = list(field.choices)
    if sent:
        found |= _limits(field)
    return found


def _limits(field: Any) -> dict[str, Any]:
    told = {
        "minimum": getattr(field, "min_value", None),
        "maximum": getattr(field, "max_value", None),
        "maxLength": getattr(field, "max_length", None),
    }
    if isinstance(field, serializers.CharField) and not field.allow_blank:
        told["minLength"] = 1
    return {name: value for name, value in told.items() if value is not None}

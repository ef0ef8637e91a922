"""The forms of OFREP's answers, as its OpenAPI document (0.3.0) gives them.

In one point stricter than the document: its form of a success also fits an answer without a
value, which clients read as "use the default of the code"; ours always have one.
"""

from __future__ import annotations

from typing import Any

Form = dict[str, Any]
_FLAT: Form = {"type": "object", "values": {"types": [bool, str, int, float]}}


def success_form() -> Form:
    return {
        "type": "object",
        "required": {"key", "value", "reason", "variant"},
        "fields": {
            "key": {"types": [str]},
            "value": {"types": [bool, str, int, float, dict, list]},
            "reason": {"enum": {"STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"}},
            "variant": {"types": [str]},
            "metadata": _FLAT,
        },
    }


def failure_form() -> Form:
    return {
        "type": "object",
        "required": {"key", "errorCode", "errorDetails"},
        "fields": {
            "key": {"types": [str]},
            "errorCode": {
                "enum": {"PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT", "GENERAL"}
            },
            "errorDetails": {"types": [str]},
            "metadata": _FLAT,
        },
    }


def not_found_form() -> Form:
    form = failure_form()
    return {**form, "fields": {**form["fields"], "errorCode": {"enum": {"FLAG_NOT_FOUND"}}}}


def bulk_form() -> Form:
    return {
        "type": "object",
        "required": {"flags"},
        "fields": {"flags": {"each": [success_form(), failure_form()]}, "metadata": _FLAT},
    }


def fits(form: Form, told: Any) -> bool:
    if "enum" in form:
        return told in form["enum"]
    if "types" in form:
        return type(told) in form["types"]
    if "each" in form:
        return isinstance(told, list) and all(
            sum(fits(choice, each) for choice in form["each"]) == 1 for each in told
        )
    if not isinstance(told, dict):
        return False
    if "values" in form:
        return all(fits(form["values"], value) for value in told.values())
    known = form["fields"]
    return form["required"] <= told.keys() <= known.keys() and all(
        fits(known[name], value) for name, value in told.items()
    )

"""Metadata: any JSON object, whole or key by key."""

from __future__ import annotations

from typing import Any

from controlplane.lib import strictjson
from controlplane.lib.errors import Invalid
from controlplane.work.beads.asking import Given, refuse
from controlplane.work.models import Item


def json_object(value: Any) -> dict[str, Any]:
    """An object, or its text."""
    if isinstance(value, str):
        try:
            value = strictjson.loads(value)
        except Invalid:
            raise refuse("metadata", "metadata must be valid JSON") from None
    if not isinstance(value, dict):
        raise refuse("metadata", "metadata must be a JSON object")
    return value


def changed_metadata(item: Item, given: Given) -> dict[str, Any]:
    kept = dict(item.metadata)
    for name in given.words("unset_metadata"):
        kept.pop(name, None)
    for pair in given.words("set_metadata"):
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise refuse("set_metadata", f"invalid --set-metadata {pair!r}: expected key=value")
        kept[name] = _value(value)
    return kept


def _value(text: str) -> Any:
    """Numbers, true and false as such, everything else as the text it is."""
    try:
        value = strictjson.loads(text)
    except Invalid:
        return text
    return value if isinstance(value, bool | int | float) else text

"""What changed between two packets, as a list that a page, a message and a client can show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MOST = 200  # changes told one by one
LONGEST = 500  # characters of a value
_MISSING = object()


def diff(before: Any, after: Any) -> list[dict[str, Any]]:
    """`[{"path", "kind": "added"|"removed"|"changed", "before", "after"}]`, in the order of the
    paths. Where there are more than `MOST`, the last entry says how many were left out."""
    told: list[dict[str, Any]] = []
    more = 0
    for change in _walk(before, after, ""):
        if len(told) < MOST:
            told.append(change)
        else:
            more += 1
    if more:
        told.append({"path": "", "kind": "more", "before": None, "after": f"{more:,} more changes"})
    return told


def _walk(before: Any, after: Any, path: str) -> Iterator[dict[str, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            inner = f"{path}.{key}" if path else key
            yield from _walk(before.get(key, _MISSING), after.get(key, _MISSING), inner)
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            yield from _walk(_at(before, place), _at(after, place), f"{path}[{place}]")
    elif before is _MISSING:
        yield {"path": path, "kind": "added", "before": None, "after": _shown(after)}
    elif after is _MISSING:
        yield {"path": path, "kind": "removed", "before": _shown(before), "after": None}
    elif type(before) is not type(after) or before != after:
        yield {
            "path": path,
            "kind": "changed",
            "before": _shown(before),
            "after": _shown(after),
        }


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else _MISSING


def _shown(value: Any) -> Any:
    """A value as it is; a long or nested one as text, cut where nobody would read on."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"

"""What differs between two documents, place by place: for a conflict, a packet, a history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MISSING = object()


def differences(before: Any, after: Any) -> list[dict[str, Any]]:
    """`[{"path": "rules.0.percent", "before": 10, "after": 50}]`, in the order of the document.
    What is not there on one side is None there."""
    return list(_walk(before, after, ""))


def _walk(before: Any, after: Any, path: str) -> Iterator[dict[str, Any]]:
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from _walk(before.get(key, _MISSING), after.get(key, _MISSING), _at(path, key))
    elif isinstance(before, list) and isinstance(after, list) and _of_objects(before, after):
        for n in range(max(len(before), len(after))):
            here = before[n] if n < len(before) else _MISSING
            there = after[n] if n < len(after) else _MISSING
            yield from _walk(here, there, _at(path, str(n)))
    else:
        yield {"path": path, "before": _shown(before), "after": _shown(after)}


def _same(before: Any, after: Any) -> bool:
    """Equal, and of one type: to Python False is 0, to a reader it is not."""
    return bool(before == after) and isinstance(before, bool) == isinstance(after, bool)


def _of_objects(*lists: list[Any]) -> bool:
    return any(isinstance(each, dict) for rows in lists for each in rows)


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _shown(value: Any) -> Any:
    return None if value is _MISSING else value

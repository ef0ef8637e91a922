"""Nested values: a copy with the same shape, names and patterns applied, nothing raised."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from controlplane.lib.redaction import keys, scan
from controlplane.lib.redaction.pseudonyms import pseudonym

MAX_DEPTH = 64
MAX_NODES = 200_000
LONGEST_ID = 512
_PLAIN = (
    datetime.date,  # and datetime
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    uuid.UUID,
)


class _Walk:
    """Copies one value and notes each text's place, so that all are scanned together."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.places: list[tuple[Any, Any, int]] = []  # container, key, index into texts
        self.kept: list[tuple[Any, Any, int]] = []  # the same, under names of ids
        self.renamed: list[tuple[dict[Any, Any], Any, int]] = []
        self.counts: Counter[str] = Counter()
        self.nodes = 0

    def value(self, item: Any, container: Any, place: Any, kind: str, depth: int) -> None:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            container[place] = self._marked("too_deep")
        elif isinstance(item, Mapping):
            self._mapping(item, container, place, kind, depth)
        elif isinstance(item, (list, tuple, set, frozenset)):
            self._sequence(item, container, place, kind, depth)
        else:
            self._scalar(item, container, place, kind)

    def _mapping(self, item: Any, container: Any, place: Any, kind: str, depth: int) -> None:
        if _whole(kind) and item:
            container[place] = self._marked(kind)
            return
        copy: dict[Any, Any] = {}
        container[place] = copy
        for key, value in item.items():
            name = key if isinstance(key, str) else str(_readable(key))
            copy[name] = None
            if len(name) > 5:
                self.renamed.append((copy, name, len(self.texts)))
                self.texts.append(name)
            self.value(value, copy, name, keys.classify(name), depth + 1)

    def _sequence(self, item: Any, container: Any, place: Any, kind: str, depth: int) -> None:
        members = list(item)
        if _whole(kind) and members:
            container[place] = self._marked(kind)
            return
        copy: list[Any] = [None] * len(members)
        container[place] = copy
        inner = keys.USER if kind == keys.USER else ""
        for index, member in enumerate(members):
            self.value(member, copy, index, inner, depth + 1)

    def _scalar(self, item: Any, container: Any, place: Any, kind: str) -> None:
        item = _readable(item)
        if item is None or isinstance(item, bool) or item == "":
            container[place] = item
        elif kind == keys.USER:
            container[place] = self._user(item)
        elif kind == keys.KEEP and isinstance(item, str):
            container[place] = item
            # What is longer than any id is a text, wherever it stands.
            places = self.kept if len(item) <= LONGEST_ID else self.places
            places.append((container, place, len(self.texts)))
            self.texts.append(item)
        elif kind == keys.KEEP or self._keeps(item, kind):
            container[place] = item
        elif kind:
            container[place] = self._marked(kind) if item != scan.MARK else item
        elif isinstance(item, str):
            container[place] = item
            self.places.append((container, place, len(self.texts)))
            self.texts.append(item)
        else:
            container[place] = item

    def _user(self, item: Any) -> Any:
        name = pseudonym(item)
        if name != item:
            self.counts["user"] += 1
        return name

    def _keeps(self, item: Any, kind: str) -> bool:
        """A number under a plural name counts things: `emails: 12`."""
        return isinstance(item, (int, float)) and kind in {keys.EMAIL, keys.ADDRESS, keys.PERSON}

    def _marked(self, kind: str) -> str:
        self.counts["secret" if kind == keys.COOKIE else kind] += 1
        return scan.MARK

    def finish(self, results: list[tuple[str, Counter[str]] | None]) -> None:
        for container, place, index in self.places:
            result = results[index]
            if result is not None:
                container[place], counts = result
                self.counts += counts
        for container, place, index in self.kept:
            if results[index] is not None and (kind := scan.hidden_in(container[place])):
                container[place] = scan.MARK
                self.counts[kind] += 1
        for mapping, name, index in self.renamed:
            result = results[index]
            if result is not None:
                self.counts += result[1]
                _rename(mapping, name, result[0])


def _whole(kind: str) -> bool:
    return kind not in {"", keys.KEEP, keys.USER}


def _rename(mapping: dict[Any, Any], old: str, new: str) -> None:
    """Give one entry another name in its place; equal names get a number, none is lost."""
    entries = list(mapping.items())
    taken = {key for key, _ in entries if key != old}
    unique, number = new, 2
    while unique in taken:
        unique, number = f"{new}#{number}", number + 1
    mapping.clear()
    mapping.update((unique if key == old else key, value) for key, value in entries)


def _readable(item: Any) -> Any:
    """A scalar as JSON would hold it. Values of other types are read as their text."""
    if item is None or isinstance(item, (str, bool, int, float)):
        return item
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item).decode("utf-8", "replace")
    if isinstance(item, _PLAIN):
        return item
    try:
        return str(item)
    except Exception:  # noqa: BLE001
        return f"<{type(item).__name__}>"


def redact_batch(values: list[Any]) -> list[tuple[Any, dict[str, int]]]:
    """Redact many values with one scan over all their texts."""
    texts: list[str] = []
    walks: list[tuple[_Walk, list[Any]]] = []
    for value in values:
        walk, holder = _Walk(texts), [None]
        walk.value(value, holder, 0, "", 0)
        walks.append((walk, holder))
    results = scan.redact_many(texts)
    for walk, _ in walks:
        walk.finish(results)
    return [(holder[0], dict(walk.counts)) for walk, holder in walks]

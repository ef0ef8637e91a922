"""Refusals, gathered: whoever sends a document learns of all its faults at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.lib.errors import Invalid

MAX_TEXT = 1_000
MAX_VALUES = 1_000
MAX_BYTES = 200_000


class Problems:
    """Sentences by place. Reading a part never raises; `done` does."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, place: str, sentence: str) -> None:
        texts = self.found.setdefault(place, [])
        if sentence not in texts and len(self.found) <= 50:
            texts.append(sentence)

    def done(self) -> None:
        if self.found:
            place, texts = next(iter(self.found.items()))
            raise Invalid(f"{place}: {texts[0]}", details=self.found)

    # --- Parts ------------------------------------------------------------------------------

    def keys(self, given: Any, place: str, known: Sequence[str]) -> Mapping[str, Any]:
        """An object with no keys but these; what is none is as if it were empty."""
        if not isinstance(given, Mapping):
            self.add(place or "settings", "Must be an object.")
            return {}
        for key in given:
            if key not in known:
                self.add(at(place, str(key)[:60]), "There is no such field.")
        return given

    def items(self, given: Any, place: str, most: int) -> list[Any]:
        if not isinstance(given, list | tuple):
            self.add(place, "Must be a list.")
            return []
        if len(given) > most:
            self.add(place, f"At most {most:,}.")
        return list(given[:most])

    def text(self, given: Any, place: str, *, most: int = MAX_TEXT, empty: bool = True) -> str:
        if not isinstance(given, str):
            self.add(place, "Must be a text.")
            return ""
        if not is_clean(given):
            self.add(place, "It contains characters that cannot be kept.")
            return ""
        if len(given) > most:
            self.add(place, f"At most {most:,} characters.")
        if not given and not empty:
            self.add(place, "Must not be empty.")
        return str(given)

    def name(self, given: Any, place: str, *, empty: bool = True) -> str:
        """Of a field or a group, as the SDKs' engine can read it."""
        found = self.text(given, place, most=200, empty=empty)
        if '"' in found or found.endswith("\\"):
            self.add(place, "No quotation marks, and no backslash at its end: SDKs trip over them.")
        return found

    def values(self, given: Any, place: str, *, empty: bool = True) -> list[str]:
        """What a context is compared with, as the SDKs' engine can read it."""
        found = self.texts(given, place, empty=empty)
        for n, each in enumerate(found):
            if each.endswith("\\"):
                self.add(f"{place}.{n}", "No backslash at its end: SDKs trip over it.")
        return found

    def flag(self, given: Any, place: str) -> bool:
        if not isinstance(given, bool):
            self.add(place, "Must be true or false.")
            return False
        return given

    def whole(self, given: Any, place: str, *, least: int, most: int) -> int:
        # True is an int to Python, and nobody's percentage.
        if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
            self.add(place, f"Must be a whole number from {least:,} to {most:,}.")
            return least
        return given

    def texts(
        self, given: Any, place: str, *, most: int = MAX_VALUES, empty: bool = True
    ) -> list[str]:
        """A list of texts; a repeated one counts once."""
        rows = self.items(given, place, most)
        found = [self.text(each, f"{place}.{n}", empty=empty) for n, each in enumerate(rows)]
        return list(dict.fromkeys(found))


def at(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def is_clean(text: str) -> bool:
    """What a jsonb column takes: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def refuse_large(given: Any, place: str, problems: Problems) -> None:
    try:
        size = len(json.dumps(given, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        problems.add(place, "Must be JSON: objects, lists, texts, finite numbers, true, false.")
        return
    if size > MAX_BYTES:
        problems.add(place, f"At most {MAX_BYTES:,} bytes.")

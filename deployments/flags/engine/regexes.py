"""Patterns that anyone may write, in linear time: RE2, with little memory and a longest text."""

from __future__ import annotations

from collections.abc import Callable

import re2

LONGEST_PATTERN = 1_000
LONGEST_TEXT = 4_000  # bytes; what is longer matches nothing, and not-matching neither
_MEMORY = 1 << 21


def matcher(pattern: str, *, any_case: bool) -> Callable[[str], bool | None] | None:
    """Says whether the pattern occurs in a text, None for a text too long to say. None for a
    pattern that RE2 doesn't take: it has no look-around, no references, nothing that explodes."""
    if len(pattern) > LONGEST_PATTERN:
        return None
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = not any_case
    try:
        search = re2.compile(pattern, options).search
    except (re2.error, UnicodeError):
        return None

    def matches(text: str) -> bool | None:
        try:
            told = text.encode()
        except UnicodeEncodeError:
            return None
        return None if len(told) > LONGEST_TEXT else search(told) is not None

    return matches

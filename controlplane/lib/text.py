"""Text cut to a length, so that one sees it was cut; text put where it must not act."""

from __future__ import annotations

import re

ELLIPSIS = "…"
_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-!|<>])")


def short(text: str, most: int = 80) -> str:
    """At most this many characters. What is cut ends with "…", after a word where one ends near."""
    if len(text) <= most:
        return text
    cut = text[: max(most - 1, 0)]
    # A word's end, unless looking for it would cost a good part of the text.
    space = cut.rfind(" ")
    if not text[len(cut) : len(cut) + 1].isspace() and space > most * 2 // 3:
        cut = cut[:space]
    return cut.rstrip(" ,;:.") + ELLIPSIS


def counted(number: float, one: str) -> str:
    """ "1 open blocker", "2 open blockers", "1,200 requests"."""
    whole = f"{number:,.0f}"
    return f"{whole} {one}" if whole == "1" else f"{whole} {one}s"


def in_markdown(text: str) -> str:
    """What people typed, as words: no heading, link or column of the page it stands on."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))

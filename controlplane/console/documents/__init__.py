"""Documents that can't drift: their tables are made of the code's own, and a check compares.

A page in `docs/` is written by hand; what the code knows better stands between two marks:

    <!-- made: jobs -->
    ...
    <!-- end -->

`manage.py docs` fills every pair of marks anew, and renews the frozen OpenAPI document with them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from django.conf import settings

Produce = Callable[[], str]
BLOCKS: dict[str, Produce] = {}
_MARKED = re.compile(r"<!-- made: ([a-z-]+) -->\n.*?<!-- end -->", re.DOTALL)


def block(name: str) -> Callable[[Produce], Produce]:
    """Register what stands between the marks of this name."""

    def register(function: Produce) -> Produce:
        if name in BLOCKS:
            raise ValueError(f"the part {name} of the documents is made twice")
        BLOCKS[name] = function
        return function

    return register


def pages() -> list[Path]:
    root = Path(settings.BASE_DIR)
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def filled(text: str) -> str:
    """The page with each marked part made anew. A name nobody makes is an error."""

    def made(found: re.Match[str]) -> str:
        name = found[1]
        if name not in BLOCKS:
            raise ValueError(f"nothing makes the part {name}")
        return f"<!-- made: {name} -->\n{BLOCKS[name]().strip()}\n<!-- end -->"

    return _MARKED.sub(made, text)


def stale() -> Iterator[tuple[Path, str]]:
    """Pages that differ from the code, and what they should say."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        now = filled(text)
        if now != text:
            yield page, now


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table. A bar inside a cell would begin another cell."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")

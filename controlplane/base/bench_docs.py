"""Figures that pages of docs/ tell: written there by whoever measured them, and by nobody else.

    <!-- measured: acts -->
    ...
    <!-- end -->

Unlike what is made of the code they aren't compared by a check: each machine has its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from controlplane.base import bench

_MARKED = re.compile(r"<!-- measured: ([a-z0-9-]+) -->\n.*?<!-- end -->", re.DOTALL)


def write(root: Path, about: Mapping[str, Any], blocks: Mapping[str, str]) -> Iterator[Path]:
    """Into each page that has a place for it; the pages that changed."""
    for page in sorted((root / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        now = filled(text, about, blocks)
        if now != text:
            page.write_text(now, encoding="utf-8")
            yield page.relative_to(root)


def filled(text: str, about: Mapping[str, Any], blocks: Mapping[str, str]) -> str:
    def told(found: re.Match[str]) -> str:
        name = found[1]
        if name not in blocks:
            return found[0]
        said = blocks[name].strip()
        # A sentence, or a table below one.
        whole = f"{where(about)}\n\n{said}" if "\n" in said else f"{said} {where(about)}"
        return f"<!-- measured: {name} -->\n{whole}\n<!-- end -->"

    return _MARKED.sub(told, text)


def places(text: str) -> list[str]:
    return _MARKED.findall(text)


def where(about: Mapping[str, Any]) -> str:
    """On what, and when."""
    day = str(about.get("at", "")).partition("T")[0]
    machine = f"Measured {day} on {about.get('cores')} cores of {about.get('processor')}."
    return " ".join(filter(None, (machine, bench.busy_note(about))))

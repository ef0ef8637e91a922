"""Text with numbered lines, bounded in number and length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from controlplane.console.kit.values import encodable, highlight

MOST_LINES = 3_000
LONGEST_LINE = 4_000
MOST_CHARACTERS = 512 * 1024


@dataclass(frozen=True, slots=True)
class Code:
    html: SafeString
    count: int
    notice: str


def code(text: Any, *, language: str = "", anchor: str = "code") -> Code:
    """Each line an anchor, `#code-12`. Numbers are drawn by CSS: copying leaves them behind."""
    source = encodable(str(text if text is not None else "")).replace("\r\n", "\n")
    lines = source[:MOST_CHARACTERS].split("\n")
    if len(lines) > 1 and lines[-1] == "":
        lines.pop()
    cut = len(lines) > MOST_LINES or len(source) > MOST_CHARACTERS
    shown = lines[:MOST_LINES]
    prefix = "".join(letter for letter in anchor if letter.isalnum() or letter in "-_") or "code"
    html = "".join(_line(line, n, language, prefix) for n, line in enumerate(shown, start=1))
    notice = f"Only the first {len(shown):,} lines are shown." if cut else ""
    return Code(mark_safe(html), len(shown), notice)  # noqa: S308


def _line(line: str, number: int, language: str, prefix: str) -> str:
    more = len(line) - LONGEST_LINE
    line = line[:LONGEST_LINE]
    shown = highlight(line) if language == "json" else escape(line)
    rest = f'<span class="kit-code-more"> … {more:,} more</span>' if more > 0 else ""
    # Not in the order of the tab key: three thousand stops would bury the rest of the page.
    return (
        f'<span class="kit-code-line" id="{prefix}-{number}"><a class="kit-no" tabindex="-1"'
        f' href="#{prefix}-{number}" data-n="{number}" aria-label="Line {number}"></a>'
        f"<span>{shown or ' '}{rest}</span>\n</span>"
    )

"""The entries of the sidebar as markup: some eighty of them stand on every page, and change only
in their counts and in which one the page belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString, mark_safe

from controlplane.console.kit import drawn, icons

if TYPE_CHECKING:
    from controlplane.console.shell import Entry


def groups(found: Iterable[tuple[str, Sequence[Entry]]]) -> SafeString:
    parts = []
    for group, entries in found:
        inside = "".join(map(_entry, entries))
        parts.append(f"<li><h2>{escape(group)}</h2><ul>{inside}</ul></li>\n")
    return mark_safe("".join(parts))  # noqa: S308


def _entry(one: Entry) -> str:
    count = ""
    if one.count is not None and one.count.value:
        count = (
            f'<span class="count count-{drawn.text(one.count.tone)}"><span class="unseen">,</span>'
            f" {drawn.text(one.count.value)}</span>"
        )
    before, after = _around(one.url, one.current, one.item.key, one.item.icon, one.item.label)
    return f"{before}{count}{after}"


@lru_cache(maxsize=512)
def _around(url: str, current: bool, key: str, icon: str, label: str) -> tuple[str, str]:
    """What stands before and after its count."""
    here = ' aria-current="page"' if current else ""
    hint = f'<kbd class="hint" aria-hidden="true">g {escape(key)}</kbd>' if key else ""
    before = (
        f'<li><a href="{escape(url)}"{here}{drawn.attribute("data-go", key)}>'
        f"{icons.svg(icon)}<span>{escape(label)}</span>"
    )
    return before, f"{hint}</a></li>"

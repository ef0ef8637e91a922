"""The entries of the sidebar as markup: some eighty of them stand on every page, and change only
in their counts and in which one the page belongs to."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString, mark_safe

from controlplane.base.registries import NavCount, Tone
from controlplane.console.kit import drawn, icons

if TYPE_CHECKING:
    from controlplane.console.shell import Entry


TONES: tuple[Tone, ...] = ("bad", "warn", "info")


def groups(found: Iterable[tuple[str, Sequence[Entry]]], opened: Container[str]) -> SafeString:
    parts = []
    for group, entries in found:
        inside = "".join(map(_entry, entries))
        mark = " open" if group in opened else ""
        name = escape(group)
        parts.append(
            f'<li><details data-group="{name.lower()}"{mark}>'
            f"<summary><h2>{name}</h2>{_worst(entries)}</summary><ul>{inside}</ul></details></li>\n"
        )
    return mark_safe("".join(parts))  # noqa: S308


def _worst(entries: Sequence[Entry]) -> str:
    """What a closed group does not hide: how much of the worst kind waits in it."""
    counts = [one.count for one in entries if one.count is not None and one.count.value]
    for tone in TONES:
        if total := sum(count.value for count in counts if count.tone == tone):
            return _mark(NavCount(total, tone))
    return ""


def _entry(one: Entry) -> str:
    count = _mark(one.count) if one.count is not None and one.count.value else ""
    before, after = _around(one.url, one.current, one.item.key, one.item.icon, one.item.label)
    return f"{before}{count}{after}"


def _mark(count: NavCount) -> str:
    return (
        f'<span class="count count-{drawn.text(count.tone)}"><span class="unseen">,</span>'
        f" {drawn.text(count.value)}</span>"
    )


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

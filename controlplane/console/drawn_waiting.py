"""What waits, on the home page, as markup: half a hundred rows there, and each a few marks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from django.utils.safestring import SafeString, mark_safe

from controlplane.base.registries import Waiting
from controlplane.console.kit import drawn

TITLE, TEXT = 160, 200


def rows(found: Iterable[tuple[str, Waiting]], zone: tzinfo) -> SafeString:
    """Each with what it is about, where the title of its card does not say it."""
    return mark_safe("".join([_row(about, row, zone) for about, row in found]))  # noqa: S308


def _row(about: str, row: Waiting, zone: tzinfo) -> str:
    state = drawn.chip(row.state, row.tone) if row.state else ""
    title = drawn.text(drawn.cut(row.title, TITLE))
    return (
        f'<li>\n<a href="{drawn.text(row.url)}" data-row>\n{state}\n'
        f'<span class="waits-what"><strong>{title}</strong>{_said(about, row)}</span>\n'
        f'<span class="waits-when">{_time(row, zone)}</span>\n</a>\n</li>\n'
    )


def _said(about: str, row: Waiting) -> str:
    parts = (about, drawn.cut(row.text, TEXT) if row.text else "")
    said = " · ".join(drawn.text(part) for part in parts if part)
    return f'<span class="quiet">{said}</span>' if said else ""


def _time(row: Waiting, zone: tzinfo) -> str:
    if row.due:
        return drawn.countdown(row.due, zone)
    return drawn.when(row.since, zone) if row.since else ""

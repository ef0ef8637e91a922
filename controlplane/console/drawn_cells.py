"""Cells and rows of lists as markup.

A list is four hundred cells: asking a template about each which kind it is took most of the page's
time. One function for each kind, looked up by its name; what they hold is escaped by `drawn.text`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo
from html import escape

from django.template.defaultfilters import capfirst, striptags
from django.utils.safestring import SafeString, mark_safe

from controlplane.console.cells import Cell, Row
from controlplane.console.kit import drawn, icons, links

# Longer values are for the row's page.
TEXT, SHORT, OTHER, NAMED = 160, 80, 120, 60


def cell(one: Cell, zone: tzinfo, *, inside: bool = False) -> str:
    """`inside` of a link nothing else may be one."""
    if one.kind == "text":
        said = drawn.cut(one.value, TEXT)
        return drawn.text(said) if inside else links.linked(said)
    draw = _KINDS.get(one.kind)
    return draw(one, zone) if draw is not None else drawn.text(drawn.cut(one.value, OTHER))


def _none(one: Cell, zone: tzinfo) -> str:
    return '<span class="none" aria-label="none">–</span>'


def _bool(one: Cell, zone: tzinfo) -> str:
    if one.value:
        return f'<span class="yes">{icons.svg("check")}yes</span>'
    return '<span class="quiet">no</span>'


def _code(one: Cell, zone: tzinfo) -> str:
    return f'<code class="small">{drawn.text(drawn.cut(one.value, SHORT))}</code>'


def _link(one: Cell, zone: tzinfo) -> str:
    shown = drawn.text(drawn.cut(one.value, SHORT))
    return f'<a href="{drawn.text(one.url)}">{shown}</a>' if one.url else shown


_KINDS: dict[str, Callable[[Cell, tzinfo], str]] = {
    "none": _none,
    "state": lambda one, zone: drawn.state(one.value, one.tone),
    "when": lambda one, zone: drawn.when(one.value, zone),
    "countdown": lambda one, zone: drawn.countdown(one.value, zone, verb=one.verb),
    "number": lambda one, zone: drawn.number(one.value),
    "bool": _bool,
    "person": lambda one, zone: drawn.person(one.value),
    "severity": lambda one, zone: drawn.severity(one.value),
    "lasting": lambda one, zone: drawn.lasting(one.value.since, zone),
    "duration": lambda one, zone: drawn.duration(one.value),
    "code": _code,
    "ref": lambda one, zone: drawn.ref(one.value),
    "day": lambda one, zone: f'<span class="kit-when">{one.value:%Y-%m-%d}</span>',
    "link": _link,
    "json": _code,
    "html": lambda one, zone: drawn.text(one.value),
}


def rows(found: Iterable[Row], zone: tzinfo, *, selects: bool) -> SafeString:
    """The body of a list's table; with `selects` each row has its box for doing things to many."""
    opened: dict[str, str] = {}
    parts = []
    for row in found:
        pick = _pick(row) if selects else ""
        rest = "".join(f"{_opened(one, opened)}{cell(one, zone)}</td>" for one in row.rest)
        first, url = cell(row.first, zone, inside=True), drawn.text(row.url)
        parts.append(
            f'<tr role="row">{pick}<th scope="row" role="rowheader">'
            f'<a href="{url}" data-row>{first}</a></th>{rest}</tr>\n'
        )
    return mark_safe("".join(parts))  # noqa: S308


def _pick(row: Row) -> str:
    name = drawn.text(drawn.cut(striptags(row.first.value), NAMED))
    return (
        f'<td role="cell" class="pick"><input type="checkbox" name="_selected_action"'
        f' value="{drawn.text(row.key)}" aria-label="Select {name}" data-select></td>'
    )


def _opened(one: Cell, known: dict[str, str]) -> str:
    """The beginning of its `td`, which is the same for most cells of a column."""
    number = one.kind == "number"
    key = f"{one.name} {one.label} {one.low} {number}"
    if key not in known:
        classes = " ".join(name for name, on in (("low", one.low), ("num", number)) if on)
        label = escape(capfirst(one.label))
        known[key] = f'<td role="cell" data-label="{label}"{drawn.attribute("class", classes)}>'
    return known[key]

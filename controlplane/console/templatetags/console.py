"""`{% load console %}`: lists, filters and rows of the admin, as the console draws them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.utils import flatten_fieldsets
from django.template import Context
from django.utils.html import format_html, format_html_join, linebreaks, urlize
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from controlplane.base.admin.buttons import ShownButton, buttons_of
from controlplane.base.admin.words import label_of
from controlplane.base.registries import Waiting
from controlplane.base.web import actor_of
from controlplane.console import cells, drawn_cells, drawn_nav, drawn_waiting, slots
from controlplane.console.kit import links, people
from controlplane.console.templatetags.kit import zone_of
from controlplane.lib import refs

register = template.Library()


@register.simple_tag
def list_rows(cl: Any) -> list[cells.Row]:
    return list(cells.rows(cl))


@register.simple_tag(takes_context=True)
def list_body(context: Context, rows: list[cells.Row], selects: Any) -> SafeString:
    return drawn_cells.rows(rows, zone_of(context), selects=bool(selects))


@register.simple_tag
def nav_entries(groups: Any, opened: Any) -> SafeString:
    return drawn_nav.groups(groups, opened)


@register.simple_tag(takes_context=True)
def waiting_rows(context: Context, rows: list[tuple[str, Waiting]]) -> SafeString:
    return drawn_waiting.rows(rows, zone_of(context))


@register.simple_tag(takes_context=True)
def cell(context: Context, one: cells.Cell) -> SafeString:
    return mark_safe(drawn_cells.cell(one, zone_of(context)))  # noqa: S308 - it escapes


@register.simple_tag
def list_headers(cl: Any, rows: list[cells.Row]) -> list[cells.Header]:
    names = [name for name in cl.list_display if name != "action_checkbox"]
    found = [header for header in result_headers(cl) if "action-checkbox" not in str(header)]
    numbers = _numbers(rows)
    shown = []
    for name, header in zip(names, found, strict=False):
        direction = ""
        if header.get("sort_priority"):
            direction = "ascending" if header["ascending"] else "descending"
        url = header.get("url_toggle") if direction else header.get("url_primary")
        shown.append(
            cells.Header(
                label_of(cl.model_admin, name, header["text"]),
                name,
                name in numbers,
                str(url or ""),
                direction,
            )
        )
    return shown


def _numbers(rows: list[cells.Row]) -> set[str]:
    """Columns of numbers have their heading above the digits."""
    return {cell.name for row in rows for cell in row.rest if cell.kind == "number"}


@register.simple_tag
def list_filters(cl: Any) -> list[dict[str, Any]]:
    """Each filter as a menu, with what is chosen in it."""
    found = []
    for spec in cl.filter_specs:
        choices = list(spec.choices(cl))
        chosen = [choice for choice in choices if choice["selected"]]
        active = bool(choices) and bool(chosen) and chosen[0] is not choices[0]
        found.append(
            {
                "title": _title(spec, cl.model_admin),
                "choices": choices,
                "active": active,
                "chosen": str(chosen[0]["display"]) if active else "",
                "without": _without(choices[0]["query_string"]) if active else "",
            }
        )
    return found


def _title(spec: Any, model_admin: Any) -> str:
    """A filter on a column is called like the column; a question has its own words."""
    column = getattr(spec, "field_path", "")
    return label_of(model_admin, column, spec.title) if column else capfirst(str(spec.title))


@register.simple_tag
def unsearched(cl: Any) -> str:
    """This list without its words, its filters kept."""
    return _without(cl.get_query_string(remove=["q"]))


def _without(query: str) -> str:
    """A list with nothing asked would open with its default; say that everything is meant."""
    return query if query not in {"", "?"} else "?view=all"


@register.simple_tag
def bulk_buttons(cl: Any, context_request: Any) -> list[Any]:
    permitted = cl.model_admin.get_actions(context_request)
    return [
        entry for entry in buttons_of(type(cl.model_admin), "selection") if entry.name in permitted
    ]


@register.simple_tag(takes_context=True)
def row_shown(context: Context) -> cells.Shown:
    """A row's page: what its head says, what stands beside it, what in the middle."""
    portal, obj, request = context["portal"], context["original"], context["request"]
    known: cells.Shown | None = getattr(request, "row_shown", None)
    if known is None:  # head and page are drawn of the same facts
        names = portal.facts or flatten_fieldsets(portal.get_fieldsets(request, obj))
        known = request.row_shown = cells.shown(portal, obj, names, actor_of(request))
    return known


@register.simple_tag
def refused_buttons(buttons: list[ShownButton]) -> list[tuple[str, list[ShownButton]]]:
    """What may not be done now, by the reason: one sentence says it for all it refuses."""
    found: dict[str, list[ShownButton]] = {}
    for button in buttons:
        if button.refusal:
            found.setdefault(button.refusal, []).append(button)
    return list(found.items())


@register.simple_tag(takes_context=True)
def row_slots(context: Context) -> slots.Slots:
    """What other packages put on this row's page; see `base.row_slots`."""
    return slots.of(context["original"], actor_of(context["request"]))


@register.simple_tag(takes_context=True)
def row_events(context: Context, filled: slots.Slots) -> list[Any]:
    """What happened to the row and what was said about it, by time, newest first. The names of
    all of them are asked for at once, before what else the page shows of the same people."""
    told = slots.merged(context["events"], filled.comments)
    people.look_up(_whose(one) for one in told)
    return told


def _whose(one: Any) -> Any:
    return one.get("who") if isinstance(one, Mapping) else getattr(one, "who", one)


@register.filter
def as_told(text: Any) -> SafeString:
    """The words of news: paragraphs, addresses as links, lines that begin with "- " as a list."""
    parts = []
    for items, lines in groupby(str(text).splitlines(), lambda line: line.startswith("- ")):
        if items:
            points = ((_linked(line[2:]),) for line in lines)
            parts.append(format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", points)))
        else:
            told = linebreaks(_linked("\n".join(lines).strip()))
            parts.append(mark_safe(told))  # noqa: S308
    return format_html_join("", "{}", ((part,) for part in parts))


def _linked(text: str) -> SafeString:
    return mark_safe(urlize(text, nofollow=True, autoescape=True))  # noqa: S308


@register.filter
def is_ref(text: Any) -> bool:
    return refs.parse(str(text)) is not None


@register.filter
def safe_url(address: Any) -> str:
    """Nothing where the address is of a scheme that runs what it says."""
    return links.safe_url(address)

"""`{% load console %}`: lists, filters and rows of the admin, as the console draws them."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.utils import flatten_fieldsets
from django.template import Context

from controlplane.base.admin.buttons import buttons_of
from controlplane.base.web import actor_of
from controlplane.console import cells
from controlplane.console.kit import links
from controlplane.lib import refs

register = template.Library()


@register.simple_tag
def list_rows(cl: Any) -> list[cells.Row]:
    return list(cells.rows(cl))


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
                cells.short_label(name, str(header["text"])),
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
                "title": str(spec.title),
                "choices": choices,
                "active": active,
                "chosen": str(chosen[0]["display"]) if active else "",
                "without": _without(choices[0]["query_string"]) if active else "",
            }
        )
    return found


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
def row_facts(context: Context) -> dict[str, Any]:
    """The fields of a row's page: short ones beside it, long ones in the middle."""
    portal, obj, request = context["portal"], context["original"], context["request"]
    names = portal.facts or flatten_fieldsets(portal.get_fieldsets(request, obj))
    kept = [name for name in names if name not in HIDDEN]
    found = cells.facts(portal, obj, kept, actor_of(request))
    long = [cell for cell in found if cell.kind in {"json", "long"}]
    short = [cell for cell in found if cell.kind not in {"json", "long", "none"}]
    state = next((cell for cell in short if cell.kind == "state"), None)
    return {"short": short, "long": long, "state": state}


HIDDEN = frozenset({"id", "lease_token"})


@register.filter
def is_ref(text: Any) -> bool:
    return refs.parse(str(text)) is not None


@register.filter
def safe_url(address: Any) -> str:
    """Nothing where the address is of a scheme that runs what it says."""
    return links.safe_url(address)

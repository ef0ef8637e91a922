"""`{% load kit %}`: the console's partials, one tag each. What a page holds a few of has a template
in `templates/kit/`; marks that it holds hundreds of are drawn by `kit.drawn`.

Values are shown as text and escaped, whatever they hold; addresses pass `links.safe_url`.
The page /admin/kit/ shows every tag with live examples (`console/kit/samples.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import Any, ParamSpec

from django import template
from django.template import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeData, SafeString, mark_safe

from controlplane.audit import words
from controlplane.audit.refs import subject_ref
from controlplane.console.kit import (
    clocks,
    drawn,
    drawn_timelines,
    figures,
    icons,
    links,
    tables,
    timelines,
    tones,
)
from controlplane.console.templatetags import kit_documents
from controlplane.lib import context as surroundings
from controlplane.lib import moments

register = template.Library()
register.tags.update(kit_documents.register.tags)
P = ParamSpec("P")


class _Trimmed(template.Node):
    """Inside a sentence the newline at a template's end would be a space before the comma."""

    def __init__(self, node: template.Node) -> None:
        self.node = node

    def render(self, context: Context) -> SafeString:
        return mark_safe(self.node.render(context).strip())  # noqa: S308


def inline(
    name: str, *, takes_context: bool = False
) -> Callable[[Callable[P, dict[str, Any]]], Callable[P, dict[str, Any]]]:
    """An inclusion tag for a partial that stands in running text."""

    def keep(function: Callable[P, dict[str, Any]]) -> Callable[P, dict[str, Any]]:
        register.inclusion_tag(name, takes_context=takes_context)(function)
        compiled = register.tags[function.__name__]
        register.tags[function.__name__] = lambda parser, token: _Trimmed(compiled(parser, token))
        return function

    return keep


def zone_of(context: Context) -> tzinfo:
    """The reader's time zone: handed down by an enclosing partial, or the signed-in person's."""
    zone = context.get("kit_zone")
    if zone is not None:
        return clocks.zone_of(zone) if isinstance(zone, str) else zone
    user = getattr(context.get("request"), "user", None)
    return clocks.zone_of(getattr(user, "time_zone", ""))


# --- Marks --------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """No template of its own: a page holds hundreds, and there is nothing in it to lay out."""
    return icons.svg(name, extra=size)


register.simple_tag(drawn.chip)
register.simple_tag(drawn.state)
register.simple_tag(drawn.severity)
register.simple_tag(drawn.person)
register.simple_tag(drawn.ref)


@register.filter
def refs(text: Any) -> SafeString:
    """The text, escaped, with refs such as INC-12 as links."""
    return links.linked(text)


@register.filter
def clocked(text: Any) -> str:
    """A sentence with its times by the reader's clock."""
    told = moments.by_clock(str(text), surroundings.current().zone)
    return mark_safe(told) if isinstance(text, SafeData) else told  # noqa: S308


@register.filter
def by_name(kept: Any) -> str:
    """Who it was, of "user:1 ada@example.org": the ref outlives the account, and tells nobody."""
    ref, _, name = str(kept or "").partition(" ")
    return name or ref


@register.filter
def said(event: Any) -> str:
    """What an event of the log tells, in words; a row of it kept as JSON does as well."""
    return words.phrase(words.Kept.of(event) if isinstance(event, Mapping) else event)


@inline("kit/env_tag.html", takes_context=True)
def env_tag(context: Context, name: str = "") -> dict[str, Any]:
    """The environment, unmistakable. Without a name, the one of this installation."""
    shown = str(name or context.get("environment") or "unknown")
    kinds = {"production": "production", "staging": "staging"}
    return {"name": shown, "kind": kinds.get(shown.lower(), "other")}


@inline("kit/kbd.html")
def kbd(keys: str) -> dict[str, Any]:
    """Keys as they are pressed: "Ctrl K", "g i", "?"."""
    return {"keys": str(keys).split()}


# --- Clocks and figures -------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def when(context: Context, value: Any, style: str = "relative", empty: str = "—") -> SafeString:
    """A time: `relative` ("4 min ago"), `exact` ("2026-11-21 15:05 (14:05 UTC)") or `both`."""
    return drawn.when(value, zone_of(context), style, empty)


@register.simple_tag(takes_context=True)
def countdown(
    context: Context, due: Any, warn: float | None = None, *, start: Any = None,
    share: float = 0.25, done: Any = None, verb: str = "due", empty: str = "—",
) -> SafeString:  # fmt: skip
    """ "due in 12 min", "overdue 3 min". Amber `warn` minutes before, or, with `start`, in the
    last `share` of the time; red when due. With `done` it has stopped: "met" or "missed"."""
    return drawn.countdown(
        due, zone_of(context), warn, start=start, share=share, done=done, verb=verb, empty=empty
    )


@register.simple_tag(takes_context=True)
def lasting(context: Context, since: Any) -> SafeString:
    """How long what began then lasts already; the reader's browser counts on."""
    return drawn.lasting(since, zone_of(context))


register.simple_tag(drawn.duration)
register.simple_tag(drawn.number)  # digits of one width and the unit after a narrow space


@register.simple_tag
def size(value: Any) -> SafeString:
    said, _, unit = figures.size(value).partition(" ")
    return drawn.counted(figures.as_number(value), said, unit)


@inline("kit/meter.html")
def meter(
    value: Any, maximum: Any = 100, *, label: str = "", unit: str = "", target: Any = None,
    tone: str = "",
) -> dict[str, Any]:  # fmt: skip
    """How full something is, drawn in SVG: nothing here needs a style attribute."""
    read = figures.meter(value, maximum, target=target, tone=tones.tone(tone) if tone else "")
    return {"meter": read, "label": label or "Level", "unit": unit}


@register.inclusion_tag("kit/kpi.html")
def kpi(
    label: str, value: Any, unit: str = "", *, target: Any = None, direction: str = "at_least",
    note: str = "", url: str = "",
) -> dict[str, Any]:  # fmt: skip
    """A figure with its target beside it. `direction`: at_least or at_most."""
    return {
        "label": label,
        "value": value,
        "unit": unit,
        "target": figures.target(value, target, direction),
        "note": note,
        "url": links.safe_url(url),
    }


# --- Data ---------------------------------------------------------------------------------------


@register.inclusion_tag("kit/table.html", takes_context=True)
def table(
    context: Context, columns: Iterable[Any], rows: Iterable[Mapping[str, Any]], caption: str = "",
    *, empty: str = "Nothing here yet.", hint: str = "", show_caption: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Plain data as a table, cards on a phone. Columns: see `kit.tables.Column`."""
    return {
        "table": tables.build(columns, rows),
        "caption": caption or "Table",
        "show_caption": show_caption,
        "empty_title": empty,
        "empty_hint": hint,
        "kit_zone": zone_of(context),
    }


@register.simple_tag(takes_context=True)
def timeline(
    context: Context, entries: Iterable[Any], *, empty: str = "Nothing has happened yet.",
    about: Any = None,
) -> SafeString:  # fmt: skip
    """What happened, newest or oldest first as given. Entries: see `kit.timelines.Entry`.
    `about` is what the page is about: a row or its ref, or a list of them."""
    zone = zone_of(context)
    things = about if isinstance(about, list | tuple) else [about] if about else []
    groups, cut = timelines.build(entries, zone, {subject_ref(thing) for thing in things})
    if not groups:
        return render_to_string("kit/empty.html", {"title": empty, "icon": "history"})
    return drawn_timelines.groups(groups, zone, cut=cut)


@register.inclusion_tag("kit/empty.html")
def empty(
    title: str, hint: str = "", action_url: str = "", action_label: str = "", api: str = "",
    *, icon: str = "inbox",
) -> dict[str, Any]:  # fmt: skip
    """An empty state that teaches: what would stand here, the button, the API line.

    Straight inside a `for` Django reads it as that loop's own `empty`: write it after one.
    """
    return {
        "title": title,
        "hint": hint,
        "action_url": links.safe_url(action_url),
        "action_label": action_label,
        "api": api,
        "icon": icon,
    }


# --- Around -------------------------------------------------------------------------------------


@register.inclusion_tag("kit/banner.html")
def banner(
    text: Any, tone: str = "info", *, title: str = "", url: str = "", link: str = ""
) -> dict[str, Any]:
    """A sentence across the page: icon, words, and where to go about it."""
    read = tones.tone(tone)
    return {
        "text": text,
        "tone": read,
        "icon": {"good": "check", "warn": "alert", "bad": "siren"}.get(read, "info"),
        "title": title,
        "url": links.safe_url(url),
        "link": link or "Show",
    }


@register.inclusion_tag("kit/breadcrumbs.html")
def breadcrumbs(items: Iterable[Any]) -> dict[str, Any]:
    """(label, url) pairs from the top down; the last one is this page."""
    pairs = [(item, "") if isinstance(item, str) else (item[0], item[1]) for item in items]
    return {"items": [(label, links.safe_url(url)) for label, url in pairs]}


@register.inclusion_tag("kit/pagination.html")
def pagination(
    *, previous: str = "", following: str = "", first: Any = None, last: Any = None,
    total: Any = None, noun: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Newer and older pages, and which rows these are. `total` may be text: "about 12,000"."""
    return {
        "previous": links.safe_url(previous),
        "following": links.safe_url(following),
        "first": first,
        "last": last,
        "total": figures.number(total) if figures.as_number(total) is not None else total,
        "noun": noun,
    }


@register.inclusion_tag("kit/progress.html")
def progress(
    label: str, value: Any = None, maximum: Any = 100, *, unit: str = "", cancel_url: str = ""
) -> dict[str, Any]:
    """How far a long action is. Without a value: it runs, and nobody knows how long."""
    return {
        "label": label,
        "known": figures.as_number(value) is not None,
        "meter": figures.meter(value, maximum),
        "top": figures.as_number(maximum) or 1,
        "unit": unit,
        "cancel_url": links.safe_url(cancel_url),
    }


@inline("kit/copyable.html")
def copyable(text: Any, label: str = "") -> dict[str, Any]:
    """Text to copy. The button shows itself where there is a script to press it."""
    return {"text": text, "label": label or "Copy"}

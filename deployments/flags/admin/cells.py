"""Cells of lists that more than one word stands in: by a template where it needs marks of the
console, else by a function, for a list has hundreds of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.template.defaultfilters import truncatechars
from django.template.loader import get_template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from deployments.flags.models import Flag
from deployments.flags.shown.standing import Place


def drawn(template: str, context: Mapping[str, Any]) -> SafeString:
    """Escaped by the template, like all that is shown."""
    return mark_safe(get_template(template).render(dict(context)).strip())  # noqa: S308


def name(flag: Flag, mark: str) -> SafeString:
    if mark:
        return drawn("flags/_name.html", {"flag": flag, "mark": mark})
    about = f" · {truncatechars(flag.description, 120)}" if flag.description else ""
    return format_html(
        '<span class="flag-name">{}</span><span class="flag-about">{}{}</span>',
        *(flag.flag_name, flag.get_kind_display(), about),
    )


def marks(places: Iterable[Place], more: int = 0) -> SafeString:
    """How a flag stands in each place; in how many more it does."""
    shown = format_html_join(
        "",
        '<span class="flag-place flag-place-{}" title="{}"><b>{}</b> {}</span>',
        ((one.tone, one.title, truncatechars(one.name, 20), one.text) for one in places),
    )
    rest = format_html('<span class="quiet">+{}</span>', more) if more else ""
    return format_html('<span class="flag-places">{}{}</span>', shown, rest)


def act(flag: Flag, url: str) -> SafeString:
    grave, word = (" danger", "Kill…") if flag.enabled else ("", "Enable…")
    return format_html(
        '<a class="button small-button{}" href="{}">{}<span class="unseen"> {}</span></a>',
        *(grave, url, word, flag.flag_name),
    )

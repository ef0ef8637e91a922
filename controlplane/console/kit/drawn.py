"""The small marks of the kit, drawn without a template of their own.

A list shows hundreds of them. As templates they were most of what a page cost: each one a context
of its own and a dozen look-ups for some words in a box. Whatever they hold is escaped here, by
`text`; addresses come from `links.safe_url`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import datetime, tzinfo
from html import escape
from typing import Any

from django.template import Context
from django.template.base import render_value_in_context
from django.template.defaultfilters import truncatechars
from django.utils.safestring import SafeString, mark_safe

from controlplane.console.kit import clocks, figures, icons, links, people, tones
from controlplane.lib import clock

NOTHING = SafeString('<span class="kit-nothing">—</span>')
_AS_IN_TEMPLATES = Context()


def text(value: Any) -> str:
    """As `{{ value }}` stands in a template: escaped, unless it is markup already."""
    if type(value) is str:
        return escape(value)
    return str(render_value_in_context(value, _AS_IN_TEMPLATES))


def cut(value: Any, length: int) -> Any:
    """As `{{ value|truncatechars:length }}`, which most values are too short for."""
    if type(value) is str and len(value) <= length:
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if type(value) is SafeString and len(value) <= length and value.isascii():
        return value
    return truncatechars(value, length)


def attribute(name: str, value: Any) -> str:
    """With a space before it; nothing where it says nothing."""
    return f' {name}="{text(value)}"' if value else ""


def chip(
    word: Any, tone: str = "neutral", *, icon: str = "", title: str = "", url: str = "",
    remove_url: str = "",
) -> SafeString:  # fmt: skip
    """A small word in a box; with `remove_url` an active filter that one click removes."""
    shown = text(word)
    led, removed = links.safe_url(url), links.safe_url(remove_url)
    drawn = icons.svg(icon, extra="small") if icon else ""
    inner = (
        f'<a class="kit-chip-text" href="{escape(led)}">{shown}</a>'
        if led
        else f'<span class="kit-chip-text">{shown}</span>'
    )
    remove = (
        f'<a class="kit-chip-remove" href="{escape(removed)}" aria-label="Remove {shown}">'
        f"{icons.svg('close', extra='small')}</a>"
        if removed
        else ""
    )
    return _safe(
        f'<span class="kit-chip kit-tone-{tones.tone(tone)}"{attribute("title", title)}>'
        f"{drawn}{inner}{remove}</span>"
    )


def state(value: Any, tone: str = "", *, title: str = "") -> SafeString:
    """A dot and the word. Takes text, or an object with a `status` field."""
    words, key, model = value, value, ""
    if value is not None and not isinstance(value, str) and hasattr(value, "status"):
        key = value.status
        model = getattr(getattr(value, "_meta", None), "label_lower", "")
        display = getattr(value, "get_status_display", None)
        words = display() if callable(display) else key
    drawn = tones.tone(tone) if tone else tones.state_tone(key, model)
    shown = text(tones.state_words(words) or "Unknown")
    return _safe(
        f'<span class="kit-state kit-tone-{drawn}"{attribute("title", title)}>'
        f'<span class="kit-dot" aria-hidden="true"></span>'
        f'<span class="kit-state-text">{shown}</span></span>'
    )


def severity(value: Any) -> SafeString:
    shown = text(tones.severity_words(value) or "—")
    level = tones.severity_level(value)
    return _safe(f'<span class="kit-severity kit-severity-{level}">{shown}</span>')


def person(value: Any, *, kind: str = "", url: str = "", empty: str = "nobody") -> SafeString:
    """A user, agent, actor, audit row, dict or name. Agents carry their badge."""
    who = people.who(value, kind=kind, url=url)
    if who is None:
        return _safe(f'<span class="kit-nobody">{text(empty)}</span>')
    badge, address = who.badge, links.safe_url(who.url)
    name = text(who.label or "—")
    if badge:
        kind, face = "machine", str(icons.svg("agent", extra="small"))
    elif who.is_machine:
        kind, face = "portal", str(icons.svg("settings", extra="small"))
    else:
        kind, face = "human", text(who.initials)
    named = (
        f'<a class="kit-person-name" href="{escape(address)}">{name}</a>'
        if address
        else f'<span class="kit-person-name">{name}</span>'
    )
    marked = f'<span class="kit-badge">{text(badge)}</span>' if badge else ""
    return _safe(
        f'<span class="kit-person kit-person-{kind}"{attribute("title", who.title)}>'
        f'<span class="kit-avatar kit-hue-{who.hue}" aria-hidden="true">{face}</span>'
        f"{named}{marked}</span>"
    )


def ref(value: Any, words: Any = "") -> SafeString:
    url, shown = links.ref_url(value), words or value
    if url:
        return _safe(f'<a class="kit-ref" href="{escape(url)}">{text(shown)}</a>')
    return _safe(f'<span class="kit-ref">{text(shown or "—")}</span>')


# --- Clocks and figures -------------------------------------------------------------------------


def when(value: Any, zone: tzinfo, style: str = "relative", empty: str = "—") -> SafeString:
    at = clocks.as_time(value)
    if at is None:
        said = text(str(value) if value else empty)
        return _safe(f'<span class="kit-nothing">{said}</span>')
    iso = at.isoformat(timespec="seconds")
    exact = clocks.minute(at, zone) if style != "relative" else ""
    said = exact if style == "exact" else clocks.relative(at, clock.now())
    ticks = f' data-when="{iso}"' if style != "exact" else ""
    beside = f' <span class="kit-when-beside">{exact}</span>' if style == "both" else ""
    return _safe(
        f'<time class="kit-when" datetime="{iso}" title="{escape(clocks.exact(at, zone))}"{ticks}>'
        f"{escape(said)}</time>{beside}"
    )


def lasting(since: Any, zone: tzinfo) -> SafeString:
    at = clocks.as_time(since)
    if at is None:
        return NOTHING
    iso, said = _iso(at), clocks.span((clock.now() - at).total_seconds())
    title = escape(clocks.exact(at, zone))
    return _safe(
        f'<time class="kit-when kit-number" datetime="{iso}" title="since {title}"'
        f' data-when="{iso}" data-lasts>{escape(said)}</time>'
    )


_PRESSED = {"missed": "cross", "met": "check"}


def countdown(
    due: Any, zone: tzinfo, warn: float | None = None, *, start: Any = None, share: float = 0.25,
    done: Any = None, verb: str = "due", empty: str = "—",
) -> SafeString:  # fmt: skip
    at = clocks.as_time(due)
    if at is None:
        return _safe(f'<span class="kit-nothing">{text(empty)}</span>')
    read = clocks.countdown(
        at,
        zone=zone,
        warn=warn,
        start=clocks.as_time(start),
        share=share,
        done=clocks.as_time(done),
        verb=verb,
    )
    iso = _iso(read.due)
    counts = (
        f' data-countdown="{iso}" data-warn-at="{_iso(read.warn_at)}" data-verb="{text(verb)}"'
        if not read.stopped
        else ""
    )
    return _safe(
        f'<time class="kit-countdown kit-countdown-{read.pressure}" datetime="{iso}"'
        f' title="{escape(read.title)}"{counts}>'
        f"{icons.svg(_PRESSED.get(read.pressure, 'clock'), extra='small')}"
        f'<span class="kit-countdown-text">{escape(read.text)}</span></time>'
    )


def duration(seconds: Any) -> SafeString:
    if hasattr(seconds, "total_seconds"):
        seconds = seconds.total_seconds()
    read = figures.as_number(seconds)
    if read is None or abs(read) > 1e12:
        return NOTHING
    machine = f"{abs(read):f}".rstrip("0").rstrip(".")
    said = escape(clocks.length(read))
    return _safe(f'<time class="kit-number" datetime="PT{machine}S">{said}</time>')


def number(value: Any, unit: str = "", digits: int | None = None) -> SafeString:
    """Digits of one width and the unit after a narrow space."""
    if digits is None:
        value, unit = figures.legible(value, unit)
    return counted(figures.as_number(value), figures.number(value, digits), unit)


def counted(read: float | None, said: str, unit: str) -> SafeString:
    if read is None:
        return _safe(f'<span class="kit-nothing">{text(said)}</span>')
    marked = f'<span class="kit-unit">&#8239;{text(unit)}</span>' if unit else ""
    return _safe(f'<span class="kit-number">{text(said)}{marked}</span>')


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


_safe: Callable[[str], SafeString] = mark_safe

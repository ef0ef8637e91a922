"""The dashboards: all of them in short, each in full, each panel's numbers as a file."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from controlplane.base import cache
from controlplane.base.registries import Panel as GivenPanel
from controlplane.base.web import actor_of
from controlplane.lib import defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from telemetry.dashboards import (
    DASHBOARDS,
    Dashboard,
    drawing,
    export,
    given,
    notes,
    overviews,
    reading,
)
from telemetry.dashboards import asked as asking
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.drawing import Drawn
from telemetry.dashboards.kinds import Panel
from telemetry.dashboards.standing import WORST, worst
from telemetry.shown import times
from telemetry.web.common import page, show, workspace_shown

LINED = frozenset({"line", "area"})
PANELS_S = defaults.define(
    "telemetry.panels_s",
    10,
    unit="seconds",
    why="drawn panels may be this old; those who keep a dashboard open share the work",
)


@require_safe
@page
def overview(request: HttpRequest) -> HttpResponse:
    asked = asking.read(request, workspace_shown(request))

    def produce() -> str:
        context = {"asked": asked, "cards": overviews.cards(asked)}
        return render_to_string("telemetry/_overview.html", context)

    text = cache.cached(_key("boards", "", asked, actor_of(request)), PANELS_S.value, produce)
    context = {
        "title": "Dashboards",
        "asked": asked,
        "panels": mark_safe(text),  # noqa: S308  (drawn by our own template)
        "ranges": _ranges(asked, ""),
        "chips": _chips(asked, ""),
        "compare_link": "",
        "here": reverse("telemetry:overview"),
        **_narrowing(asked),
    }
    return show(request, "telemetry/overview.html", context, {"cards": "telemetry/_drawn.html"})


@require_safe
@page
def dashboard(request: HttpRequest, slug: str) -> HttpResponse:
    found = _named(slug)
    asked = asking.read(request, workspace_shown(request))
    shown = _shown(found, asked, actor_of(request))
    context: dict[str, Any] = {
        "title": found.title,
        "dashboard": found,
        "asked": asked,
        "panels": mark_safe(shown["text"]),  # noqa: S308  (drawn by our own template)
        "standing": WORST[shown["standing"]],
        "all_silent": shown["silent"],
        "ranges": _ranges(asked, slug),
        "chips": _chips(asked, slug),
        "compare_link": asked.link(slug, compare="" if asked.compare else "on"),
        "others": [
            {"title": each.title, "url": asked.link(each.slug), "here": each.slug == slug}
            for each in DASHBOARDS.values()
        ],
        "here": asked.link(slug).partition("?")[0],
        "overview_link": asked.link(""),
        **_narrowing(asked),
    }
    return show(request, "telemetry/dashboard.html", context, {"panels": "telemetry/_drawn.html"})


def _shown(found: Dashboard, asked: Asked, actor: Actor) -> dict[str, Any]:
    """The drawn panels, remembered for some seconds: whoever keeps the page open asks again at
    every tick, and a minute's sums do not change between two of them."""

    def produce() -> dict[str, Any]:
        panels = drawn(found, asked, actor)
        context = {
            "panels": panels,
            "asked": asked,
            "here": asked.link(found.slug).partition("?")[0],
            "export_query": times.linked("", asked.query()),
        }
        return {
            "text": render_to_string("telemetry/_panels.html", context),
            "standing": worst(one.standing for one in panels).slug,
            "silent": all(one.standing.slug in {"no_data", "later"} for one in panels),
        }

    return cache.cached(_key("panels", found.slug, asked, actor), PANELS_S.value, produce)


def _key(family: str, slug: str, asked: Asked, actor: Actor) -> str:
    """Everything that what is drawn depends on."""
    asked_for = (
        slug, actor.ref, asked.workspace_id, asked.sees_installation, asked.tz,
        asked.time.start.isoformat(), asked.time.end.isoformat(), sorted(asked.query().items()),
    )  # fmt: skip
    return f"{family}:{hashlib.sha256(repr(asked_for).encode()).hexdigest()[:32]}"


@require_safe
@page
def panel_file(request: HttpRequest, slug: str, panel: str, form: str) -> HttpResponse:
    """The numbers of one panel: the same that its chart is drawn from."""
    found = _named(slug)
    asked = asking.read(request, workspace_shown(request))
    actor = actor_of(request)
    here = [one for one in given.laid_out(found, actor) if one.slug == panel]
    if not here or form not in export.FORMS or _hidden(here[0], asked):
        raise NotFound("No such panel.")
    [one] = _drawn(here, asked)
    return export.answer(found, one, asked, form)


def drawn(found: Dashboard, asked: Asked, actor: Actor) -> list[Drawn]:
    panels = [one for one in given.laid_out(found, actor) if not _hidden(one, asked)]
    shown = _drawn(panels, asked)
    if any(_is_lined(one) for one in shown) and (marks := notes.of(asked)):
        for one in shown:
            if _is_lined(one):
                one.chart = {**(one.chart or {}), "annotations": marks}
    return shown


def _is_lined(one: Drawn) -> bool:
    return one.chart is not None and one.chart.get("kind") in LINED


def _drawn(panels: list[Panel | GivenPanel], asked: Asked) -> list[Drawn]:
    read = reading.read([one for one in panels if isinstance(one, Panel)], asked)
    return [
        drawing.draw(one, read, asked) if isinstance(one, Panel) else given.draw(one, asked)
        for one in panels
    ]


def _hidden(panel: Panel | GivenPanel, asked: Asked) -> bool:
    return isinstance(panel, Panel) and reading.hidden(panel, asked)


def _named(slug: str) -> Dashboard:
    found = DASHBOARDS.get(slug)
    if found is None:
        raise NotFound("No such dashboard.")
    return found


def _ranges(asked: Asked, slug: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "words": words,
            "url": asked.link(slug, range=name),
            "current": asked.time.name == name,
        }
        for name, (words, _) in times.LENGTHS.items()
    ]


def _chips(asked: Asked, slug: str) -> list[dict[str, str]]:
    """What narrows the page, and the same page without it."""
    return [
        {
            "words": f"{asking.WORDS.get(name, name).capitalize()}: {', '.join(values)}",
            "without": asked.link(slug, **{name: ""}),
        }
        for name, values in asked.filters.items()
    ]


def _narrowing(asked: Asked) -> dict[str, Any]:
    """The form that narrows the page, and what it must keep of the address."""
    kept = {name: value for name, value in asked.query().items() if name not in asking.NARROWED}
    fields = [
        {
            "name": name,
            "words": asking.WORDS.get(name, name).capitalize(),
            "value": ", ".join(asked.filters.get(name, ())),
        }
        for name in asking.NARROWED
    ]
    return {"kept": kept, "narrowing": fields}

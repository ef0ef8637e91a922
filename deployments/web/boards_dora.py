"""The four keys: figures, their trend, and the deployments each is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.lib import clock
from deployments.overview import dora as arithmetic
from deployments.overview import merges, words
from deployments.overview.changes import MOST
from deployments.overview.keys import DEFAULT, RANGES, Keys, keys
from deployments.overview.links import asking
from deployments.web.boards_common import (
    asked_component,
    asked_place,
    components_of,
    page,
    places_of,
    several,
    show,
    workspace_shown,
)

PAGE = 50


@require_safe
@page
def dora(request: HttpRequest) -> HttpResponse:
    workspace, now = workspace_shown(request), clock.now()
    known = places_of(workspace)
    place = asked_place(request, known) or (known[-1] if known else None)
    context: dict[str, Any] = {
        "title": "Four keys",
        "workspace": workspace,
        "several": several(request),
        "place": place,
    }
    if place is None:
        return show(request, "board_dora.html", context)
    component = asked_component(request, workspace)
    asked = request.GET.get("range", DEFAULT)
    asked = asked if asked in RANGES else DEFAULT
    kept = {
        "environment": place.slug,
        "component": component.slug if component else "",
        "range": asked,
    }
    found = keys(place, at=now, weeks=RANGES[asked], component=component)
    report = merges.report(workspace, found.start, now)
    context |= {
        "keys": found,
        "component": component,
        "ranges": [
            (f"{weeks} weeks", asking("dora", **{**kept, "range": name}), name == asked)
            for name, weeks in RANGES.items()
        ],
        "places": [
            (one.name, asking("dora", **{**kept, "environment": one.slug}), one == place)
            for one in known
        ],
        "components": components_of(workspace),
        "kept": kept,
        "cards": _cards(found, kept),
        "charts": _charts(found),
        "merges": report,
        "most": MOST,
        **_rows(request, found, report, kept),
    }
    return show(request, "board_dora.html", context)


def _cards(found: Keys, kept: dict[str, str]) -> list[dict[str, Any]]:
    cards = []
    for slug, figure in found.figures.items():
        title, about = words.ABOUT[slug]
        before = found.before.get(slug)
        said, tone = words.change(figure, before) if before is not None else ("", "")
        cards.append(
            {
                "slug": slug,
                "title": title,
                "about": about,
                "value": words.value(figure),
                "few": figure.value is None,
                "made_of": words.made_of(figure),
                "change": said,
                "tone": tone,
                "rows": len(figure.rows),
                "link": asking("dora", **kept, of=slug) + "#rows",
            }
        )
    return cards


def _charts(found: Keys) -> list[dict[str, Any]]:
    if not found.changes:
        return []
    names = [week.name.split("-")[1] for week in found.weeks]
    whole = f"{found.weeks[0].name} to {found.weeks[-1].name}"
    target = found.target
    lines = (
        [(target[0], "at least", "target", "below"), (target[1], "at most", "limit", "above")]
        if target is not None
        else []
    )
    charts: list[dict[str, Any]] = [
        {
            "title": "Became live, by ISO week",
            "series": [
                ("went well", [max(0, week.landed - week.failed) for week in found.weeks]),
                ("failed", [week.failed for week in found.weeks]),
            ],
            "stacked": True,
        },
        {
            "title": "Completed, by ISO week",
            "series": [("completed", [week.closed for week in found.weeks])],
            "thresholds": lines,
        },
    ]
    if any(week.lead is not None for week in found.weeks):
        leads = [week.lead for week in found.weeks]
        charts.append(
            {
                "title": "Lead time, middle of each week",
                "unit": "s",
                "series": [("lead time", leads)],
            }
        )
    return [{"kind": "bar", "period": whole, "categories": names, **one} for one in charts]


def _rows(
    request: HttpRequest, found: Keys, report: merges.Report, kept: dict[str, str]
) -> dict[str, Any]:
    """What stands under the figures: the deployments of one of them, of a week, or the merges."""
    of = request.GET.get("of", "")
    if of == "merges":
        more = max(0, len(report.merges) - PAGE)
        told: dict[str, Any] = {"of": of, "of_merges": report.merges[:PAGE], "of_more": more}
        return {**told, **_ways(found, kept)}
    figure = found.figures.get(of)
    week = next((each for each in found.weeks if each.name == of), None)
    rows: Sequence[arithmetic.Change] = ()
    title = ""
    if figure is not None:
        rows, title = figure.rows, words.ABOUT[of][0]
    elif week is not None:
        rows = [one for one in found.changes if arithmetic.week_of(one.out_at) == week.begins]
        title = f"Week {week.name}"
    newest = sorted(rows, key=lambda one: (one.out_at, one.pk), reverse=True)
    return {
        "of": of if title else "",
        "of_title": title,
        "of_rows": newest[:PAGE],
        "of_more": max(0, len(newest) - PAGE),
        **_ways(found, kept),
    }


def _ways(found: Keys, kept: dict[str, str]) -> dict[str, Any]:
    weeks = reversed(found.weeks)
    return {
        "week_links": [(each, asking("dora", **kept, of=each.name) + "#rows") for each in weeks],
        "merge_link": asking("dora", **kept, of="merges") + "#rows",
    }

"""The board of key figures, each figure's own page, its history as a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.registries import Kpi, kpis
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.errors import NotFound
from telemetry import kpis as key_figures
from telemetry.dashboards import DASHBOARDS, given
from telemetry.dashboards import asked as asking
from telemetry.dashboards.export import FORMS, handed_out
from telemetry.kpis.asking import compute_now
from telemetry.models import KpiValue
from telemetry.queries import csv_of
from telemetry.shown import figures, times
from telemetry.shown.figures import Period
from telemetry.web.common import onwards, page, show, workspace_shown

SLUG = "kpi-board"
HISTORY = 120  # periods, the newest
DRAWN = 26


@require_safe
@page
def board(request: HttpRequest) -> HttpResponse:
    workspace = workspace_shown(request)
    lines = key_figures.board(workspace, actor_of(request)) if workspace is not None else []
    cards = [figures.card(line) for line in lines]
    found, asked = DASHBOARDS[SLUG], asking.read(request, workspace)
    context: dict[str, Any] = {
        "title": found.title,
        "about": found.about,
        "sources": found.sources,
        "workspace": workspace,
        "business": [card for card in cards if card.kpi.group == "business"],
        "technical": [card for card in cards if card.kpi.group != "business"],
        "computed_at": figures.computed_at(lines),
        "counted": _counted(cards),
        "overview_link": reverse("telemetry:overview"),
        "others": [
            (one.title, reverse("telemetry:dashboard", args=(one.slug,)), one.slug == SLUG)
            for one in DASHBOARDS.values()
        ],
        "files": [(form.upper(), _board_file(workspace, form)) for form in FORMS],
        "asked": asked,
        "panels": [
            given.draw(one, asked)
            for one in found.given()
            if policy.can(actor_of(request), one.action)
        ],
        "here": reverse("telemetry:kpi_board"),
        "export_query": times.linked("", asked.query()),
        **_asking(request, workspace),
    }
    return show(request, "telemetry/kpi_board.html", context, {"board": "telemetry/_kpis.html"})


def _board_file(workspace: Workspace | None, form: str) -> str:
    path = reverse("telemetry:panel_file", args=(SLUG, "kpis", form))
    return times.linked(path, {"workspace": workspace.slug if workspace else ""})


def _asking(request: HttpRequest, workspace: Workspace | None) -> dict[str, Any]:
    decision = policy.can(actor_of(request), "telemetry.audit", workspace)
    return {"refusal": "" if decision else decision.reason}


def _counted(cards: Sequence[figures.Card]) -> str:
    """In words: of how many figures how many are as they should be."""
    judged = [card for card in cards if card.standing.slug in {"good", "warn"}]
    silent = sum(card.standing.slug == "no_data" for card in cards)
    met = sum(card.standing.slug == "good" for card in judged)
    parts = [f"{met} of {len(judged)} on target"] if judged else []
    if silent:
        parts.append(f"{silent} of {len(cards)} without data")
    return ", ".join(parts)


@require_POST
@page
def compute(request: HttpRequest) -> HttpResponse:
    workspace = workspace_shown(request)
    if workspace is None:
        raise NotFound("There is no workspace to compute figures of.")
    counts = compute_now(workspace, actor=actor_of(request))
    if counts["failed"]:
        messages.error(request, f"{counts['failed']} could not be computed; the log says why.")
    messages.success(request, f"Computed {counts['figures']} periods anew.")
    return HttpResponseRedirect(onwards(request, reverse("telemetry:kpi_board")))


# --- One figure ---------------------------------------------------------------------------------


@require_safe
@page
def kpi(request: HttpRequest, slug: str) -> HttpResponse:
    workspace = workspace_shown(request)
    found = _named(request, slug, workspace)
    periods = _periods(found, _rows(found, workspace))
    context: dict[str, Any] = {
        "title": found.title,
        "kpi": found,
        "workspace": workspace,
        "target": figures.target_words(found),
        "cadence": figures.cadence(found).words,
        "periods": periods,
        "standing": _stands(periods),
        "chart_data": _chart(found, periods[:DRAWN][::-1]),
        "files": [
            (
                form.upper(),
                onwards(request, reverse("telemetry:kpi_file", args=(found.slug, form))),
            )
            for form in FORMS
        ],
        "board_link": reverse("telemetry:kpi_board"),
        "explained": _explained(found),
    }
    return show(request, "telemetry/kpi.html", context, {})


def _explained(found: Kpi) -> str:
    """The page that its app has for it, where that is another one."""
    own = reverse("telemetry:kpi_board")
    return "" if found.link == own else found.link


@require_safe
@page
def kpi_file(request: HttpRequest, slug: str, form: str) -> HttpResponse:
    workspace = workspace_shown(request)
    found = _named(request, slug, workspace)
    if form not in FORMS or workspace is None:
        raise NotFound("There is no such file.")
    rows = [list(map(_plain, figures.exported(found, row))) for row in _rows(found, workspace)]
    if form == "csv":
        text = csv_of(figures.COLUMNS, rows)
        answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    else:
        answer = JsonResponse(
            {
                "slug": found.slug,
                "title": found.title,
                "workspace": workspace.slug,
                "formula": found.formula,
                "columns": list(figures.COLUMNS),
                "rows": rows,
            }
        )
    return handed_out(answer, f"kpi-{found.slug}-{clock.now():%Y%m%dT%H%MZ}.{form}")


def _plain(value: Any) -> Any:
    return times.stamp(value) if isinstance(value, datetime) else value


def _named(request: HttpRequest, slug: str, workspace: Workspace | None) -> Kpi:
    """Of a figure that is not for this reader nothing is said, not even that it is there."""
    found = kpis.get(slug)
    if found is None or not policy.can(actor_of(request), found.action, workspace):
        raise NotFound("There is no such key figure.")
    return found


def _rows(found: Kpi, workspace: Workspace | None) -> list[KpiValue]:
    if workspace is None:
        return []
    return list(KpiValue.objects.of(workspace.pk).filter(kpi=found.slug)[:HISTORY])


def _periods(found: Kpi, rows: Sequence[KpiValue]) -> list[Period]:
    now = clock.now()
    return [figures.period(found, row, row.start, row.end, running=row.end > now) for row in rows]


def _stands(periods: Sequence[Period]) -> Any:
    """As on the board: the last whole period that tells something, else the running one."""
    told = [each for each in periods[:2] if each.standing.slug != "no_data"]
    whole = [each for each in told if each.end <= clock.now()]
    first = next(iter([*whole, *told, *periods]), None)
    return first.standing if first is not None else figures.standing(None)


def _chart(found: Kpi, periods: Sequence[Period]) -> dict[str, Any]:
    worse = "below" if found.better == "higher" else "above"
    target = [{"value": found.target, "label": "target", "kind": "target", "worse": worse}]
    return {
        "kind": "bar",
        "title": found.title,
        "heading": False,
        "horizontal": False,
        "unit": found.unit if found.unit in {"%", "h", "ms"} else "",
        "categories": [
            f"{each.start:%d %b %y}" + (", so far" if each.end > clock.now() else "")
            for each in periods
        ],
        "series": [
            {
                "name": found.title,
                "values": [each.row.value if each.row else None for each in periods],
            }
        ],
        "thresholds": target if found.target is not None else [],
        "empty": "Nothing was computed for it yet.",
    }

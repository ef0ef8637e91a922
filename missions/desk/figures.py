"""How it goes, in figures and plain words: read only, of one workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.approvals.desk.away import place_of
from controlplane.approvals.desk.frame import page, show
from controlplane.base.web import actor_of
from controlplane.lib import clock
from telemetry import kpis
from telemetry.dashboards.export import handed_out
from telemetry.queries import csv_of
from telemetry.shown import figures as told
from telemetry.shown import times

ACTION = "telemetry.view"
# For whoever has never read a formula; the formula stands below it.
PLAIN = {
    "missions.throughput": "How many missions came to their end.",
    "approvals.latency": "How long people waited for a signature; one in twenty waited longer.",
    "safeguards.escalation": "How often an agent's check had to call a person in.",
    "undo.success_rate": "How often taking something back worked.",
    "feedback.participation_rate": "Of the missions that ended, how many were told how it was.",
    "library.reuse_rate": "Of the missions that ended, how many began with something tried before.",
}


@require_safe
@page
def figures(request: HttpRequest) -> HttpResponse:
    actor, place = actor_of(request), place_of(request)
    policy.require(actor, ACTION)
    lines = kpis.board(place, actor) if place is not None else []
    cards = [told.card(line) for line in lines]
    judged = [card for card in cards if card.standing.slug in {"good", "warn"}]
    context = {
        "title": "How it goes",
        "place": place,
        "business": _told(card for card in cards if card.kpi.group == "business"),
        "technical": _told(card for card in cards if card.kpi.group != "business"),
        "met": sum(card.standing.slug == "good" for card in judged),
        "judged": len(judged),
        "computed_at": told.computed_at(lines),
        "file": reverse("mission_desk:figures_file"),
    }
    return show(request, "missions/figures.html", context)


def _told(cards: Iterable[told.Card]) -> list[tuple[told.Card, str]]:
    return [(card, PLAIN.get(card.kpi.slug, "")) for card in cards]


@require_safe
@page
def figures_file(request: HttpRequest) -> HttpResponse:
    """The running and the last whole period of each figure, as a table."""
    actor, place = actor_of(request), place_of(request)
    policy.require(actor, ACTION)
    rows = [
        [times.stamp(cell) if isinstance(cell, datetime) else cell for cell in row]
        for row in _rows(kpis.board(place, actor) if place is not None else [])
    ]
    text = csv_of(told.COLUMNS, rows)
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    return handed_out(answer, f"figures-{clock.now():%Y%m%dT%H%MZ}.csv")


def _rows(lines: Sequence[kpis.Line]) -> list[list[Any]]:
    return [told.exported(line.kpi, row) for line in lines for row in (line.last, line.now) if row]

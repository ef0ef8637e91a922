"""Tickets of support on a dashboard of telemetry: how promises were kept, and what waits."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import Workspace
from controlplane.base.registries import Panel, PanelAnswer, PanelQuestion, Verdict, panels
from incidents.support import ticket_figures
from incidents.support.ticket_figures import PAGE, VIEW, Share

COLUMNS = ("Priority", "Came in", "Acknowledged in time, %", "Triaged in time, %",
           "Answered in time, %", "Resolved, median, h", "Open")  # fmt: skip
_TEMPLATE = "missions/learning/panel.html"  # a table of whatever columns
_NAMES = [f"c{place}" for place in range(len(COLUMNS))]


def tickets(asked: PanelQuestion) -> PanelAnswer:
    """Of what came in within the time that is shown. Breaching is said of now."""
    spaces = [asked.workspace_id] if asked.workspace_id is not None else _every()
    told = ticket_figures.told(spaces, asked.start, asked.end)
    if not told.by_priority and not told.backlog:
        return PanelAnswer()
    rows = [_row(each) for each in told.by_priority]
    lines = [
        {name: "–" if value is None else value for name, value in zip(_NAMES, row, strict=True)}
        for row in rows
    ]
    late = told.breaching
    said = f"{told.backlog} open, {told.unacknowledged} not acknowledged, {late} past a promise."
    return PanelAnswer(
        columns=COLUMNS,
        rows=rows,
        verdict=Verdict("attention" if late else "ok", said),
        context={"columns": list(zip(_NAMES, COLUMNS, strict=True)), "lines": lines},
    )


def _row(each: ticket_figures.Line) -> list[Any]:
    hours = None if each.resolve_s is None else round(each.resolve_s / 3_600, 1)
    shares: list[Share] = [each.acknowledge, each.triage, each.respond]
    return [each.label, each.opened, *(one.percent for one in shares), hours, each.waiting]


def _every() -> list[int]:
    return list(Workspace.objects.filter(archived_at=None).values_list("pk", flat=True))


def register() -> None:
    panels.register(
        Panel(
            "support-tickets", "system-health", "Support tickets", VIEW, tickets, _TEMPLATE,
            about="How promises to whoever asked were kept, by priority.", size="full", link=PAGE,
        )
    )  # fmt: skip

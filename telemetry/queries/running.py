"""Running a question: a table, from the same measures that the dashboards show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from telemetry import measures
from telemetry.measures import Measure
from telemetry.queries import legacy
from telemetry.queries.checking import LONGEST, MOST_VALUES
from telemetry.queries.kinds import TIME, WINDOWS, Column, Parameter, Query, Question, Table
from telemetry.querysets import INSTALLATION

LAST = "last"
_GROUPS = {
    "event_type": "Event",
    "env": "Environment",
    "service": "Service",
    "stage": "Stage",
    "agent": "Agent",
    "toolkit": "Toolkit",
    "operation": "Operation",
    "code": "Code",
}


def run(
    query: Query, actor: Actor, workspace: Workspace | None, params: Mapping[str, str] | None = None
) -> Table:
    """Answer a saved question for a workspace; None: for the installation. `params` are texts,
    as they stand in an address: the query's parameters, and `last` for another window."""
    _may(query, actor, workspace)
    question = query.question
    given = dict(params or {})
    window = _window(given.pop(LAST, ""), question)
    filters = _narrowed(question, given)
    end = clock.now()
    workspace_id = workspace.pk if workspace is not None else None
    known = question.known()
    if question.group_by == TIME:
        columns, rows, note = _by_time(known, workspace_id, end - window, end, question, filters)
    else:
        columns, rows, note = _by_group(known, workspace_id, end - window, end, question, filters)
    return Table(columns, rows, note, end - window, end)


def _may(query: Query, actor: Actor, workspace: Workspace | None) -> None:
    if workspace is not None:
        policy.require(actor, "telemetry.view", workspace)
    if workspace is None or query.installation:
        policy.require(actor, INSTALLATION)


def _window(text: str, question: Question) -> timedelta:
    name = text or question.window
    if name not in WINDOWS:
        raise Invalid("The window is not known.", details={LAST: f"One of {', '.join(WINDOWS)}."})
    return WINDOWS[name]


def _narrowed(question: Question, given: Mapping[str, str]) -> dict[str, list[str]]:
    """The query's filters and the parameters, whose values can only narrow them further."""
    known = {each.name: each for each in question.parameters}
    unknown = dict.fromkeys(given.keys() - known.keys(), "Not a parameter of this query.")
    if unknown:
        raise Invalid("The parameters are not valid.", details=unknown)
    filters = {name: list(values) for name, values in question.filters.items()}
    for name, parameter in known.items():
        values = _values(parameter, given.get(name, "") or parameter.default)
        if values:
            before = filters.get(name)
            filters[name] = values if before is None else [x for x in values if x in before]
    return filters


def _values(parameter: Parameter, text: str) -> list[str]:
    values = [part.strip() for part in text.split(",") if part.strip()]
    wrong = ""
    if len(values) > MOST_VALUES or any(len(value) > LONGEST for value in values):
        wrong = f"At most {MOST_VALUES} values of {LONGEST} characters."
    elif parameter.options and not set(values) <= set(parameter.options):
        wrong = f"One of {', '.join(parameter.options)}."
    elif any("\x00" in value for value in values):
        wrong = "Holds a control character."
    if wrong:
        raise Invalid("The parameters are not valid.", details={parameter.name: wrong})
    return values


Answer = tuple[tuple[Column, ...], tuple[tuple[Any, ...], ...], str]


def _columns(known: list[Measure]) -> tuple[Column, ...]:
    return tuple(Column(each.slug, each.title, each.unit) for each in known)


def _by_group(
    known: list[Measure],
    workspace_id: int | None,
    start: datetime,
    end: datetime,
    question: Question,
    filters: Mapping[str, list[str]],
) -> Answer:
    by = question.group_by
    found = measures.read_many(known, workspace_id, start, end, group_by=by, filters=filters)
    names = dict.fromkeys(name for each in known for name in found[each.slug])
    rows: list[tuple[Any, ...]] = [
        (name, *(found[each.slug].get(name, measures.NO_DATA).value for each in known))
        for name in names
    ]
    rows = [row for row in rows if any(cell is not None for cell in row[1:])]
    rows.sort(key=lambda row: (row[1] is None, -(row[1] or 0.0), row[0]))
    shown = tuple(rows[: question.limit])
    left = len(rows) - len(shown)
    note = f"{left} more with less." if left else ("" if rows else "No data.")
    if not by:
        return _columns(known), tuple(row[1:] for row in shown), note
    columns = (Column(by, _GROUPS[by]), *_columns(known))
    if by == "stage" and legacy.WANTED.value:
        columns = (*columns, Column("stage_legacy", "Stage (legacy)"))
        shown = tuple((*row, legacy.names_of(row[0])) for row in shown)
    return columns, shown, note


def _by_time(
    known: list[Measure],
    workspace_id: int | None,
    start: datetime,
    end: datetime,
    question: Question,
    filters: Mapping[str, list[str]],
) -> Answer:
    step = measures.STEPS.get(question.step) if question.step else None
    if step is not None and (end - start) / step > _MOST_STEPS:
        step = None  # a longer window than it was made for
    found = measures.series_many(known, workspace_id, start, end, step=step, filters=filters)
    lines = [found[each.slug].groups.get("", ()) for each in known]
    rows = tuple(
        (points[0].at, *(point.value for point in points)) for points in zip(*lines, strict=True)
    )
    filling = any(line and line[-1].partial for line in lines)
    note = "The last step has not ended yet." if filling else ""
    if not any(cell is not None for row in rows for cell in row[1:]):
        note = "No data."
    return (Column(TIME, "Time"), *_columns(known)), rows, note


_MOST_STEPS = 500

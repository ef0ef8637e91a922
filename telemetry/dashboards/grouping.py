"""Panels of groups: tables of them, bars, funnels."""

from __future__ import annotations

from collections.abc import Sequence

from telemetry.dashboards.asked import Asked
from telemetry.dashboards.drawing import (
    Drawn,
    GroupRow,
    drawer,
    events_of,
    figure,
    group_names,
    kit_unit,
    kit_value,
    label_of,
    thresholds,
    why_empty,
)
from telemetry.dashboards.kinds import Panel
from telemetry.dashboards.reading import Read, visible
from telemetry.dashboards.standing import WORST, standing, worst
from telemetry.measures import Measure


def _matrix(panel: Panel, read: Read, asked: Asked) -> Drawn:
    known = visible(panel, asked)
    found = dict.fromkeys(name for one in known for name in read.groups(one, panel.group_by))
    rows = [_group_row(panel, known, name, read, asked) for name in group_names(panel, list(found))]
    return Drawn(
        panel,
        worst(row.standing for row in rows),
        groups=rows,
        heads=[panel.name_of(each) for each in known],
        columns=[panel.group_by or "name", *(panel.name_of(each) for each in known)],
        rows=[[row.name, *(one.reading.value for one in row.figures)] for row in rows],
    )


def _group_row(
    panel: Panel, known: Sequence[Measure], name: str, read: Read, asked: Asked
) -> GroupRow:
    figures = [figure(panel, each, read, asked, group=name) for each in known]
    narrowed = {**panel.only, panel.group_by: (name,)}
    portal = bool(known) and all(each.installation for each in known)
    link = asked.events_link(panel.events, narrowed, installation=portal)
    return GroupRow(name, label_of(name), figures, worst(f.standing for f in figures), link)


def _bars(panel: Panel, read: Read, asked: Asked) -> Drawn:
    known = visible(panel, asked)
    by = panel.group_by
    if not known:
        return Drawn(panel, WORST["no_data"])
    found = dict.fromkeys(name for one in known for name in read.groups(one, by))
    names = group_names(panel, list(found))
    if not panel.groups:  # the largest first, where no order is given
        lead = known[0]
        names.sort(key=lambda name: -(read.reading(lead, name, by).value or 0.0))
    values = [[read.reading(one, name, by).value for name in names] for one in known]
    judged = [standing(one, read.reading(one, name, by)) for one in known for name in names]
    chart = {
        "kind": "bar",
        "title": panel.title,
        "heading": False,
        "period": asked.time.words,
        "unit": kit_unit(known[0]),
        "horizontal": True,
        "stacked": panel.stacked,
        "categories": [label_of(name) for name in names],
        "series": [
            {"name": panel.name_of(one), "values": [kit_value(value, one) for value in mine]}
            for one, mine in zip(known, values, strict=True)
        ],
        "thresholds": thresholds(known),
        "empty": why_empty(panel),
    }
    rows = [[name, *(mine[at] for mine in values)] for at, name in enumerate(names)]
    columns = [by or "name", *(panel.name_of(one) for one in known)]
    return Drawn(panel, worst(judged), chart=chart, columns=columns, rows=rows)


def _funnel(panel: Panel, read: Read, asked: Asked) -> Drawn:
    known = visible(panel, asked)
    steps = [
        {
            "name": panel.name_of(one),
            "count": read.reading(one).value,
            "href": events_of(one, asked),
        }
        for one in known
    ]
    silent = all(step["count"] is None for step in steps)
    chart = {
        "kind": "funnel",
        "title": panel.title,
        "heading": False,
        "period": asked.time.words,
        "steps": steps,
        "empty": why_empty(panel),
    }
    return Drawn(
        panel,
        WORST["no_data" if silent else "neutral"],
        chart=chart,
        columns=["step", "missions"],
        rows=[[step["name"], step["count"]] for step in steps],
    )


drawer("matrix", _matrix)
drawer("bars", _bars)
drawer("funnel", _funnel)

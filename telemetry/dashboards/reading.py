"""Everything a page of panels shows, read together: a few questions whatever the panels.

Measures of one time share a statement, figures and lines alike, whichever ways they are split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from telemetry import measures
from telemetry.dashboards import firing
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.firing import Found
from telemetry.dashboards.kinds import Panel
from telemetry.measures import Measure, Reading, Series, Wanted
from telemetry.shown.times import Range

Readings = Mapping[str, Mapping[str, Reading]]
Lines = Mapping[str, Series]
_LINED = frozenset({"figures", "lines", "area"})
_COUNTED_ANEW = frozenset({"missions", "missions_share", "active", "computed"})


@dataclass(slots=True)
class Read:
    """By way of splitting ("" is none), then by measure, then by group."""

    now: dict[str, Readings] = field(default_factory=dict)
    before: dict[str, Readings] = field(default_factory=dict)
    lines: dict[str, Lines] = field(default_factory=dict)
    lines_before: dict[str, Lines] = field(default_factory=dict)
    firing: Found = field(default_factory=dict)

    def reading(self, measure: Measure, group: str = "", by: str = "") -> Reading:
        return _pick(self.now, measure, group, by)

    def reading_before(self, measure: Measure, group: str = "", by: str = "") -> Reading | None:
        return _pick(self.before, measure, group, by) if self.before else None

    def groups(self, measure: Measure, by: str) -> list[str]:
        return list(self.now.get(by, {}).get(measure.slug, {}))

    def series(self, measure: Measure, by: str = "") -> Series | None:
        return self.lines.get(by, {}).get(measure.slug)

    def series_before(self, measure: Measure, by: str = "") -> Series | None:
        return self.lines_before.get(by, {}).get(measure.slug)


def _pick(found: Mapping[str, Readings], measure: Measure, group: str, by: str) -> Reading:
    return found.get(by, {}).get(measure.slug, {}).get(group, measures.NO_DATA)


def read(panels: Sequence[Panel], asked: Asked, *, lines: bool = True) -> Read:
    """Read what these panels need. `lines` False: figures only."""
    found = Read(firing=firing.of(asked))
    ways = {
        by: (_measures(some, asked), _drawn(some, asked) if lines else [])
        for by, some in _by_split(panels, asked).items()
    }
    found.now, found.lines = _read(ways, asked, asked.time)
    if asked.compare:
        found.before, found.lines_before = _read(ways, asked, asked.time.before())
    return found


def visible(panel: Panel, asked: Asked) -> list[Measure]:
    """The measures of it that this person may see and that somebody can be asked about."""
    return [
        each
        for each in panel.known()
        if (asked.sees_installation if each.installation else asked.workspace_id is not None)
    ]


def hidden(panel: Panel, asked: Asked) -> bool:
    """Whether all of it is about the installation and the person may not see that."""
    known = panel.known()
    return bool(known) and not asked.sees_installation and all(one.installation for one in known)


def _by_split(panels: Sequence[Panel], asked: Asked) -> dict[str, list[Panel]]:
    found: dict[str, list[Panel]] = {}
    for panel in panels:
        if panel.known():
            found.setdefault(panel.group_by, []).append(panel)
    return found


def _measures(panels: Iterable[Panel], asked: Asked) -> list[Measure]:
    found = {one.slug: one for panel in panels for one in visible(panel, asked)}
    return list(found.values())


def _drawn(panels: Sequence[Panel], asked: Asked) -> list[Measure]:
    """What is drawn along time. Beside a figure a trend is drawn where rollups hold it: missions
    and people would be counted anew for each step."""
    along = _measures([each for each in panels if each.kind in _LINED - {"figures"}], asked)
    beside = _measures([each for each in panels if each.kind == "figures"], asked)
    found = {one.slug: one for one in along}
    found |= {one.slug: one for one in beside if one.statistic not in _COUNTED_ANEW}
    return list(found.values())


def _read(
    ways: Mapping[str, tuple[Sequence[Measure], Sequence[Measure]]], asked: Asked, time: Range
) -> tuple[dict[str, Readings], dict[str, Lines]]:
    """Filters hold for a workspace's figures; the installation's have no such dimensions."""
    figures: dict[str, dict[str, Mapping[str, Reading]]] = {by: {} for by in ways}
    lines: dict[str, dict[str, Series]] = {by: {} for by in ways}
    for portals, filters in ((False, dict(asked.filters)), (True, {})):
        wanted = [
            Wanted(
                by,
                [each for each in told if each.installation is portals],
                [each for each in drawn if each.installation is portals],
            )
            for by, (told, drawn) in ways.items()
        ]
        wanted = [each for each in wanted if each.figures or each.lines]
        found = measures.read_together(
            wanted, asked.workspace_id, time.start, time.end, filters=filters
        )
        for each, told in zip(wanted, found, strict=True):
            figures[each.group_by] |= told.figures
            lines[each.group_by] |= told.lines
    return dict(figures), dict(lines)

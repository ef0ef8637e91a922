"""Everything a page of panels shows, read together: a few questions whatever the panels.

Measures of one window share a statement; so all figures of a page are read at once, all lines at
once, and each way of splitting at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from telemetry import measures
from telemetry.dashboards import firing
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.firing import Found
from telemetry.dashboards.kinds import Panel
from telemetry.measures import Measure, Reading, Series
from telemetry.shown.times import Range

Readings = Mapping[str, Mapping[str, Reading]]
_LINED = frozenset({"figures", "lines", "area"})
_COUNTED_ANEW = frozenset({"missions", "missions_share", "active", "computed"})


@dataclass(slots=True)
class Read:
    """By way of splitting ("" is none), then by measure, then by group."""

    now: dict[str, Readings] = field(default_factory=dict)
    before: dict[str, Readings] = field(default_factory=dict)
    lines: dict[str, Mapping[str, Series]] = field(default_factory=dict)
    lines_before: dict[str, Mapping[str, Series]] = field(default_factory=dict)
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
    for by, some in _by_split(panels, asked).items():
        wanted = _measures(some, asked)
        found.now[by] = _figures(wanted, asked, asked.time, by)
        if asked.compare:
            found.before[by] = _figures(wanted, asked, asked.time.before(), by)
        drawn = _drawn(some, asked) if lines else []
        if drawn:
            found.lines[by] = _series(drawn, asked, asked.time, by)
            if asked.compare:
                found.lines_before[by] = _series(drawn, asked, asked.time.before(), by)
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


def _figures(wanted: Sequence[Measure], asked: Asked, time: Range, by: str) -> Readings:
    found: Readings = _called(measures.read_many, wanted, asked, time, by)
    return found


def _series(wanted: Sequence[Measure], asked: Asked, time: Range, by: str) -> Mapping[str, Series]:
    found: Mapping[str, Series] = _called(measures.series_many, wanted, asked, time, by)
    return found


def _called(ask: Any, wanted: Sequence[Measure], asked: Asked, time: Range, by: str) -> Any:
    """Filters hold for a workspace's figures; the installation's have no such dimensions."""
    found: dict[str, Any] = {}
    mine = [each for each in wanted if not each.installation]
    portals = [each for each in wanted if each.installation]
    for some, filters in ((mine, dict(asked.filters)), (portals, {})):
        if some:
            found |= ask(
                some, asked.workspace_id, time.start, time.end, group_by=by, filters=filters
            )
    return found

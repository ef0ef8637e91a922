"""What a dashboard and a panel are. The tables themselves are in `table`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from controlplane.base.registries import Panel as GivenPanel
from controlplane.base.registries import panels as given_panels
from telemetry.measures import MEASURES, Measure

Kind = Literal["figures", "lines", "area", "bars", "matrix", "funnel", "services", "kpis", "later"]
Size = Literal["third", "half", "full"]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    `figures`: each measure as a number with its target and a trend. `lines`, `area`: measures
    along time, or one split by `group_by`. `bars`: one measure by group. `matrix`: groups down,
    measures across. `funnel`: measures as steps. `later`: what another app will bring; `waits`
    says what has to be there first, and a panel it registers under the same slug takes the place.

    `groups` are listed even while silent, with "no data": an agent that says nothing is news.
    `names` are what measures are called within the panel.
    """

    slug: str
    title: str
    kind: Kind
    measures: tuple[str, ...] = ()
    about: str = ""
    group_by: str = ""
    groups: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    size: Size = "half"
    stacked: bool = False
    waits: str = ""

    def known(self) -> list[Measure]:
        """Its measures. Those that nobody has defined are left out, which `missing` tells."""
        return [MEASURES[slug] for slug in self.measures if slug in MEASURES]

    @property
    def missing(self) -> list[str]:
        return [slug for slug in self.measures if slug not in MEASURES]

    def name_of(self, measure: Measure) -> str:
        return self.names.get(measure.slug, measure.title)

    @property
    def events(self) -> tuple[str, ...]:
        """What it is made of, for drill-down."""
        return tuple(dict.fromkeys(name for each in self.known() for name in each.events))


@dataclass(frozen=True, slots=True)
class Dashboard:
    slug: str
    title: str
    about: str
    panels: Sequence[Panel]
    headline: str = ""  # the measure whose trend stands for it on the overview
    keywords: tuple[str, ...] = ()
    sources: str = ""  # where its numbers come from, for whoever sees none

    def panel(self, slug: str) -> Panel | None:
        return next((each for each in self.panels if each.slug == slug), None)

    def given(self) -> list[GivenPanel]:
        """Panels that other apps registered for it, in their order."""
        mine = [each for each in given_panels if each.dashboard == self.slug]
        return sorted(mine, key=lambda each: each.order)

    def measures(self) -> list[Measure]:
        """Of all its panels, once each."""
        found = {one.slug: one for panel in self.panels for one in panel.known()}
        return list(found.values())


DASHBOARDS: dict[str, Dashboard] = {}


def define(dashboard: Dashboard) -> Dashboard:
    if dashboard.slug in DASHBOARDS:
        raise ValueError(f"dashboard {dashboard.slug} is defined twice")
    slugs = [each.slug for each in dashboard.panels]
    if len(set(slugs)) != len(slugs):
        raise ValueError(f"dashboard {dashboard.slug} has two panels of one slug")
    DASHBOARDS[dashboard.slug] = dashboard
    return dashboard


def get(slug: str) -> Dashboard | None:
    return DASHBOARDS.get(slug)

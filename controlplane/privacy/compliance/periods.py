"""Quarters and years that evidence is asked of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from controlplane.access.models import Workspace
from controlplane.jobs.obligations import workspace_zone
from controlplane.jobs.periods import Period, containing
from controlplane.lib.errors import Invalid

_NAMED = re.compile(r"(20\d\d)(?:-Q([1-4]))?")
QUARTERLY, YEARLY = "quarterly", "yearly"


@dataclass(frozen=True, slots=True)
class Span:
    """A period as instants: from local midnight to local midnight."""

    name: str
    start: datetime
    end: datetime

    @property
    def cadence(self) -> str:
        return QUARTERLY if "-" in self.name else YEARLY

    def holds(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def named(name: str, workspace: Workspace) -> Span:
    """The quarter or year of this name; anything else is refused."""
    found = _NAMED.fullmatch(name)
    if found is None:
        raise Invalid("Name a quarter, 2026-Q4, or a year, 2026.", details={"period": "Unknown."})
    year, quarter = int(found[1]), int(found[2] or 0)
    day = date(year, quarter * 3 - 2 if quarter else 1, 1)
    return _span(containing(QUARTERLY if quarter else YEARLY, day), workspace)


def at(cadence: str, moment: datetime, workspace: Workspace) -> Span:
    """The quarter or year a moment lies in."""
    day = timezone.localdate(moment, timezone=workspace_zone(workspace))
    return _span(containing(cadence, day), workspace)


def asked_of(cadence: str, span: Span, workspace: Workspace) -> list[Span]:
    """The periods a control is asked of where somebody looks at this one: of what is owed yearly
    the whole year, also where a quarter is looked at; of what is owed quarterly each quarter."""
    if cadence == span.cadence:
        return [span]
    if cadence == YEARLY:
        return [named(span.name[:4], workspace)]
    return quarters(int(span.name), workspace)


def quarters(year: int, workspace: Workspace) -> list[Span]:
    return [named(f"{year}-Q{number}", workspace) for number in (1, 2, 3, 4)]


def _span(period: Period, workspace: Workspace) -> Span:
    return Span(period.name, *period.bounds(workspace_zone(workspace)))

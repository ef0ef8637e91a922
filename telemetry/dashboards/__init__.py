"""The dashboards: tables of panels over measures.

`table` says which panels each dashboard has; `reading` reads all of one page together; `drawing`
turns what was read into charts and tables; `export` writes the same numbers as CSV and JSON.
"""

from __future__ import annotations

from telemetry.dashboards import given as _given  # noqa: F401  (kinds of panels)
from telemetry.dashboards import grouping as _grouping  # noqa: F401  (kinds of panels)
from telemetry.dashboards import table as _table  # noqa: F401  (fills the table)
from telemetry.dashboards.kinds import DASHBOARDS, Dashboard, Panel, get

__all__ = ["DASHBOARDS", "Dashboard", "Panel", "get"]

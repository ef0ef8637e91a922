"""Everything that is charted, alerted on, exported or asked by API: named figures over rollups.

    from telemetry import measures
    measures.read(measures.get("tool.error_rate"), workspace.pk, start, end, group_by="toolkit")

Apps above add theirs with `measures.define(Measure(...))` in their `apps.py`.
"""

from telemetry.measures import table as _table  # noqa: F401  (fills the table)
from telemetry.measures.baselines import (
    RatioCheck,
    baseline,
    baseline_by_group,
    discovery_ratio,
)
from telemetry.measures.grains import STEPS, step_for
from telemetry.measures.kinds import (
    ANY,
    MEASURES,
    NO_DATA,
    Measure,
    Point,
    Reading,
    Selection,
    Series,
    define,
    get,
)
from telemetry.measures.reading import (
    Told,
    Wanted,
    read,
    read_many,
    read_together,
    series,
    series_many,
)

__all__ = [
    "ANY",
    "MEASURES",
    "NO_DATA",
    "STEPS",
    "Measure",
    "Point",
    "RatioCheck",
    "Reading",
    "Selection",
    "Series",
    "Told",
    "Wanted",
    "baseline",
    "baseline_by_group",
    "define",
    "discovery_ratio",
    "get",
    "read",
    "read_many",
    "read_together",
    "series",
    "series_many",
    "step_for",
]

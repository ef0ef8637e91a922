"""Health snapshots: what the dashboards' figures were, kept with the targets of that time.

    take(workspace, actor=actor, start=start, end=end, subject="incidents.incident:12")

One a day by a job, more on demand. Deployments and incidents link theirs by `subject`, an opaque
ref: a review a month later reads what was seen then, not what rollups say now.
"""

from telemetry.snapshots.rate import IngestionRate, ingestion_rate
from telemetry.snapshots.services import take, take_day
from telemetry.snapshots.written import as_data, as_markdown, filename, shown_figures

__all__ = [
    "IngestionRate",
    "as_data",
    "as_markdown",
    "filename",
    "ingestion_rate",
    "shown_figures",
    "take",
    "take_day",
]

"""Revisions of flags for `/metrics`, true for the whole installation."""

from __future__ import annotations

from controlplane.jobs.measures import Values, reading
from deployments.flags.models import FlagEnvironment


@reading(
    "controlplane_flags_revision",
    "How often flags of an environment have changed.",
    ["workspace", "environment"],
)
def revisions() -> Values:
    rows = FlagEnvironment.objects.filter(workspace__archived_at=None)
    for workspace, environment, revision in rows.values_list(
        "workspace__slug", "environment__slug", "revision"
    ):
        yield (workspace, environment), float(revision)

"""What runs by itself."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta

from controlplane.access.models import Workspace
from controlplane.jobs.registry import job
from deployments.flags.services.staleness import find_stale

logger = logging.getLogger(__name__)


@job("flags.stale", every=timedelta(hours=6), time_limit=600, doc="Find stale feature flags.")
def stale() -> dict[str, int]:
    counts: Counter[str] = Counter()
    for workspace in Workspace.objects.filter(archived_at=None).order_by("pk"):
        try:
            counts.update(find_stale(workspace))
        except Exception:
            # One workspace's trouble must not cost the others their look.
            logger.exception("stale flags of workspace %s were not looked for", workspace.uid)
            counts["workspaces_failed"] += 1
    return dict(counts)

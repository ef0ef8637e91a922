"""What the catalog keeps about people, and for how long it keeps what."""

from __future__ import annotations

from controlplane.base.data_rules import Reach
from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always, keep_rows

nothing(
    "catalog.entries",
    "catalog.environment",
    "catalog.service",
    "catalog.component",
    "catalog.integration",
    "catalog.vaultsecret",
    "catalog.callreport",
    why="names of things; who opened a breaker stands there as an opaque ref, by name only in the"
    " audit log, which goes by its own rules",
)
keep_rows(
    "catalog.probe_results",
    "catalog.proberesult",
    "at",
    days=30,
    what="single checks of services",
    why="single looks; down intervals are what lasts",
    reach=Reach(workspace="probe__workspace_id"),
)
keep_always(
    "catalog.setup",
    "catalog.environment",
    "catalog.service",
    "catalog.component",
    "catalog.integration",
    "catalog.vaultsecret",
    "catalog.probe",
    why="what there is now",
)
keep_always(
    "catalog.down_intervals",
    "catalog.downinterval",
    "catalog.watchperiod",
    why="an aggregate: uptime of any past month must stay computable",
)
keep_always("catalog.calls", "catalog.callreport", why="worked off in minutes")

"""What windows keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always

holds(
    "deployments.windows_watched",
    "deployments.maintenancewindow",
    "which maintenance somebody watched",
    rows_of("deployments.maintenancewindow", "watcher_id", "ref", "title", "status", "started_at"),
    "part of the record of the maintenance; the name goes with the account",
)
nothing(
    "deployments.window_parts",
    "deployments.windowservice",
    "deployments.notice",
    why="what was said of a window, and of which services; who did it is in the audit log",
)
keep_always(
    "deployments.windows",
    "deployments.maintenancewindow",
    "deployments.windowservice",
    "deployments.notice",
    why="when what was worked on and who was told of it: evidence behind incidents and uptime",
)

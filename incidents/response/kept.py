"""What the answer to incidents keeps about people, and for how long it keeps what."""

from __future__ import annotations

from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always

nothing(
    "incidents.response",
    "incidents.update",
    "incidents.missedupdate",
    "incidents.action",
    "incidents.decision",
    "incidents.check",
    "incidents.correction",
    "incidents.responsepolicy",
    why="what was said of an incident; who said it stands there by an opaque ref",
)
keep_always(
    "incidents.response",
    "incidents.update",
    "incidents.missedupdate",
    "incidents.action",
    "incidents.decision",
    "incidents.check",
    "incidents.correction",
    "incidents.responsepolicy",
    why="what was said when, and what was not: reviews and reports look back for years",
)

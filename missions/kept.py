"""What missions keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always

holds(
    "missions.owned",
    "missions.mission",
    "which missions somebody owned",
    rows_of("missions.mission", "owner_id", "ref", "title", "stage", "status", "created_at"),
    "part of the record of what agents were asked to do; the name goes with the account",
)
nothing(
    "missions.parts",
    "missions.brief",
    "missions.stagevisit",
    "missions.checklisttick",
    why="who did it stands there by an opaque ref",
)
keep_always(
    "missions.record",
    "missions.mission",
    "missions.brief",
    "missions.stagevisit",
    "missions.checklisttick",
    why="what agents were asked to do, and which stages were signed by whom: evidence behind "
    "everything they did",
)

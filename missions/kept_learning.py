"""What feedback, retrospectives, the library and meetings keep about people, and for how long."""

from __future__ import annotations

from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always

holds(
    "missions.feedback",
    "missions.feedback",
    "what somebody said about missions",
    rows_of(
        "missions.feedback",
        "person_id",
        "mission__ref",
        "status",
        "rating",
        "satisfaction",
        "effort_saved_minutes",
        "blockers",
        "text",
        "declined_reason",
        "answered_at",
    ),
    "part of what a checkpoint was signed on; the name goes with the account",
)
holds(
    "missions.training",
    "missions.trainingitem",
    "which training somebody sees to",
    rows_of("missions.trainingitem", "owner_id", "title", "role", "status", "due_on"),
    "part of the record of what was learnt; the name goes with the account",
)
holds(
    "missions.followups",
    "missions.followup",
    "what somebody took on after missions and meetings",
    rows_of("missions.followup", "owner_id", "title", "due_on", "created_at"),
    "part of what was signed or decided; the name goes with the account",
)
nothing(
    "missions.learning",
    "missions.retrospective",
    "missions.asset",
    "missions.assetversion",
    "missions.assetuse",
    "missions.meetingseries",
    why="who did it stands there by an opaque ref",
)
nothing(
    "missions.meetings",
    "missions.meeting",
    why="minutes of work, by an opaque ref; who came stands there as whoever wrote them called "
    "them, as in any letter",
)
keep_always(
    "missions.learnt",
    "missions.feedback",
    "missions.retrospective",
    "missions.followup",
    "missions.trainingitem",
    "missions.asset",
    "missions.assetversion",
    "missions.assetuse",
    why="what was learnt, by whom it is used, and what was signed about it",
)
keep_always(
    "missions.minutes",
    "missions.meetingseries",
    "missions.meeting",
    why="decisions about agents are looked up years later",
)

"""What the rotas keep about people, and for how long."""

from __future__ import annotations

from controlplane.base.data_rules import Reach
from controlplane.base.personal import erase_rows, holds, nothing, rows_of
from controlplane.base.retention import keep_always, keep_rows

_RECORD = "who answered when: part of the record of incidents; the name goes with the account"

nothing(
    "oncall.schedules",
    "oncall.schedule",
    "oncall.layer",
    "oncall.gap",
    why="roles and hours; the people of a rotation are its places",
)
holds(
    "oncall.places",
    "oncall.layerperson",
    "rotations somebody takes turns in",
    rows_of(
        "oncall.layerperson", "person_id", "layer__schedule__title", "position", "layer__from_at",
        "layer__until_at",
    ),
    _RECORD,
)  # fmt: skip
holds(
    "oncall.overrides",
    "oncall.override",
    "shifts somebody took or was given",
    rows_of("oncall.override", "person_id", "schedule__title", "starts", "ends", "reason"),
    _RECORD,
)
holds(
    "oncall.requests",
    "oncall.swaprequest",
    "shifts somebody asked others to take",
    rows_of("oncall.swaprequest", "asker_id", "schedule__title", "starts", "ends", "reason",
            "status", "answer"),
    _RECORD,
)  # fmt: skip
holds(
    "oncall.notes",
    "oncall.handoffnote",
    "hand-off notes somebody wrote",
    rows_of("oncall.handoffnote", "person_id", "schedule__title", "handed_at", "text", "status"),
    _RECORD,
)
holds(
    "oncall.wishes",
    "oncall.wish",
    "how long before a shift somebody wants to hear of it",
    rows_of("oncall.wish", "person_id", "hours_before"),
    erase=erase_rows("oncall.wish", "person_id"),
)
holds(
    "oncall.feeds",
    "oncall.feed",
    "calendars somebody subscribed to",
    rows_of("oncall.feed", "person_id", "schedule__title", "created_at", "read_at", "revoked_at"),
    erase=erase_rows("oncall.feed", "person_id"),
)
keep_always(
    "oncall.record",
    "oncall.schedule",
    "oncall.layer",
    "oncall.layerperson",
    "oncall.override",
    "oncall.swaprequest",
    "oncall.handoffnote",
    why="shifts are computed from them: who was on duty in an incident is found here years later",
)
keep_always(
    "oncall.wishes", "oncall.wish", why="a wish stands until its person has another, or leaves"
)
keep_rows(
    "oncall.gaps",
    "oncall.gap",
    "until",
    days=365,
    what="hours without anybody on call",
    why="when nobody was there, and what was told of it, for as long as audits look back",
    reach=Reach(workspace="schedule__workspace_id"),
)
keep_rows(
    "oncall.feeds",
    "oncall.feed",
    "revoked_at",
    days=365,
    what="calendar links of on-call",
    why="which links were out, and until when, for as long as audits look back",
    reach=Reach(workspace="workspace_id", person="person_id"),
)

"""What is kept of what guards a mission, about people and for how long."""

from __future__ import annotations

from controlplane.base.data_rules import Reach
from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always, keep_rows

holds(
    "missions.acknowledged",
    "missions.safeguardack",
    "which safeguards somebody acknowledged",
    rows_of("missions.safeguardack", "person_id", "mission__ref", "slot", "at"),
    "part of the record of who answered for a mission; the name goes with the account",
)
holds(
    "missions.attested",
    "missions.missiontoolkit",
    "which toolkits somebody attested to",
    rows_of(
        "missions.missiontoolkit", "attested_by_id", "mission__ref", "attestation", "attested_at"
    ),
    "part of the record of who answered for a mission; the name goes with the account",
)
nothing(
    "missions.guarding",
    "missions.policytemplate",
    "missions.templateversion",
    "missions.safeguard",
    "missions.violation",
    "missions.finding",
    "missions.override",
    "missions.toolkitconnection",
    "missions.datainspection",
    "missions.agentsession",
    why="who did it stands there by an opaque ref, and what is given is redacted before it is kept",
)
keep_always(
    "missions.guarded",
    "missions.policytemplate",
    "missions.templateversion",
    "missions.safeguard",
    "missions.safeguardack",
    "missions.violation",
    "missions.finding",
    "missions.override",
    "missions.missiontoolkit",
    "missions.toolkitconnection",
    "missions.datainspection",
    why="what agents were allowed, what was found and who let it pass: evidence behind everything "
    "they did",
)
keep_rows(
    "missions.sessions",
    "missions.agentsession",
    "ended_at",
    days=90,
    what="what agents remembered of missions",
    why="What an agent remembered of a mission is of use while it works on it.",
    reach=Reach(workspace="mission__workspace_id", refs={"MSN": "mission__ref"}),
)

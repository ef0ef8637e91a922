"""What plans and runs keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always

holds(
    "missions.risks",
    "missions.riskentry",
    "which risks of missions somebody sees to",
    rows_of("missions.riskentry", "owner_id", "title", "mitigation", "created_at"),
    "part of what was signed; the name goes with the account",
)
holds(
    "missions.duty",
    "missions.dutywindow",
    "when somebody watched over which mission",
    rows_of("missions.dutywindow", "person_id", "starts_at", "ends_at", "note"),
    "part of the record of who watched while agents acted; the name goes with the account",
)
nothing(
    "missions.plans",
    "missions.play",
    "missions.plannote",
    "missions.hookcheck",
    "missions.undoplan",
    "missions.undorun",
    "missions.undoattempt",
    "missions.run",
    "missions.runstep",
    why="who did it stands there by an opaque ref, and arguments of steps are redacted",
)
keep_always(
    "missions.plan_record",
    "missions.play",
    "missions.plannote",
    "missions.riskentry",
    "missions.hookcheck",
    "missions.dutywindow",
    why="what was signed before agents acted, and who watched",
)
keep_always(
    "missions.run_record",
    "missions.undoplan",
    "missions.undostep",
    "missions.undorun",
    "missions.undoattempt",
    "missions.run",
    "missions.runstep",
    why="what agents changed and what was taken back: evidence behind everything that follows",
)

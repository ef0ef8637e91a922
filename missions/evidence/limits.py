"""How much, how often, how long."""

from __future__ import annotations

from controlplane.lib import defaults

ALIAS = "evidence"  # of STORAGES
FILE_BYTES = defaults.define(
    "missions.evidence_file_bytes",
    15_000_000,
    unit="bytes",
    why="One file. The proxy hands on whole bodies of 16 MB; what is larger is linked, with its "
    "hash.",
)
MISSION_BYTES = defaults.define(
    "missions.evidence_mission_bytes",
    500_000_000,
    unit="bytes",
    why="Files and bundles of one mission: what a bundle holds must still be one a person opens.",
)
WORKSPACE_BYTES = defaults.define(
    "missions.evidence_workspace_bytes",
    20_000_000_000,
    unit="bytes",
    why="Files and bundles of one workspace: some 90 days of 30 missions a week.",
)
ALERT_PERCENT = defaults.define(
    "missions.evidence_alert_percent",
    80.0,
    unit="percent",
    why="The playbook's: from here somebody makes room before uploads are refused.",
)
STAGE_FILES = defaults.define(
    "missions.evidence_stage_files",
    100,
    unit="files",
    why="Of one visit of a stage: people sign each of them, with its hash.",
)
STUCK_SECONDS = defaults.define(
    "missions.evidence_stuck_s",
    900.0,
    unit="seconds",
    why="A file received and not stored for so long has lost its process.",
)
ORPHAN_HOURS = defaults.define(
    "missions.evidence_orphan_h",
    24.0,
    unit="hours",
    why="A file that no row names, and that is no upload on its way any more.",
)
CHECK_DAYS = defaults.define(
    "missions.evidence_check_days",
    7.0,
    unit="days",
    why="Each file is read back and hashed as often: damage is found while a backup still has it.",
)
CHECK_SECONDS = defaults.define(
    "missions.evidence_check_s",
    120.0,
    unit="seconds",
    why="One round of reading back; the rest has its turn in the next.",
)
BUNDLE_ATTEMPTS = defaults.define(
    "missions.bundle_attempts",
    5,
    unit="tries",
    why="With doubling pauses; then the storage is away and a person looks.",
)
BUNDLE_LEASE = defaults.define(
    "missions.bundle_lease_s",
    120.0,
    unit="seconds",
    why="Renewed with each file; a killed worker's bundle begins again so much later.",
)
FINAL_DAYS = defaults.define(
    "missions.bundle_final_days",
    60,
    unit="days",
    why="After its end a mission's bundle follows what is still said of it: feedback is taken for "
    "a month, and files go after ninety days.",
)

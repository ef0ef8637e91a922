"""What evidence keeps about people, and for how long what of it is kept: bytes for a quarter, what
was taken away for a month, the record for a year."""

from __future__ import annotations

from datetime import timedelta

from controlplane.base.data_rules import Reach, RetentionClass, retention
from controlplane.base.holds import tell
from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always
from controlplane.lib import defaults
from missions.services.evidence import aging, holding

holds(
    "missions.uploads",
    "missions.artifact",
    "files somebody uploaded as evidence",
    aging.export_uploads,
    "what was signed, or is held by law, stays with its hash; who uploaded it stands there by an "
    "opaque ref",
    erase=aging.erase_uploads,
)
holds(
    "missions.shares",
    "missions.missionshare",
    "missions that were shown to somebody of another house",
    rows_of(
        "missions.missionshare", "person_id", "mission__ref", "reason", "shared_at", "ended_at"
    ),
    "the record of who could read what; the name goes with the account",
)
nothing(
    "missions.bundles",
    "missions.bundle",
    "missions.evidencehold",
    why="who asked stands there by an opaque ref",
)
keep_always(
    "missions.shares",
    "missions.missionshare",
    why="who of another house could read what, and until when",
)
keep_always(
    "missions.holds",
    "missions.evidencehold",
    why="what was held by law, by whom and until when",
)
tell("missions", holding.standing_holds)
_FILES = defaults.define(
    "retention.missions.evidence_files_days",
    90,
    unit="days",
    why="the downloadable copy, counted from the end of its mission; the playbook's number",
)
_REMOVED = defaults.define(
    "retention.missions.evidence_removed_days",
    30,
    unit="days",
    why="what was taken away or superseded can be brought back for so long",
)
_RECORD = defaults.define(
    "retention.missions.evidence_days",
    365,
    unit="days",
    why="rows, hashes and manifests, for the year that audits look back",
)
_REACH = Reach(
    workspace="workspace_id",
    refs={"MSN": "mission__ref"},
    # Whoever holds the record means the files that it is a record of.
    carries=("missions.evidence",),
)
retention.register(
    RetentionClass(
        slug="missions.evidence_files",
        models=(),
        keep=timedelta(days=_FILES.value),
        minimum=timedelta(days=30),
        what="files of evidence of missions that ended",
        why="the bytes of files and bundles of missions that ended; nothing under a legal hold",
        delete=aging.archive,
        count=aging.count_archivable,
        reach=_REACH,
        held=aging.held_archivable,
    )
)
retention.register(
    RetentionClass(
        slug="missions.evidence_removed",
        models=(),
        keep=timedelta(days=_REMOVED.value),
        what="files of evidence that was taken away",
        why="the bytes of what was taken away or superseded; nothing under a legal hold",
        delete=aging.purge,
        count=aging.count_purgeable,
        reach=_REACH,
        held=aging.held_purgeable,
    )
)
retention.register(
    RetentionClass(
        slug="missions.evidence",
        models=("missions.artifact", "missions.bundle"),
        keep=timedelta(days=_RECORD.value),
        minimum=timedelta(days=365),
        what="evidence of missions, without its files",
        why="rows, hashes and manifests of evidence whose bytes are gone; nothing under a legal "
        "hold",
        delete=aging.forget,
        count=aging.count_forgettable,
        reach=_REACH,
        held=aging.held_forgettable,
    )
)

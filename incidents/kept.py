"""What incidents keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always

_RECORD = "part of the record of incidents; the name goes with the account"
for _slug, _column, _what in (
    ("led", "commander_id", "which incidents somebody led"),
    ("answered", "acknowledged_by_id", "which incidents somebody acknowledged"),
    ("spoke", "communications_id", "of which incidents somebody told others"),
    ("worked", "operations_id", "on which incidents somebody worked"),
    ("wrote", "scribe_id", "of which incidents somebody kept the notes"),
):
    holds(
        f"incidents.{_slug}",
        "incidents.incident",
        _what,
        rows_of("incidents.incident", _column, "ref", "title", "severity", "opened_at"),
        _RECORD,
    )
nothing(
    "incidents.levels",
    "incidents.severitylevel",
    why="roles and times; nobody is named",
)
keep_always(
    "incidents.record",
    "incidents.incident",
    "incidents.severitylevel",
    why="what went wrong, when, and how it was answered: reviews and audits look back for years",
)

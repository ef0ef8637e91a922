"""What runbooks keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always

_PROOF = "the proof of what was done; the name goes with the account"
for _slug, _table, _what, _columns in (
    ("steps", "runbookstep", "which steps of runbooks somebody did",
     ("title", "state", "note", "started_at")),
    ("validations", "runbookvalidation", "which runbooks somebody tried",
     ("slug", "environment", "result", "note", "at")),
    ("uses", "runbookuse", "which runbooks somebody read for something that was wrong",
     ("runbook__slug", "at")),
):  # fmt: skip
    holds(
        f"incidents.runbook_{_slug}",
        f"incidents.{_table}",
        _what,
        rows_of(f"incidents.{_table}", "user_id", *_columns),
        _PROOF,
    )
nothing(
    "incidents.runbooks",
    "incidents.runbook",
    "incidents.runbookversion",
    "incidents.runbookrun",
    why="texts and times; who wrote or began them stands there by an opaque ref",
)
keep_always(
    "incidents.runbooks",
    "incidents.runbook",
    "incidents.runbookversion",
    "incidents.runbookrun",
    "incidents.runbookstep",
    "incidents.runbookvalidation",
    "incidents.runbookuse",
    why="what was done by which text, and who proved it: asked for in reviews and audits",
)

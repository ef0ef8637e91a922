"""How long a step may take, and how much of what it says is kept."""

from __future__ import annotations

from controlplane.lib.defaults import define

STEP_S = define(
    "runbooks.step_s", 20, unit="seconds", why="A step that hangs is ended by then.",
)  # fmt: skip
COMMAND_S = define(
    "runbooks.command_s", 60, unit="seconds",
    why="A command of the portal starts a process of its own, which takes some seconds alone.",
)  # fmt: skip
GRACE_S = define(
    "runbooks.step_grace_s", 60, unit="seconds",
    why="So long after its limit a step whose portal was stopped meanwhile counts as lost.",
)  # fmt: skip
OUTPUT_MOST = define(
    "runbooks.output_characters", 12_000, unit="characters",
    why="What a step says is kept up to here; what is more is said to be.",
)  # fmt: skip
ROWS_MOST = define(
    "runbooks.query_rows", 50, unit="rows", why="Of a question to the database so many are shown.",
)  # fmt: skip
VALID_DAYS = define(
    "runbooks.valid_days", 92, unit="days", why="Each runbook is tried again every quarter.",
)  # fmt: skip
LONG_QUERY_S = define(
    "database.long_query_s", 300, unit="seconds", why="A query of five minutes is looked at.",
)  # fmt: skip
END_QUERY_S = define(
    "database.end_query_s", 600, unit="seconds",
    why="Only a query that has run for ten minutes is ended by hand.",
)  # fmt: skip

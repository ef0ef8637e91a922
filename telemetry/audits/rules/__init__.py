"""T1 to T13. Importing this fills the table, in order."""

from telemetry.audits.rules import names, shapes, streams  # noqa: F401

"""T1 to T12. Importing this fills the table, in order."""

from telemetry.audits.rules import names, shapes, streams  # noqa: F401

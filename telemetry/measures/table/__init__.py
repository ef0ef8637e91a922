"""The measures, a file for each area. Numbers are the playbooks': the stricter one is the target,
the looser one is where a rule fires."""

from telemetry.measures.table import (
    agents,
    feedback,
    integrations,
    lifecycle,
    portal,
    safeguards,
    services,
    sessions,
    threads,
)

__all__ = [
    "agents",
    "feedback",
    "integrations",
    "lifecycle",
    "portal",
    "safeguards",
    "services",
    "sessions",
    "threads",
]

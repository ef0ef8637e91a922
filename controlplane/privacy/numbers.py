"""How long erasure may take, and how old a copy for testing may be."""

from __future__ import annotations

from controlplane.lib.defaults import define

DUE_DAYS = define(
    "privacy.erase_within_days", 30, unit="days", why="the playbook's promise to whoever asks"
)
GRACE_DAYS = define(
    "privacy.grace_days",
    7,
    unit="days",
    why="a week to take it back and to hand over what one answers for; far inside the promise",
)
WARN_DAYS = define(
    "privacy.warn_days", 5, unit="days", why="held or failing: somebody looks before it is late"
)
COPY_DAYS = define(
    "privacy.copy_days", 7, unit="days", why="staging is refreshed each week, without people"
)

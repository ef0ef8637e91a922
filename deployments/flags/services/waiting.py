"""Settings that are put into place later, at a time or on consent: what both have in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.access.services.saving import invalid
from controlplane.lib import clock, defaults
from deployments.flags.forms.names import check_names
from deployments.flags.forms.settings import clean
from deployments.flags.models import FlagState

FARTHEST = defaults.define(
    "flags.farthest_schedule_days",
    366,
    unit="days",
    why="A year ahead; later is more likely a slip in the year than a plan.",
)
FREEZE_RETRY = defaults.define(
    "flags.freeze_retry_s",
    300.0,
    unit="seconds",
    why="How often a change that is due looks whether the freeze is over.",
)


def checked(state: FlagState, settings: Any) -> dict[str, Any]:
    document = clean(settings, value_type=state.flag.value_type)
    check_names(document, state.flag, state.environment_id)
    return document


def in_time(field: str, at: datetime) -> datetime:
    """In UTC, as it is read back from the database: what is signed spells it out."""
    if at.tzinfo is None:
        raise invalid(field, "Say the zone, as in 2026-12-01T09:00:00Z.")
    now = clock.now()
    if at <= now:
        raise invalid(field, "It lies in the past.")
    if at > now + timedelta(days=FARTHEST.value):
        raise invalid(field, f"At most {FARTHEST.value} days ahead.")
    return at.astimezone(UTC)


def later() -> datetime:
    return clock.now() + timedelta(seconds=FREEZE_RETRY.value)

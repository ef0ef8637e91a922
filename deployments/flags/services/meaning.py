"""What settings come to where they stand: whoever signs them signs that, too.

Settings name segments, other flags and the flag's own values by name. What a name stands for may
change under a signature, so it is written beside it.
"""

from __future__ import annotations

from typing import Any

from deployments.flags.models import FlagState, Segment
from deployments.flags.services import gates


def meaning(row: FlagState, settings: dict[str, Any]) -> dict[str, Any]:
    """Whom the segments mean, which values are served, how the flags stand that are needed, and
    which others are on there by this one's being off."""
    return {
        "segments": _segments(row, settings),
        **_others(row, settings),
        "value_type": row.flag.value_type,
        "off_value": row.flag.off_value,
        "on_value": row.flag.on_value,
    }


def _segments(row: FlagState, settings: dict[str, Any]) -> dict[str, Any]:
    named = {slug for rule in settings["rules"] for slug in rule["segments"]}
    rows = Segment.objects.of(row.workspace_id).filter(slug__in=named).order_by("slug")
    return dict(rows.values_list("slug", "constraints"))


def _others(row: FlagState, settings: dict[str, Any]) -> dict[str, Any]:
    """Other flags it has to do with, where there are any."""
    waiting = gates.waiting_for_off(row.flag, row.environment_id)
    found = {
        "prerequisites": _prerequisites(row, settings),
        "on_while_off": [each.flag.flag_name for each in waiting],
    }
    return {name: told for name, told in found.items() if told}


def _prerequisites(row: FlagState, settings: dict[str, Any]) -> dict[str, Any]:
    """As they stand: what was signed must not come to mean something else by another flag."""
    named = {each["flag"] for each in settings["requires"]}
    rows = FlagState.objects.filter(
        environment_id=row.environment_id, flag__flag_name__in=named, flag__archived_at=None
    )
    return {
        each.flag.flag_name: {"killed": not each.flag.enabled, "settings": each.settings}
        for each in rows.select_related("flag").order_by("flag__flag_name")
    }

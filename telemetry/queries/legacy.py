"""Stages as earlier releases called them, for readers of exports that still need the old names."""

from __future__ import annotations

from controlplane.lib.defaults import define

WANTED = define(
    "telemetry.export_legacy_stages",
    False,
    why="The old names were promised until December 2025; a reader that still needs them asks.",
)
_NAMES = {
    "define": ("intake", "mission_brief"),
    "prepare": ("toolkits_connect", "data_inspect"),
    "plan_approve": ("plan",),
    "execute_observe": ("governed_execution", "evidence"),
    "reflect_improve": ("feedback",),
}


def names_of(stage: str) -> str:
    """One stage was up to two before: both are named."""
    return "|".join(_NAMES.get(stage, ()))

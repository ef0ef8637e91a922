"""Verbs of this package. Doors and other packages call these and nothing else."""

from __future__ import annotations

from deployments.flags.services.flags import archive, change_flag, create_flag, restore
from deployments.flags.services.settings import change_settings
from deployments.flags.services.switching import enable, kill

__all__ = [
    "archive",
    "change_flag",
    "change_settings",
    "create_flag",
    "enable",
    "kill",
    "restore",
]

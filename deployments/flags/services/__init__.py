"""Verbs of this package. Doors and other packages call these and nothing else."""

from __future__ import annotations

from deployments.flags.services.environments import set_needs_approval
from deployments.flags.services.flags import archive, change_flag, create_flag, restore
from deployments.flags.services.gates import register_freeze
from deployments.flags.services.requests import propose, revisable, withdraw_request
from deployments.flags.services.schedules import cancel_schedule, schedule
from deployments.flags.services.segments import (
    change_segment,
    create_segment,
    remove_segment,
    uses_of,
)
from deployments.flags.services.settings import change_settings
from deployments.flags.services.switching import enable, kill
from deployments.flags.services.undoing import undo

__all__ = [
    "archive",
    "cancel_schedule",
    "change_flag",
    "change_segment",
    "change_settings",
    "create_flag",
    "create_segment",
    "enable",
    "kill",
    "propose",
    "register_freeze",
    "remove_segment",
    "restore",
    "revisable",
    "schedule",
    "set_needs_approval",
    "undo",
    "uses_of",
    "withdraw_request",
]

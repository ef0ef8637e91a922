"""Verbs of maintenance windows. Doors and other packages call these and nothing else."""

from deployments.maintenance.services.consent import ask_consent
from deployments.maintenance.services.planning import change_window, plan_window
from deployments.maintenance.services.running import (
    announce,
    close,
    finish,
    record_test,
    roll_back,
    start,
    waive,
)
from deployments.maintenance.services.scheduling import cancel, reschedule, schedule
from deployments.maintenance.services.tasks import add_tasks, follow_up, move_task, remark

__all__ = [
    "add_tasks",
    "announce",
    "ask_consent",
    "cancel",
    "change_window",
    "close",
    "finish",
    "follow_up",
    "move_task",
    "plan_window",
    "record_test",
    "remark",
    "reschedule",
    "roll_back",
    "schedule",
    "start",
    "waive",
]

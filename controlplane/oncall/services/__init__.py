"""Verbs of this package. Doors and other packages call these and nothing else."""

from controlplane.oncall.duty import Duty, Standing, is_on_duty, on_duty, on_duty_many, standing
from controlplane.oncall.services.feeds import revoke_feed, subscribe
from controlplane.oncall.services.handing import read_note, wish, write_note
from controlplane.oncall.services.importing import import_calendar
from controlplane.oncall.services.layers import drop_layer, set_layer
from controlplane.oncall.services.overrides import end_override, override
from controlplane.oncall.services.requests import (
    ask_swap,
    decline_asked,
    take_asked,
    withdraw_asked,
)
from controlplane.oncall.services.schedules import (
    change_schedule,
    define_schedule,
    retire_schedule,
)

__all__ = [
    "Duty",
    "Standing",
    "ask_swap",
    "change_schedule",
    "decline_asked",
    "define_schedule",
    "drop_layer",
    "end_override",
    "import_calendar",
    "is_on_duty",
    "on_duty",
    "on_duty_many",
    "override",
    "read_note",
    "retire_schedule",
    "revoke_feed",
    "set_layer",
    "standing",
    "subscribe",
    "take_asked",
    "wish",
    "withdraw_asked",
    "write_note",
]

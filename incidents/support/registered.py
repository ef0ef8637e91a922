"""What the support desk hands to the packages below: words of the log, what is kept."""

from __future__ import annotations

from controlplane.audit import words
from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always
from incidents.support import around_console, duties, sync  # noqa: F401 - duties are known

nothing(
    "support.hours",
    "incidents.supportchannel",
    "incidents.holiday",
    why="hours and days; whoever wrote a day stands there by an opaque ref",
)
keep_always(
    "support.hours",
    "incidents.supportchannel",
    "incidents.holiday",
    why="which promises held when: a clock that was missed is explained by them",
)


def register() -> None:
    around_console.register()
    sync.register()
    words.define(
        "support",
        {
            "hours": "change/changed the hours of support",
            "hours:holiday": "change/changed the holidays of support",
            "hours:import": "take/took holidays from a calendar",
        },
    )

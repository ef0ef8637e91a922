"""Around the demo's support desk: its hours in the zone of its people, and days off."""

from __future__ import annotations

from datetime import date, timedelta

from controlplane.base import demo
from controlplane.lib import clock
from incidents.models import Holiday
from incidents.support import hours

# (month, day, what it is, open in spite of it)
OFF = (
    (1, 1, "New Year's Day", ""), (5, 1, "Labour Day", ""),
    (12, 24, "The day before", "09:00-12:00"), (12, 25, "Christmas Day", ""),
    (12, 26, "The day after", ""),
)  # fmt: skip


@demo.step("support.around", order=97)
def around(scene: demo.Scene) -> None:
    if Holiday.objects.filter(workspace=scene.workspace).exists():
        return
    actor = scene.actor("workspace_admin")
    hours.save_channel(
        scene.workspace, "support", actor=actor, address="#support", time_zone="Europe/Berlin",
        hours=["mon-fri 06:00-22:00"],
    )  # fmt: skip
    hours.save_channel(scene.workspace, "operator", actor=actor, address="#mission-ops")
    today = clock.now().date()
    days = [
        (date(year, month, day), title, open_)
        for year in (today.year, today.year + 1)
        for month, day, title, open_ in OFF
    ]
    for day, title, open_ in days:
        if day >= today and day - today < timedelta(days=366):
            hours.add_holiday(scene.workspace, day, actor=actor, title=title, hours=open_)

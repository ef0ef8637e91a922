"""The demo's on-call: two people who take turns by the week, a backup, and a swap."""

from __future__ import annotations

from datetime import time, timedelta

from controlplane.access.models import User
from controlplane.base import demo
from controlplane.lib import clock
from controlplane.oncall import duty, services
from controlplane.oncall.models import Schedule

PAST = timedelta(days=42)


@demo.step("oncall", order=22)
def rotas(scene: demo.Scene) -> None:
    if Schedule.objects.of(scene.workspace).exists():
        return
    first, second = scene.people["primary_operator"], scene.people["secondary_operator"]
    lead = scene.people["engineering_lead"]
    with clock.set_back(PAST):  # whole rounds of two: who is on duty had a past
        primary = _schedule(
            scene, "primary", "Primary on-call", "primary_operator", [first, second]
        )
        _schedule(scene, "secondary", "Secondary on-call", "secondary_operator", [second, lead])
    if [each.person for each in duty.on_duty("primary_operator", workspace=scene.workspace)] != [
        first
    ]:  # whose week it is depends on the day: the demo's work of now is the first one's
        with clock.set_back(PAST):
            _turns(scene, primary, [second, first])
    _night(scene, primary)


def _schedule(scene: demo.Scene, slug: str, title: str, role: str, people: list[User]) -> Schedule:
    about = {
        "primary": "Takes all alerts and triages; acknowledges within five minutes.",
        "secondary": "Backup of the primary, and the next to be called.",
    }
    actor = scene.actor("operations_command")
    made = services.define_schedule(
        scene.workspace, slug, actor=actor, title=title, roles=[role], about=about[slug]
    )
    _turns(scene, made, people)
    return made


def _turns(scene: demo.Scene, schedule: Schedule, people: list[User]) -> None:
    services.set_layer(
        schedule, 1, people, actor=scene.actor("operations_command"), title="Weekly turns",
        turn="weekly", handoff_time=time(9), handoff_weekday=0,
        starts_on=(clock.now() - timedelta(days=1)).date(),
    )  # fmt: skip


def _night(scene: demo.Scene, primary: Schedule) -> None:
    """Half a day of the running week, taken by the release manager, who is no operator: whoever
    manages the schedule put them there."""
    starts = (clock.now() + timedelta(days=1)).replace(hour=16, minute=0, second=0, microsecond=0)
    services.override(
        primary,
        scene.people["release_manager"],
        actor=scene.actor("operations_command"),
        starts=starts,
        ends=starts + timedelta(hours=16),
        reason="Watches the release overnight",
    )

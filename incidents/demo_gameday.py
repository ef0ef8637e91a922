"""A game day of the demo: played nine days ago, late in one phase, scored by its clocks."""

from __future__ import annotations

from datetime import timedelta

from controlplane.base import demo
from controlplane.lib import clock
from incidents.gamedays import playing
from incidents.models import Drill, Incident
from incidents.records import moving
from incidents.response import checks, updates

AGO = timedelta(days=9, hours=3)


@demo.step("game day", order=99)
def game_day(scene: demo.Scene) -> None:
    played = Drill.objects.filter(workspace=scene.workspace, kind=Drill.Kind.GAME_DAY)
    if played.exists():
        return
    lead = scene.actor("engineering_lead")
    with clock.set_back(AGO):
        day = playing.begin_game_day(
            scene.workspace, actor=lead, scene="agent", severity="sev2",
            reason="Before the second planner is let loose on everybody.",
        )  # fmt: skip
    if day.incident is None:
        return
    _answered(scene, day.incident)
    _over(scene, day.incident)
    with clock.set_back(AGO - timedelta(minutes=55)):
        playing.end_game_day(day, actor=lead)


def _answered(scene: demo.Scene, row: Incident) -> None:
    primary = scene.actor("primary_operator")
    with clock.set_back(AGO - timedelta(minutes=3)):
        began = clock.now()
        moving.acknowledge(row, actor=primary)
    with clock.set_back(AGO - timedelta(minutes=9)):
        moving.triage(
            row, actor=primary, impact_percent=30, symptoms="Missions stand still since noon.",
            started_at=began.isoformat(),
        )  # fmt: skip
        updates.post_update(
            row, actor=primary, kind="initial", audience="internal",
            subject=f"{row.ref}: missions stand still",
            text="Missions stand still. We look at the process of the agents' service.",
        )  # fmt: skip
        moving.mitigate(row, actor=primary, reason="Looking at its process first.")


def _over(scene: demo.Scene, row: Incident) -> None:
    """Mitigated later than its level asks: that is what the day was for."""
    primary, lead = scene.actor("primary_operator"), scene.actor("engineering_lead")
    with clock.set_back(AGO - timedelta(minutes=38)):
        moving.mitigated(row, actor=primary, how="It was started again with twice the memory.")
        moving.watch(row, actor=primary)
    with clock.set_back(AGO - timedelta(minutes=49)):
        for slug in checks.KINDS:
            if slug != checks.CUSTOMERS:
                checks.note_check(row, slug, "ok", actor=primary)
        checks.note_check(
            row, checks.CUSTOMERS, "waived", actor=lead, remark="It was played: nothing was out."
        )
        moving.resolve(
            row, actor=primary, reason="It has been quiet since.",
            root_cause="A process without a limit on its memory, played.",
        )  # fmt: skip

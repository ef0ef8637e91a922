"""Runbooks of the demo: some were tried and drilled, and one is being worked through for the
incident that burns."""

from __future__ import annotations

from datetime import timedelta

from controlplane.base import demo
from controlplane.lib import clock
from incidents.models import Incident, RunbookValidation
from incidents.runbooks import books, running, validating

# (runbook, days ago, who, where, what came of it, what was seen)
TRIED = (
    ("postgres_pool", 12, "primary_operator", "staging", "works", ""),
    ("evidence_upload", 20, "engineering_lead", "staging", "mended",
     "The folder of the bucket had another name than the text said."),
    ("wake_trigger_failure", 110, "secondary_operator", "staging", "works", ""),
    ("composio_rate_limit", 12, "primary_operator", "staging", "works", ""),
)  # fmt: skip


@demo.step("runbooks", order=99)
def runbooks(scene: demo.Scene) -> None:
    if RunbookValidation.objects.filter(workspace=scene.workspace).exists():
        return
    for slug, days, role, where, result, note in TRIED:
        with clock.set_back(timedelta(days=days)):
            validating.validate(
                books.get(scene.workspace.pk, slug), actor=scene.actor(role),
                workspace=scene.workspace, environment=where, result=result, note=note,
            )  # fmt: skip
    _drilled(scene)
    _worked_through(scene)


def _drilled(scene: demo.Scene) -> None:
    lead = scene.actor("engineering_lead")
    row = books.get(scene.workspace.pk, "beads_db")
    with clock.set_back(timedelta(days=12)):
        run = validating.begin_drill(row, scene.workspace, actor=lead, reason="The quarter's.")
        for step in running.steps_of(run):
            running.tick(
                run, step.number, actor=lead, skipped=step.acts,
                note="Read at the table." if step.acts else "Done as it says.",
            )  # fmt: skip
        validating.end_drill(run, actor=lead, reason="Everybody knew where to look.")


def _worked_through(scene: demo.Scene) -> None:
    """Begun by one and gone on with by another."""
    rows = Incident.objects.of(scene.workspace).burning().order_by("severity", "-pk")
    incident = rows.first()
    if incident is None:
        return
    row = books.get(scene.workspace.pk, "composio_rate_limit")
    primary, secondary = scene.actor("primary_operator"), scene.actor("secondary_operator")
    with clock.set_back(timedelta(minutes=8)):
        run = running.begin(row, actor=primary, incident=incident)
        running.run_step(run, 1, actor=primary)
    with clock.set_back(timedelta(minutes=5)):
        running.run_step(run, 2, actor=secondary)

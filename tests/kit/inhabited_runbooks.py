"""Runbooks of each standing and runs in each state, with hostile words where words stand."""

from __future__ import annotations

from controlplane.access.models import User, Workspace
from incidents.models import Incident
from incidents.runbooks import books, running, using, validating
from tests import make

TEXT = books.FOLDER / "beads_db.md"


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """One of the workspace's own with hostile words, tried and drilled; one that was put away; a
    run that goes on for an incident, one that is over and one that was abandoned."""
    actor = make.actor(root)
    said = " ".join(hostile.split()).replace("`", "")
    text = TEXT.read_text().replace("slug: beads_db", "slug: ours")
    text = text.replace("aliases: beads, bd\n", "")
    text = text.replace(
        "title: bd finds no database, or its items are gone", f"title: {said[:100]}"
    )
    text = text.replace("## Prevention\n", f"## Prevention\n\n{hostile}\n\n{long}\n")
    own = books.save_runbook(workspace, text, actor=actor, reason=hostile[:400])
    own = books.save_runbook(workspace, text + "\nMore.\n", actor=actor, reason="Again")
    books.archive(workspace, "kpi_miss", actor=actor, reason=hostile[:400], replaced_by="ours")
    incident = Incident.objects.filter(workspace=workspace).earliest("id")
    run = running.begin(own, actor=actor, incident=incident)
    running.tick(run, 1, actor=actor, note=f"{hostile} {long}"[:1900])
    running.tick(run, 2, actor=actor, note=hostile[:400], skipped=True)
    validating.end_drill(
        validating.begin_drill(own, workspace, actor=actor), actor=actor, reason=hostile[:400]
    )
    other = running.begin(own, actor=actor, workspace=workspace, purpose="validation")
    running.abandon(other, actor=actor, reason=hostile[:400])
    for result, slug in (("works", "ours"), ("failed", "data_gap"), ("mended", "oauth_drift")):
        validating.validate(
            books.get(workspace.pk, slug), actor=actor, workspace=workspace,
            environment=hostile[:60], result=result, note=hostile[:400],
        )  # fmt: skip
    changed = books.get(workspace.pk, "undo_failure")
    validating.validate(
        changed, actor=actor, workspace=workspace, environment="staging", result="works"
    )
    assert changed.current is not None
    books.save_runbook(workspace, changed.current.text + "\nOurs.\n", actor=actor)
    using.consult(own, actor=actor, incident=incident)

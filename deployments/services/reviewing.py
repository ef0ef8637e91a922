"""Snapshots that people take."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.redaction import redact_text
from deployments.models import Deployment, Snapshot
from deployments.services import reading
from deployments.services.noting import note as record_note
from deployments.services.telling import figures_in_words
from deployments.watch import snapshots


@transaction.atomic
def take_snapshot(deployment: Deployment, *, actor: Actor, note: str = "") -> Snapshot:
    """The figures of the last half hour, as at a review of the dashboards."""
    policy.require(actor, "deployment.tick", deployment)
    words = reading.line("note", redact_text(note), reading.REASON)
    made = snapshots.take(
        deployment.workspace, "review", actor=actor, deployment=deployment, note=words
    )
    record_note(
        deployment,
        "deployment.tick",
        actor=actor,
        said=f"Snapshot: {figures_in_words(made.figures)} {words}".strip(),
        after={"snapshot": str(made.uid)},
        details={"snapshot": True},
    )
    return made

"""What runs by itself: the sealer, the daily proof, the extract for the weekly review."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from controlplane.access.models import Workspace
from controlplane.audit import review, sealing, verification
from controlplane.audit.proof import verify
from controlplane.jobs import engine, obligations, progress, watch
from controlplane.jobs.registry import job
from controlplane.lib import actors

engine.module("audit.seal", sealing.seal_all, every=timedelta(seconds=2), order=80)


@watch.probe("audit.seal")
def waiting_for_a_seal() -> Iterator[watch.Finding]:
    waited = sealing.lag()
    if waited > sealing.MAX_LAG.value:
        message = f"Audit events have waited {waited:.0f} s for their seal."
        yield watch.Finding("audit", "seal", message)


@job("audit.verify", at="02:10", time_limit=1800, attempts=1, doc="Prove the whole audit log.")
def prove() -> dict[str, int]:
    whole = verification.sealed_events()
    proof = verify(
        expected=verification.remembered(),
        using=sealing.alias(),
        progress=lambda done: progress.step(done, whole, "events proved"),
    )
    if not proof.sound:
        # A failed run is what the watch tells people of; the message names the row.
        raise RuntimeError(f"the audit log is broken: {proof.findings[0].message}")
    return {"events": proof.events, "seals": proof.seals}


@job(
    "audit.prepare_reviews",
    at="0 6 * * 1",
    time_limit=600,
    doc="Prepare the extract of last week's audit log for the security lead.",
)
def prepare_reviews() -> dict[str, int]:
    workspaces = Workspace.objects.filter(archived_at=None).values_list("pk", flat=True)
    for workspace_id in workspaces:
        review.prepare_review(actors.job("audit.prepare_reviews"), workspace_id)
    return {"workspaces": len(workspaces)}


obligations.register(
    review.WEEKLY_REVIEW,
    title="Review the audit log",
    owner_role="security_lead",
    cadence="weekly",
    evidence="The signed review of last week's extract: refusals, break-glass, keys, exports.",
    why="A log that nobody reads warns of nothing; what it tells is seen within a week.",
)

"""The documentation a hotfix owes: what was skipped, evidence, a review, a timeline. Each is a work
item under the hotfix's own, due a day after it went live; it isn't closed before they are done."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.base import signals
from controlplane.base.states import plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.gates import table
from deployments.models import Deployment
from deployments.services import reading
from deployments.services.holding import hold
from deployments.services.noting import PORTAL, note

# What every hotfix owes, whatever was skipped: slug -> title.
ALWAYS = {
    "evidence": "Backfill the evidence",
    "review": "Hold the retrospective",
    "timeline": "Write down the timeline",
}
REVIEW = "review"
OVERDUE = "deployments.papers_overdue"


def owe(row: Deployment, *, actor: Actor) -> None:
    """Open the follow-ups: once each, whoever asks again. The review and what is skipped from the
    beginning; when it went live the rest, and a day for all of it. Callers hold the graph."""
    known = {item.ensure_key: item for item in items_of(row)}
    for slug, title in _wanted(row):
        item = known.get(_key(row, slug))
        if item is None:
            _open(row, slug, title)
        elif item.category != "done" and item.due_at != row.docs_due_at:
            work.update_item(item, actor=PORTAL, due_at=row.docs_due_at)
    if row.docs_due_at is not None:
        from deployments.watch.timers import set_papers

        set_papers(row)


def _wanted(row: Deployment) -> list[tuple[str, str]]:
    skipped = row.gates.filter(state="waived").order_by("position")
    steps = row.steps.filter(state="skipped", optional=False).order_by("position")
    live = row.docs_due_at is not None
    return [
        *((slug, title) for slug, title in ALWAYS.items() if live or slug == REVIEW),
        *((f"gate-{gate.slug}", f"Make up for: {gate.title}") for gate in skipped),
        *((f"step-{step.uid}", f"Make up for: {step.title}") for step in steps),
    ]


def _key(row: Deployment, slug: str) -> str:
    return f"deployment-papers:{row.uid}:{slug}"


def _open(row: Deployment, slug: str, title: str) -> None:
    project = work.ensure_operations_project(row.workspace, actor=PORTAL)
    definition = table.GATES.get(slug.removeprefix("gate-"))
    command = f"\n\n{definition.command}" if definition is not None and definition.command else ""
    found = work.ensure(
        project,
        _key(row, slug),
        actor=PORTAL,
        title=f"{title} ({row.ref})"[:500],
        item_type="task",
        priority=1,
        labels=["ops", "hotfix", "follow-up"],
        description=f"Owed by the hotfix {row.ref}, {row.release}.{command}",
        due_at=row.docs_due_at,
    )
    if found.created and row.item is not None:
        work.add_dependency(found.item, row.item, actor=PORTAL, kind="discovered-from")


def forgive(row: Deployment, reason: str, *slugs: str) -> None:
    """What is not owed after all is closed: of these, or of everything."""
    wanted = {_key(row, slug) for slug in slugs}
    for item in items_of(row):
        if item.category != "done" and (not slugs or item.ensure_key in wanted):
            work.close_item(item, actor=PORTAL, reason=reason, force=True)


def items_of(row: Deployment) -> list[Item]:
    rows = Item.objects.filter(
        workspace_id=row.workspace_id, ensure_key__startswith=f"deployment-papers:{row.uid}:"
    )
    return list(rows.defer("search").order_by("pk"))


def owed(row: Deployment) -> list[str]:
    """What is still open of it, in words."""
    return [f"{item.key} {item.title}" for item in items_of(row) if item.category != "done"]


@transaction.atomic
def settle(
    deployment: Deployment, *, actor: Actor, reason: str, version: int | None = None
) -> Deployment:
    """Say that the documentation is complete: everything owed is closed, and here is what."""
    policy.require(actor, "deployment.close", deployment)
    row = hold(deployment, version=version)
    if row.docs_due_at is None:
        raise Conflict(f"{row.ref} owes no documentation.")
    if row.documented_at is not None:
        return row
    still = owed(row)
    if still:
        raise GateNotMet(f"{len(still)} papers are owed.", details={"conditions": still})
    why = reading.reason(reason)
    now = clock.now()
    Deployment.objects.filter(pk=row.pk).update(documented_at=now, version=F("version") + 1)
    row.documented_at = now
    row.version += 1
    note(
        row,
        "deployment.document",
        actor=actor,
        said=f"The documentation of {row.ref} is complete: {why}",
        before={"documented_at": None},
        after={"documented_at": plain(now)},
        reason=why,
    )
    return row


def overdue(row: Deployment) -> None:
    """A day has passed: those above hear of it, once."""
    signals.emit(
        OVERDUE,
        key=str(row.uid),
        payload={"deployment": str(row.uid), "ref": row.ref, "owed": owed(row)},
        workspace_id=row.workspace_id,
    )

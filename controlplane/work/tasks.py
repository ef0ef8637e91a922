"""What the work graph does by itself: the morning's digest, and looking whether all is right."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

from controlplane.access.models import Workspace
from controlplane.jobs import watch
from controlplane.jobs.models import JobRun
from controlplane.jobs.registry import job
from controlplane.jobs.watch import Finding
from controlplane.lib import actors, clock
from controlplane.notify.services import To, notify
from controlplane.work.models import Item
from controlplane.work.services import checking, digest
from controlplane.work.vocabulary import counted

logger = logging.getLogger(__name__)
READINESS = "work.readiness"
_NAMED = 20


def _workspaces() -> list[Workspace]:
    return list(Workspace.objects.filter(archived_at=None).order_by("pk"))


@job(
    "work.digest",
    every=timedelta(minutes=5),
    time_limit=120,
    doc="Tell the chat channels of each workspace, in its morning, what is ready.",
)
def morning_digest() -> dict[str, int]:
    actor = actors.job("work.digest")
    counts = {"sent": 0, "failed": 0}
    for workspace in _workspaces():
        try:
            counts["sent"] += digest.send_digest(workspace, actor=actor)
        except Exception:
            # One workspace's trouble must not keep the others' mornings silent.
            logger.exception("the digest of workspace %s could not be sent", workspace.pk)
            counts["failed"] += 1
    return counts


@job(
    "work.labels",
    at="03:20",
    time_limit=300,
    doc="Find deployments, incidents and maintenance without the label of their kind.",
)
def check_labels() -> dict[str, int]:
    actor = actors.job("work.labels")
    found = 0
    for workspace in _workspaces():
        items = checking.check_labels(workspace, actor=actor)
        found += len(items)
        if items:
            _tell_unlabelled(workspace, items)
    return {"unlabelled": found}


def _tell_unlabelled(workspace: Workspace, items: list[Item]) -> None:
    some = "\n".join(f"{item.key} {item.item_type}: {item.title}" for item in items[:_NAMED])
    notify(
        workspace_id=workspace.pk,
        kind="work.labels",
        to=To(roles=["operations_command"]),
        key=f"work.labels:{workspace.pk}:{clock.now():%Y-%m-%d}",
        subject=f"{counted(len(items), 'operations item')} without the label of its kind",
        body=some,
        link="/admin/work/item/?queue=unlabelled",
    )


@job(
    READINESS,
    every=timedelta(hours=1),
    time_limit=300,
    doc="Compare the kept readiness of work items with its definition, and repair it.",
)
def check_readiness() -> dict[str, int]:
    repaired = checking.repair_readiness(actor=actors.job(READINESS))
    return {"wrong": sum(repaired.values()), "workspaces": len(repaired)}


@watch.probe(READINESS)
def wrong_readiness() -> Iterator[Finding]:
    """From the run that found it until one finds nothing."""
    last = JobRun.objects.filter(name=READINESS, state="done").order_by("-pk").first()
    wrong = last.counts.get("wrong", 0) if last is not None else 0
    if wrong:
        yield Finding(
            "readiness",
            "work",
            f"The kept readiness of {wrong} work items was wrong. It is repaired; the audit log"
            " has what it was.",
            critical=False,
        )


@job(
    "work.orphans",
    at="04:20",
    time_limit=600,
    doc="Delete kept files that no evidence names any more.",
)
def remove_orphans() -> dict[str, int]:
    return {"deleted": checking.remove_orphans()}

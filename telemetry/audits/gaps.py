"""Gaps and their work items: found again they are the same, found no more they are closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.db.models import QuerySet

from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import ControlPlaneError
from controlplane.work.models import Item, Project
from controlplane.work.services import closing, ensuring, talk
from telemetry.audits.kinds import RULES, Answer, Found
from telemetry.models import AuditRun, Gap

LABEL = "telemetry-gap"
QUIET = define(
    "telemetry.gap_quiet_h", 24, unit="hours", why="not found for a whole day: then it is mended"
)


def blocking_gaps(workspace_id: int) -> QuerySet[Gap]:
    """What must be closed before the next deployment starts."""
    rows: QuerySet[Gap] = Gap.objects.of(workspace_id).blocking()
    return rows


def keep(run: AuditRun, answers: Mapping[str, Answer], *, actor: Actor) -> int:
    """Open or renew what was found. A check over a day at least closes what it no longer finds:
    a look at a sample can't know, and whoever looks at a minute must unblock no deployment."""
    found: dict[tuple[str, str], Found] = {
        (code, each.about[:120]): each for code, answer in answers.items() for each in answer.gaps
    }
    known = {
        (gap.rule, gap.about): gap
        for gap in Gap.objects.of(run.workspace_id).select_for_update().order_by("pk")
    }
    for key in sorted(found):
        _found(run, known.get(key), key, found[key], actor)
    if run.mode != AuditRun.Mode.SPOT and run.until - run.since >= timedelta(hours=QUIET.value):
        judged = {
            code
            for code, answer in answers.items()
            if answer.whole and answer.status in {"ok", "gaps"}
        }
        gone = [
            gap
            for key, gap in sorted(known.items())
            if gap.status == Gap.Status.OPEN and gap.rule in judged and key not in found
        ]
        _gone(run, gone, actor)
    return len(found)


def _found(
    run: AuditRun, gap: Gap | None, key: tuple[str, str], found: Found, actor: Actor
) -> None:
    rule, about = key
    fresh = gap is None or gap.status == Gap.Status.CLOSED
    if gap is None:
        gap = Gap(workspace_id=run.workspace_id, rule=rule, about=about)
    if fresh:
        gap.status, gap.closed_at = Gap.Status.OPEN, None
        gap.first_seen = clock.now()
    changed = fresh or gap.text != found.text
    gap.text, gap.total, gap.details = found.text, found.total, found.details
    gap.last_seen, gap.run = clock.now(), run
    item = _item_for(run.workspace, gap, actor)
    gap.item = item.key
    gap.save()
    if fresh:
        record(actor, "telemetry.gap_found", gap, after={"text": gap.text, "item": gap.item})
    elif changed:
        talk.comment(item, f"Found again: {gap.text}", actor=actor)


def _item_for(workspace: Workspace, gap: Gap, actor: Actor) -> Item:
    project = Project.objects.get(workspace=workspace, is_operations=True)
    return ensuring.ensure(
        project,
        f"telemetry-gap:{gap.rule}:{gap.about}",
        actor=actor,
        title=f"Telemetry gap {gap.rule}: {gap.about}"[:200],
        description=f"{RULES[gap.rule].title}.\n\n{gap.text}",
        item_type="bug",
        priority=2,
        labels=[LABEL],
    ).item


def _gone(run: AuditRun, gaps: Sequence[Gap], actor: Actor) -> None:
    for gap in gaps:
        gap.status, gap.closed_at = Gap.Status.CLOSED, clock.now()
        gap.save(update_fields=["status", "closed_at"])
        record(actor, "telemetry.gap_closed", gap, reason="no longer found")
        _close_item(run.workspace, gap, actor)


def _close_item(workspace: Workspace, gap: Gap, actor: Actor) -> None:
    item = Item.objects.filter(project__workspace=workspace, key=gap.item).first()
    if item is None or item.is_closed:
        return
    try:
        closing.close_item(item, actor=actor, reason="The audit no longer finds it.")
    except ControlPlaneError as error:
        # Somebody put work under it: that is theirs to finish.
        talk.comment(item, f"The audit no longer finds it. Left open: {error.message}", actor=actor)

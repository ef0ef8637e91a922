"""Clean-up: rows go when their class's time is over, in batches, leaving a record.

Each class says how long and why (`data_rules.RetentionClass`). The runner never goes below a
class's legal minimum, whatever the environment says; it deletes in small transactions, so that a
long clean-up blocks nobody and a killed one has done what it counted. What a legal hold keeps is
left out, and counted beside (`base.holds`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.apps import apps
from django.db import models, transaction

from controlplane.access import policy
from controlplane.base import holds
from controlplane.base.data_rules import Reach, RetentionClass, retention
from controlplane.base.models import RetentionRun
from controlplane.jobs import progress
from controlplane.jobs.leases import describe
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor

logger = logging.getLogger(__name__)

BATCH = defaults.define(
    "retention.batch", 1_000, unit="rows", why="one transaction's worth: locks stay short"
)
BUDGET = defaults.define(
    "retention.budget_s", 240.0, unit="seconds", why="what is left waits for the next hour"
)


EVERYTHING = "base.retentionrun:*"


def cutoff_of(entry: RetentionClass, now: datetime | None = None) -> datetime | None:
    """Rows older than this may go; None when they are kept without end."""
    if entry.keep is None:
        return None
    return (now or clock.now()) - max(entry.keep, entry.minimum)


def clean(
    *, actor: Actor, dry_run: bool = False, only: str | None = None, budget: float | None = None
) -> list[RetentionRun]:
    """Run every class with an end and a way to delete, or one of them. One record each; a class
    that fails is recorded as failed and stops no other."""
    # It deletes rows of every workspace: a role in one of them must not reach the others.
    policy.require(actor, "retention.run", EVERYTHING)
    deadline = time.monotonic() + (BUDGET.value if budget is None else budget)
    entries = [
        (entry, cutoff)
        for entry in retention
        if (only is None or entry.slug == only)
        and entry.delete is not None
        and (cutoff := cutoff_of(entry)) is not None
    ]
    runs = []
    for number, (entry, cutoff) in enumerate(entries):
        progress.step(number, len(entries), entry.what)
        tell = partial(_tell, number, len(entries), entry.what)
        runs.append(_clean_one(entry, cutoff, dry_run, deadline, tell))
    return runs


def _tell(number: int, whole: int, what: str, rows: int) -> None:
    progress.step(number, whole, f"{what}: {rows:,} rows")


def _clean_one(
    entry: RetentionClass,
    cutoff: datetime,
    dry_run: bool,
    deadline: float,
    tell: Callable[[int], None],
) -> RetentionRun:
    run = RetentionRun.objects.create(slug=entry.slug, cutoff=cutoff, dry_run=dry_run)
    rows, held, error = 0, 0, ""
    try:
        held = entry.held(cutoff) if entry.held is not None else 0
        if dry_run:
            rows = entry.count(cutoff) if entry.count is not None else 0
        else:
            for done in _batches(entry, cutoff, deadline):
                rows += done
                tell(rows)
    except progress.Cancelled:
        error = "stopped by hand"
        raise
    except Exception as problem:
        logger.exception("clean-up of %s failed", entry.slug)
        error = describe(problem)[:500]
    finally:
        RetentionRun.objects.filter(pk=run.pk).update(
            rows=rows, held=held, error=error, finished_at=max(clock.now(), run.started_at)
        )
    run.refresh_from_db()
    return run


def _batches(entry: RetentionClass, cutoff: datetime, deadline: float) -> Any:
    delete = entry.delete
    while delete is not None and time.monotonic() < deadline:
        with transaction.atomic():
            holds.take_turn(alone=False)
            done = delete(cutoff, BATCH.value)
        yield done
        if done < BATCH.value:
            return


# --- The usual way: rows of one table by one column ------------------------------------------

Rows = Callable[[datetime], models.QuerySet[Any]]
NOBODYS = Reach()  # of the installation: no row says whose it is


def _older(model: str, column: str, **only: Any) -> Rows:
    """Rows of `model` whose `column` lies before the cut-off."""

    def rows(cutoff: datetime) -> models.QuerySet[Any]:
        manager: models.Manager[Any] = apps.get_model(model)._base_manager
        return manager.filter(**{f"{column}__lt": cutoff}, **only).order_by(column)

    return rows


def keep_rows(
    slug: str,
    model: str,
    column: str,
    *,
    days: int,
    what: str,
    why: str,
    minimum_days: int = 0,
    reach: Reach | None = None,
    **only: Any,
) -> RetentionClass:
    """Register a table by age. The number of days is a named default like any other. Its rows name
    a workspace, or `reach` says how a legal hold gets to them."""
    rows = _older(model, column, **only)
    return _register(slug, model, rows, days, (what, why), minimum_days, reach)


def keep_found(
    slug: str,
    model: str,
    rows: Rows,
    *,
    days: int,
    what: str,
    why: str,
    reach: Reach | None = None,
) -> RetentionClass:
    """Register a table of which `rows` finds what may go, given the cut-off, the oldest first: for
    rows whose time depends on what became of them."""
    return _register(slug, model, rows, days, (what, why), 0, reach)


def _register(
    slug: str,
    model: str,
    rows: Rows,
    days: int,
    words: tuple[str, str],
    minimum_days: int,
    reach: Reach | None,
) -> RetentionClass:
    what, why = words
    number = defaults.define(f"retention.{slug}_days", days, unit="days", why=why)

    def delete(cutoff: datetime, limit: int) -> int:
        keys = list(holds.spared(rows(cutoff), slug).values_list("pk", flat=True)[:limit])
        apps.get_model(model)._base_manager.filter(pk__in=keys).delete()
        return len(keys)

    return retention.register(
        RetentionClass(
            slug=slug,
            models=(model,),
            keep=timedelta(days=number.value),
            minimum=timedelta(days=minimum_days),
            what=what,
            why=why,
            delete=delete,
            count=lambda cutoff: holds.spared(rows(cutoff), slug).count(),
            reach=_own_workspace(model) if reach is None else reach,
            held=lambda cutoff: holds.kept(rows(cutoff), slug).count(),
        )
    )


def _own_workspace(model: str) -> Reach:
    names = {part.attname for part in apps.get_model(model)._meta.concrete_fields}
    if "workspace_id" not in names:
        raise ValueError(f"{model} names no workspace: say how a legal hold reaches its rows")
    return Reach(workspace="workspace_id")


def keep_always(slug: str, *models_: str, why: str) -> RetentionClass:
    """Say that these tables are kept without end, and why."""
    return retention.register(RetentionClass(slug=slug, models=models_, keep=None, why=why))

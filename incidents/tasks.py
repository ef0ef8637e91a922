"""What is looked at regularly of alerts, incidents and calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.jobs.celery_app import app
from controlplane.jobs.registry import job
from incidents.intake import lost
from incidents.models import Action
from incidents.paging import auditing
from incidents.records.noting import PORTAL
from incidents.response import acting
from incidents.reviews import settling
from incidents.support import sync


@job(
    "paging.audit",
    every=timedelta(minutes=1),
    time_limit=60,
    doc="See that everybody is called who has to be, and mend what is not.",
)
def audit_paging() -> dict[str, Any]:
    return {**auditing.audit(), "lost messages": lost.call()}


@job(
    "incidents.reviews",
    every=timedelta(minutes=15),
    time_limit=60,
    doc="Close the items of reviews of which everything is done.",
)
def settle_reviews() -> dict[str, Any]:
    return {"closed": settling.settle()}


@job(
    "support.sync",
    every=timedelta(minutes=5),
    time_limit=60,
    doc="Plan the weekly support sync where there is none, and begin it when its time has come.",
)
def begin_support_sync() -> dict[str, Any]:
    return {"planned": sync.plan_missing(), "begun": sync.begin_due()}


# Longer than any step may take.
_LIMIT = 600


@app.task(name="incidents.act", time_limit=_LIMIT, expires=60)
def carry_out(action_id: int) -> None:
    """What waits for the world, done for whoever planned it. One that is over stays so."""
    row = Action.objects.filter(pk=action_id).first()
    if row is not None:
        acting.carry_out(row, actor=PORTAL)


def send_action(action_id: int) -> None:
    carry_out.apply_async(args=[action_id], expires=60, retry=False)

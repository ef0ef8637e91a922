"""What is looked at regularly of alerts, incidents and calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.jobs.registry import job
from incidents.intake import lost
from incidents.paging import auditing
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
    doc="Begin the weekly support sync when its time has come, with its agenda.",
)
def begin_support_sync() -> dict[str, Any]:
    return {"begun": sync.begin_due()}

"""The nightly erasure, and the watch over its promise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from controlplane.jobs import watch
from controlplane.jobs.registry import job
from controlplane.lib import clock
from controlplane.privacy import numbers
from controlplane.privacy.models import DataRefresh, DeletionRequest
from controlplane.privacy.services import erasing
from controlplane.privacy.services.holding import person_is_held


@job("privacy.erase", at="02:50", time_limit=1800, doc="Erase what people asked to have erased.")
def erase_what_is_ripe() -> dict[str, int]:
    told = erasing.erase_ripe()
    if told["failed"]:
        raise RuntimeError(f"{told['failed']} of {sum(told.values())} erasures failed")
    return told


@watch.probe("privacy.promises")
def late() -> Iterator[watch.Finding]:
    """Days before the promise is broken, and once copies for testing stop coming."""
    soon = clock.now() + timedelta(days=numbers.WARN_DAYS.value)
    due = DeletionRequest.objects.open().filter(due_at__lt=soon)
    # The law that holds them is stronger than the promise.
    near = sum(not person_is_held(who) for who in due.values_list("person_id", flat=True))
    if near:
        message = f"{near} erasures that people asked for are due within {numbers.WARN_DAYS.value}"
        yield watch.Finding("privacy", "erasure", f"{message} days.", critical=False)
    newest = DataRefresh.objects.filter(workspace=None).order_by("-taken_at").first()
    oldest = clock.now() - timedelta(days=numbers.COPY_DAYS.value)
    if newest is not None and newest.taken_at < oldest:
        days = (clock.now() - newest.taken_at).days
        message = f"The newest sanitised copy for testing is {days} days old."
        yield watch.Finding("privacy", "copy", message, critical=False)

"""Steps run by a worker: claimed once, kept alive by a lease, never run a second time by itself.

The row is the order: the engine's tick finds steps that were asked for and sends each to a worker
as a message, which may come twice or late without harm, for only one claim of a token succeeds.
From then on the worker renews its lease with every look at the command. A worker that was killed
renews nothing; the tick then fails the step in words that say what is known: that it began, and
nothing of its end. A worker that comes back late finds its token gone, kills its command and
writes nothing.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from controlplane.jobs import engine
from controlplane.lib import clock
from deployments import numbers
from deployments.models import Step
from deployments.services import steps as services
from deployments.services.holding import hold_step
from deployments.services.noting import PORTAL
from deployments.steps import moving
from deployments.steps.kinds import Ended, run

logger = logging.getLogger(__name__)
EVERY = timedelta(seconds=1)
_BATCH = 20

Send = Callable[[int, str], None]


def claim(step_id: int, token: str) -> Step | None:
    """Take the step, once: whoever comes second gets nothing. The token changes hands."""
    mine = moving.fresh_token()
    rows = Step.objects.filter(pk=step_id, state="running", token=uuid.UUID(token), started_at=None)
    # What is blocked begins nothing; it is offered again, and begins once it goes on.
    rows = rows.filter(deployment__status="deploying")
    if not rows.update(token=mine, started_at=clock.now(), lease_until=_until()):
        return None
    related = (
        *("adapter", "component", "deployment__environment", "deployment__workspace"),
        *("deployment__item", "deployment__approval", "deployment__flag"),
    )
    found: Step = Step.objects.select_related(*related).get(pk=step_id)
    return found if found.token == mine else None


def _until() -> object:
    return Now() + timedelta(seconds=numbers.LEASE_SECONDS.value)


def renew(step: Step, output: str) -> bool:
    """Still ours? The log goes with it, for those who look on."""
    rows = Step.objects.filter(pk=step.pk, state="running", token=step.token)
    return bool(rows.update(lease_until=_until(), output=output))


class Holding:
    """The lease of one step. A database that is away for a moment is no reason to end a command in
    the middle; one that is away for longer than the lease is, for nobody would hear of its end."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.since = time.monotonic()

    def __call__(self, output: str) -> bool:
        try:
            held = renew(self.step, output)
        except (OperationalError, InterfaceError):
            connection.close_if_unusable_or_obsolete()
            return time.monotonic() - self.since < numbers.LEASE_SECONDS.value
        self.since = time.monotonic()
        return held


def perform(step_id: int, token: str) -> str:
    """Run one claimed step to its end. What became of it, in a word."""
    step = claim(step_id, token)
    if step is None:
        return "taken by another"
    try:
        ended = _allowed(step) or run(step, Holding(step))
    except Exception as error:  # whatever it was: the step says so, and a person decides
        logger.exception("step %s failed in its worker", step.uid)
        ended = Ended("failed", outcome=f"The worker could not run it: {type(error).__name__}.")
    return _finish(step, ended)


def _allowed(step: Step) -> Ended | None:
    """The adapter as it was read with the claim: it may have become another one since."""
    if step.adapter is None or step.kind == Step.Kind.HEALTH_CHECK:
        return None
    why = services.unsigned(step, step.adapter)
    return Ended("failed", outcome=why) if why else None


def _finish(step: Step, ended: Ended) -> str:
    with transaction.atomic():
        row = hold_step(step)
        if row.state != "running" or row.token != step.token:
            logger.warning("step %s is somebody else's now", step.uid)
            return "lost"
        if ended.state == "waits":
            _wait(row, ended)
            return "waits"
        moved = moving.end(
            row,
            ended.state,
            from_="running",
            output=ended.output or row.output,
            exit_code=ended.exit_code,
            outcome=ended.outcome[:500],
        )
        services.after_step(moved, PORTAL)
    return ended.state


def _wait(row: Step, ended: Ended) -> None:
    """The pipeline took it and will report: until then, or until its time is over."""
    seconds = row.adapter.timeout_s if row.adapter is not None else numbers.LEASE_SECONDS.value
    Step.objects.filter(pk=row.pk, token=row.token).update(
        lease_until=Now() + timedelta(seconds=seconds),
        output=ended.output,
        outcome=ended.outcome[:500],
    )


# --- Found by the tick --------------------------------------------------------------------------


def dispatch(send: Send) -> int:
    """Offer what was asked for and nobody began; a message that is lost is sent again."""
    waiting = Step.objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=Now()),
        state="running",
        token__isnull=False,
        started_at=None,
        deployment__status="deploying",
    )
    sent = 0
    for pk, token in list(waiting.order_by("asked_at").values_list("pk", "token")[:_BATCH]):
        again = Now() + timedelta(seconds=numbers.UNCLAIMED_SECONDS.value)
        rows = Step.objects.filter(pk=pk, token=token, started_at=None)
        if rows.update(lease_until=again):
            send(pk, str(token))
            sent += 1
    return sent


def bury() -> int:
    """Fail what a silent worker left behind."""
    silent = Step.objects.filter(
        state="running", token__isnull=False, started_at__isnull=False, lease_until__lte=Now()
    )
    buried = 0
    for step in list(silent.select_related("deployment").order_by("lease_until")[:_BATCH]):
        buried += _bury(step)
    return buried


def _bury(step: Step) -> int:
    with transaction.atomic():
        row = hold_step(step)
        late = Step.objects.filter(pk=row.pk, token=step.token, lease_until__lte=Now())
        if row.state != "running" or not late.exists():
            return 0
        waits = row.kind == Step.Kind.HOOK and row.outcome
        words = "The pipeline reported no end in time." if waits else _SILENT
        moved = moving.end(row, "failed", from_="running", outcome=words)
        services.after_step(moved, PORTAL)
    return 1


_SILENT = (
    "The worker that ran it fell silent. It began and nobody knows how it ended: look before it "
    "is tried again."
)


def work(deadline: float) -> int:
    """The engine's module."""
    from deployments.tasks import send_step

    return bury() + dispatch(send_step)


engine.module("deployments.steps", work, every=EVERY, order=40)

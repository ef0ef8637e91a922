"""A wake that was given up, tried again by somebody who mended what was in the way."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.jobs import leases
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line
from missions.threads import numbers
from missions.threads.models import WakeTrigger
from missions.threads.waking import due


def requeue_wake(wake: WakeTrigger, *, actor: Actor, reason: str) -> WakeTrigger:
    """From the beginning: the live session first. What was tried stays on record."""
    try:
        return _again(wake, actor, reason)
    except IntegrityError as error:
        if "wake_one_open" not in str(error):
            raise
        raise Conflict("Somebody wakes the same agent there already.") from None


@transaction.atomic
def _again(wake: WakeTrigger, actor: Actor, reason: str) -> WakeTrigger:
    policy.require(actor, "thread.requeue", wake)
    why = line("reason", reason, numbers.REASON_MAX, required=True)
    rows = WakeTrigger.objects.select_for_update(of=("self",)).select_related(
        "thread", "participant"
    )
    row: WakeTrigger = rows.get(pk=wake.pk)
    if row.state != leases.DEAD:
        raise Conflict("It was not given up.", details={"status": row.status})
    if not row.thread.is_open:
        raise Conflict("The thread is closed.", details={"status": row.thread.status})
    if row.participant.left_at is not None:
        raise Conflict("The agent takes part no longer.")
    WakeTrigger.objects.filter(pk=row.pk).update(
        state=leases.WAITING, lease_token=None, status=WakeTrigger.Status.QUEUED, attempts=0,
        ready_at=Now(), finished_at=None, result="", error_code="", last_error="", live_tries=0,
        resume_tries=0, spawn_tries=0, deferred_since=None, sent_at=None, told_at=None,
        message_at=Now(), to_seq=row.thread.last_seq, requeues=F("requeues") + 1,
        version=F("version") + 1,
    )  # fmt: skip
    record(
        actor, "thread.requeue", row.thread, reason=why,
        details={"agent": str(row.agent), "wake": str(row.uid)},
    )  # fmt: skip
    due.notify()
    row.refresh_from_db()
    return row

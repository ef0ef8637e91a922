"""Steps of a claimed wake, each in one transaction and only while the claim is ours.

That it is told stands in the row before anybody is told: whoever answers at once finds it, and a
supervisor that dies in between has used up a try.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.jobs import leases
from controlplane.jobs.leases import LeaseLost
from controlplane.lib import clock
from missions.threads import numbers
from missions.threads.models import RuntimeSession, WakeAttempt, WakeTrigger
from missions.threads.waking import due
from missions.threads.waking.services import holding

_STATUS = {"live": "triggering", "resume": "fallback_resume", "spawn": "fallback_spawn"}
TRIED = {"live": "live_tries", "resume": "resume_tries", "spawn": "spawn_tries"}


class Held(Exception):
    """Not now, and it is nobody's fault: it counts as no try."""

    def __init__(self, code: str, seconds: float) -> None:
        super().__init__(code)
        self.code, self.seconds = code, seconds


@transaction.atomic
def begin(
    row: WakeTrigger, path: str, session: RuntimeSession | None, adapter: str, *, supervisor: str,
    code: str = "",
) -> WakeAttempt:  # fmt: skip
    """Use up one try. The pace is counted under a lock: two supervisors may wake one agent."""
    due.lock(row.agent_id)
    _as_it_is_now(row)
    if not row.forced:
        paced = WakeTrigger.objects.told_within_minute(row.agent_id).exclude(pk=row.pk).count()
        if paced >= numbers.TRIGGERS_PER_MINUTE.value:
            raise Held("TRIGGER_RATE_LIMITED", numbers.RECHECK_SECONDS.value)
    changes: dict[str, Any] = {
        "status": _STATUS[path],
        TRIED[path]: F(TRIED[path]) + 1,
        "session": session,
        "error_code": code,
        "version": F("version") + 1,
    }
    if path == "live":
        changes["deferred_since"] = None
    if not leases.held(row).update(sent_at=Now(), **changes):
        raise LeaseLost(str(row.pk))
    number = WakeAttempt.objects.filter(trigger=row).count() + 1
    made: WakeAttempt = WakeAttempt.objects.create(
        trigger=row,
        number=number,
        path=path,
        adapter=adapter,
        session=session,
        result="sent",
        error_code=code,
        supervisor=supervisor[:120],
        created_at=Now(),
    )
    return made


def _as_it_is_now(row: WakeTrigger) -> None:
    """What is told is what was asked for by now. What was paused since it was claimed waits."""
    names = ("reason", "why", "prompt", "from_seq", "to_seq", "forced")
    found = leases.held(row).select_for_update(of=("self",)).values(*names).first()
    if found is None:
        raise LeaseLost(str(row.pk))
    for name, value in found.items():
        setattr(row, name, value)
    if not due.takeable().filter(pk=row.pk).exists():
        raise Held("WAKES_HELD", numbers.RECHECK_SECONDS.value)


@transaction.atomic
def sent(
    row: WakeTrigger, attempt: WakeAttempt, *, detail: str, took: float, acknowledged: bool = False
) -> bool:
    """Somebody took it. Its answer is waited for: whoever looks next finds it, or that none came.
    False when it was answered already."""
    WakeAttempt.objects.filter(pk=attempt.pk).update(detail=detail[:500], duration_ms=_ms(took))
    if acknowledged:
        return settle(row, by="explicit", result="triggered")
    return _back(row, numbers.ACK_SECONDS.value)


@transaction.atomic
def not_sent(
    row: WakeTrigger, attempt: WakeAttempt, *, code: str, detail: str, took: float, wait: float
) -> bool:
    """Nobody took it."""
    WakeAttempt.objects.filter(pk=attempt.pk).update(
        result="failed", error_code=code[:40], detail=detail[:500], duration_ms=_ms(took)
    )
    return _back(row, wait, status="failed", error_code=code[:40], sent_at=None)


@transaction.atomic
def unanswered(row: WakeTrigger, *, code: str, broke: bool, wait: float) -> bool:
    """It was told and nothing came back in time."""
    last = WakeAttempt.objects.filter(trigger=row, result="sent").order_by("-number")[:1]
    result = "failed" if broke else "timeout"
    WakeAttempt.objects.filter(pk__in=last.values("pk")).update(result=result, error_code=code)
    return _back(row, wait, status=result, error_code=code, sent_at=None)


@transaction.atomic
def untried(row: WakeTrigger, *, code: str) -> bool:
    """What was begun for it was ended by us: that is no try, and it begins anew."""
    told = WakeAttempt.objects.filter(trigger=row, result="sent").order_by("-number")
    last: WakeAttempt | None = told.first()
    if last is None:
        return _back(row, 0.0, status="queued", error_code=code, sent_at=None)
    WakeAttempt.objects.filter(pk=last.pk).update(result="stopped", error_code=code)
    again = {TRIED[last.path]: F(TRIED[last.path]) - 1}
    return _back(row, 0.0, status="queued", error_code=code, sent_at=None, **again)


def hold(row: WakeTrigger, code: str, seconds: float) -> bool:
    """Later: the pace, or a limit. The first time, the thread and the log say so."""
    new = row.error_code != code
    held = _back(row, seconds, status="deferred", error_code=code, deferrals=F("deferrals") + 1)
    if held and new and code in holding.LIMITS:
        holding.tell(row, code)
    return held


def defer(row: WakeTrigger, code: str, seconds: float) -> bool:
    """A person types there: how long they hold it is counted from the first time."""
    since = row.deferred_since if row.deferred_since is not None else Now()
    held = _back(
        row, seconds, status="deferred", error_code=code, deferrals=F("deferrals") + 1,
        deferred_since=since,
    )  # fmt: skip
    if held and row.deferred_since is None:
        holding.note_held(row, code)
    return held


def wait(row: WakeTrigger, seconds: float) -> bool:
    """What was begun is still at work."""
    return _back(row, seconds)


def _back(row: WakeTrigger, seconds: float, **changes: Any) -> bool:
    """Given back for later. A claim that reported counts as none: only those whose supervisor
    vanished do."""
    if changes:
        changes["version"] = F("version") + 1
    return bool(
        leases.held(row).update(
            state=leases.WAITING,
            lease_token=None,
            attempts=F("attempts") - 1,
            ready_at=Now() + timedelta(seconds=seconds),
            **changes,
        )
    )


def settle(row: WakeTrigger, *, by: str, result: str) -> bool:
    """Awake."""
    now = clock.now()
    done = leases.held(row).update(
        state=leases.DONE, lease_token=None, status="delivered", result=result, acked_by=by,
        acked_at=now if by else None, finished_at=now, error_code="", version=F("version") + 1,
    )  # fmt: skip
    return bool(done)


def cancel(row: WakeTrigger, code: str) -> bool:
    return _end(row, leases.CANCELLED, "cancelled", code, "")


def give_up(row: WakeTrigger, code: str) -> bool:
    return _end(row, leases.DEAD, "dead", code, "failed")


@transaction.atomic
def _end(row: WakeTrigger, state: str, status: str, code: str, result: str) -> bool:
    ended = leases.held(row).update(
        state=state, lease_token=None, status=status, error_code=code, result=result,
        finished_at=Now(), version=F("version") + 1,
    )  # fmt: skip
    if ended:
        holding.note_end(row, status, code)
    return bool(ended)


@transaction.atomic
def bury(rows: Sequence[WakeTrigger]) -> None:
    """Those whose supervisor vanished each time: `leases.claim` ended them."""
    for row in rows:
        holding.note_end(row, "dead", "SUPERVISOR_LOST")
    WakeTrigger.objects.filter(pk__in=[row.pk for row in rows]).update(
        status="dead", result="failed", error_code="SUPERVISOR_LOST"
    )


# --- The session that was told ------------------------------------------------------------------


def session_answered(session: RuntimeSession) -> None:
    RuntimeSession.objects.filter(pk=session.pk, failures__gt=0).update(failures=0)


@transaction.atomic
def session_failed(session: RuntimeSession) -> bool:
    """One more failure in a row. An address that never answers is switched off until somebody
    registers it again. True when it is off now."""
    row: RuntimeSession = RuntimeSession.objects.select_for_update().get(pk=session.pk)
    row.failures = min(row.failures + 1, 32_767)
    most = numbers.WEBHOOK_FAILURES.value
    off = row.adapter == "webhook" and row.failures >= most and not row.disabled_reason
    if off:
        row.disabled_reason = f"Switched off after {row.failures} failures in a row."
    row.save(update_fields=["failures", "disabled_reason"])
    return off


def _ms(seconds: float) -> int:
    return max(0, min(int(seconds * 1000), 2_147_483_647))

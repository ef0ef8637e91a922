"""The facts that the next step of one wake hangs on, by the database's clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Case, IntegerField, Value, When
from django.db.models.functions import Now

from missions.threads import numbers
from missions.threads.models import AgentPulse, RuntimeSession, WakeAttempt, WakeRun, WakeTrigger
from missions.threads.waking import commands
from missions.threads.waking.adapters import adapter_of
from missions.threads.waking.commands import Templates
from missions.threads.waking.deciding import Facts
from missions.threads.waking.due import takeable

RELATED = ("thread", "participant", "agent", "session")


@dataclass(frozen=True, slots=True)
class Scene:
    row: WakeTrigger
    facts: Facts
    live: RuntimeSession | None
    resumed: RuntimeSession | None
    spawned: Templates | None

    def with_tries(self, row: WakeTrigger) -> Facts:
        return replace(
            self.facts, live_tries=row.live_tries, resume_tries=row.resume_tries,
            spawn_tries=row.spawn_tries,
        )  # fmt: skip


def gather(pk: int) -> Scene:
    row = WakeTrigger.objects.select_related(*RELATED).annotate(now=Now()).get(pk=pk)
    now: datetime = row.now
    sessions = _sessions(row.agent_id)
    live = _best([each for each in sessions if _is_live(each, now)], now)
    busy = live is not None and not row.forced and _busy(live, now)
    resumed = next((each for each in sessions if _can_resume(each, now)), None)
    spawned = commands.for_spawn([each.runtime for each in sessions])
    seen = _seen(row.agent_id)
    run = _run(row)
    facts = Facts(
        asked=row.reason == WakeTrigger.Reason.ASKED,
        forced=row.forced,
        gone=_gone(row),
        acked=_acked(row),
        sent=row.sent_at is not None,
        alive_since=row.sent_at is not None and seen is not None and seen > row.sent_at,
        awake=seen is not None and now - seen < timedelta(seconds=numbers.FRESH_SECONDS.value),
        run=run.status if run is not None else "",
        live_tries=row.live_tries,
        resume_tries=row.resume_tries,
        spawn_tries=row.spawn_tries,
        deferred_for=_since(row.deferred_since, now),
        live=live is not None,
        busy=busy,
        resumable=resumed is not None,
        spawnable=spawned is not None,
        known=bool(sessions),
        crashes=_crashes(row.agent_id, now),
        paced=WakeTrigger.objects.told_within_minute(row.agent_id).exclude(pk=row.pk).count(),
        ahead=_ahead(row, now),
    )
    return Scene(row, facts, live, resumed, spawned)


def _sessions(agent_id: int) -> list[RuntimeSession]:
    """Of the agent, the best first: active before idle before offline, then the newest beat."""
    rank = Case(
        When(status="active", then=Value(0)), When(status="idle", then=Value(1)),
        default=Value(2), output_field=IntegerField(),
    )  # fmt: skip
    rows = RuntimeSession.objects.filter(agent_id=agent_id)
    return list(rows.order_by(rank, "-beat_at", "-pk")[:100])


def _best(sessions: list[RuntimeSession], now: datetime) -> RuntimeSession | None:
    """The first, but for those that would have to hold a stream open and don't just now."""
    there = (each for each in sessions if not each.is_pushed_to or each.is_connected(now))
    return next(there, sessions[0] if sessions else None)


def _stale(session: RuntimeSession, now: datetime) -> bool:
    if session.is_connected(now):
        return False
    return now - session.beat_at > timedelta(hours=numbers.STALE_HOURS.value)


def _is_live(session: RuntimeSession, now: datetime) -> bool:
    return (
        session.management == RuntimeSession.Management.MANAGED
        and session.status != RuntimeSession.Status.OFFLINE
        and not session.paused
        and not session.disabled_reason
        and not _stale(session, now)
        and (session.adapter != "command" or _can_start(session))
    )


def _can_start(session: RuntimeSession) -> bool:
    return commands.for_resume(session) is not None and _is_its_own(session)


def _can_resume(session: RuntimeSession, now: datetime) -> bool:
    typing = session.operator_busy_until is not None and session.operator_busy_until > now
    return (
        session.resumable
        and not session.paused
        and not typing
        and not _stale(session, now)
        and _can_start(session)
    )


def _is_its_own(session: RuntimeSession) -> bool:
    """A session's id is no secret: it stands beside what was said in it. Whoever names another
    agent's as its own would have that one started here, with a prompt of its choice."""
    first = RuntimeSession.objects.filter(
        session_id=session.session_id, pk__lt=session.pk, agent__is_active=True
    )
    return not first.exclude(agent_id=session.agent_id).exists()


def _busy(session: RuntimeSession, now: datetime) -> bool:
    if session.operator_busy_until is not None and session.operator_busy_until > now:
        return True
    return session.adapter != "command" and adapter_of(session).busy()


def _gone(row: WakeTrigger) -> str:
    if row.thread.status == "closed":
        return "THREAD_CLOSED"
    if row.participant.left_at is not None:
        return "NOT_A_PARTICIPANT"
    return "" if row.agent.is_active else "AGENT_INACTIVE"


def _acked(row: WakeTrigger) -> bool:
    """The cursor moved past it. What was asked while nothing was unread is answered by whoever
    acknowledges after that; a prompt, by nobody who has not been told of it."""
    part = row.participant
    if row.prompt and row.sent_at is None:
        return False
    if part.last_read_seq < max(row.from_seq, 1):
        return False
    unread = row.reason == WakeTrigger.Reason.UNREAD
    return unread or (part.read_at is not None and part.read_at > row.created_at)


def _seen(agent_id: int) -> datetime | None:
    rows = AgentPulse.objects.filter(agent_id=agent_id)
    found: datetime | None = rows.values_list("seen_at", flat=True).first()
    return found


def _run(row: WakeTrigger) -> WakeRun | None:
    """The command of the try that is waited for; of tries before it nothing is to be learnt."""
    if row.sent_at is None:
        return None
    rows = WakeRun.objects.filter(trigger=row, started_at__gte=row.sent_at)
    found: WakeRun | None = rows.order_by("-pk").first()
    return found


def _since(moment: datetime | None, now: datetime) -> float | None:
    return (now - moment).total_seconds() if moment is not None else None


def _crashes(agent_id: int, now: datetime) -> int:
    since = now - timedelta(minutes=numbers.CRASH_MINUTES.value)
    tries = WakeAttempt.objects.filter(
        trigger__agent_id=agent_id, path=WakeAttempt.Path.RESUME, result="failed",
        created_at__gte=since,
    )  # fmt: skip
    return tries.count()


def _ahead(row: WakeTrigger, now: datetime) -> int:
    """Older ones of the workspace that are at work or soon due. The oldest always go on, so that
    nothing waits for ever."""
    soon = now + timedelta(seconds=numbers.PENDING_PAUSE_SECONDS.value)
    older = takeable().filter(workspace_id=row.workspace_id, pk__lt=row.pk, ready_at__lte=soon)
    most: int = numbers.PENDING_MOST.value
    return older.values("pk")[:most].count()

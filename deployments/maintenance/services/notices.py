"""What is said of a window: laid out when it gets its time, said once when it is due.

A row stands for each thing to be said in each place before its time comes, and a timer for each
thing: so a portal that was away finds on its return what it still owes. It says the last of what
is due and with it the earlier ones, and says that it is late. Rows change and messages are written
in one transaction under the window's lock; of two workers one finds nothing left to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from controlplane.audit.refs import subject_ref
from controlplane.base.states import advance
from controlplane.jobs import timers
from controlplane.notify.models import Delivery, Notification
from deployments.maintenance import numbers, places, plans, standing, telling
from deployments.maintenance.noting import PORTAL, emit, note, say
from deployments.models import MaintenanceWindow, Notice

TIMER = "maintenance.notice"
UNSTARTED = "maintenance.unstarted"
OVERDUE = "maintenance.overdue"
PARTNER = "maintenance.partner_time"
WATCH_OVER = "maintenance.watch_over"
EVERYBODY = tuple(Notice.Channel.values)
TEAM = (Notice.Channel.CHAT, Notice.Channel.BANNER, Notice.Channel.INAPP)


def lay_out(window: MaintenanceWindow, now: datetime) -> None:
    """Rows and promises for the time it has now. Callers hold the window."""
    times = plans.notice_times(window.starts_at, window.ends_at, now)
    kinds: Iterable[str] = times
    if window.is_emergency:
        ahead = plans.ahead_of_emergency(window.starts_at, now)
        kinds = [*ahead, "start", "done"]
    for kind in kinds:
        _put(window, kind, times[kind])
        if kind in plans.AHEAD:
            _promise(window, TIMER, times[kind], kind)
    late = timedelta(minutes=numbers.UNSTARTED_MINUTES.value)
    if window.is_ours:
        _promise(window, UNSTARTED, window.starts_at + late)
        _promise(window, OVERDUE, window.ends_at)
    else:
        _promise(window, PARTNER, window.starts_at, "start")
        _promise(window, PARTNER, window.ends_at, "end")


def _put(window: MaintenanceWindow, kind: str, due_at: datetime) -> None:
    channels = EVERYBODY if standing.for_users(window) else TEAM
    Notice.objects.bulk_create(
        Notice(window=window, revision=window.revision, kind=kind, channel=channel, due_at=due_at)
        for channel in channels
    )


def _promise(window: MaintenanceWindow, kind: str, due_at: datetime, what: str = "") -> None:
    timers.set_timer(
        kind,
        key=f"{kind}:{window.uid}:{what}",
        due_at=due_at,
        subject=subject_ref(window),
        workspace_id=window.workspace_id,
        payload={"window": str(window.uid), "revision": window.revision, "what": what},
    )


def promise_watch(window: MaintenanceWindow) -> None:
    if window.monitor_until is not None:
        _promise(window, WATCH_OVER, window.monitor_until)


def reach_users(window: MaintenanceWindow, now: datetime) -> None:
    """They notice it after all. They are told what was said in advance, and what is still to be
    said goes to them too. Callers hold the window."""
    rows = list(window.notices.filter(revision=window.revision))
    have = {(row.kind, row.channel) for row in rows}
    of_kind = {row.kind: row for row in rows}
    fresh = [
        Notice(window=window, revision=window.revision, kind=kind, channel=channel,
               due_at=row.due_at)
        for kind, row in of_kind.items()
        for channel in EVERYBODY
        if (kind, channel) not in have
    ]  # fmt: skip
    if not fresh:
        return
    Notice.objects.bulk_create(fresh)
    said = [kind for kind in plans.AHEAD if kind in of_kind and of_kind[kind].state != "due"]
    if said:
        send(window, said[-1], now, folded=said[:-1], newly=True)


def forget(window: MaintenanceWindow) -> None:
    """What was to be said of its time is no longer true."""
    timers.cancel_timers(subject=subject_ref(window))
    window.notices.filter(state="due").update(state="void")


def was_told(window: MaintenanceWindow) -> bool:
    return window.notices.filter(sent_at__isnull=False).exclude(state="void").exists()


def say_ahead(
    window: MaintenanceWindow, now: datetime, *, early: bool = False
) -> plans.Saying | None:
    """Say what is due ahead of it; `early`: the first notice, before it is due. Callers hold the
    window."""
    if window.status not in {"scheduled", "announced", "approved"}:
        return None
    rows = window.notices.filter(revision=window.revision, state="due", kind__in=plans.AHEAD)
    if window.is_ours and now >= window.ends_at:
        rows.update(state="void")  # nobody reads in advance of what was to be over by now
        return None
    known = {row.kind: row.due_at for row in rows}
    if early and not any(at <= now for at in known.values()) and known:
        first = min(known, key=plans.AHEAD.index)
        known = {first: now}
    saying = plans.say_now(known.items(), now)
    if saying is None:
        return None
    send(window, saying.kind, now, folded=saying.folded, late_since=saying.late_since)
    told(window)
    return saying


def unsaid_ahead(window: MaintenanceWindow) -> list[str]:
    """What was still to be said in advance when it begins: an emergency's, or what was waived."""
    rows = window.notices.filter(revision=window.revision, state="due", kind__in=plans.AHEAD)
    return sorted(set(rows.values_list("kind", flat=True)))


def told(window: MaintenanceWindow) -> None:
    """The first of it has left: it is announced, and approved where consent came before that."""
    if window.status == "scheduled":
        advance(window, "announced", actor=PORTAL, reason="The first notice left.")
    request = window.approval
    if window.status == "announced" and request is not None and request.status == "approved":
        advance(window, "approved", actor=PORTAL, reason=f"{request.ref} is approved.")


def send(
    window: MaintenanceWindow,
    kind: str,
    now: datetime,
    *,
    folded: Sequence[str] = (),
    late_since: datetime | None = None,
    newly: bool = False,
    **more: Any,
) -> Notification:
    """One thing, everywhere it is to be said; `newly`: to users alone, the team knows. Callers hold
    the window."""
    if kind in {"correction", "cancelled", "missed"}:
        _put(window, kind, now)
    rows = window.notices.filter(revision=window.revision, state="due")
    late = telling.late_words(late_since)
    users = standing.for_users(window)
    news = telling.announce(window, kind, users=users, newly=newly, late=late, **more)
    reached = set(
        Delivery.objects.filter(notification=news).exclude(state="suppressed")
        .order_by().values_list("method", flat=True).distinct()
    )  # fmt: skip
    for row in rows.filter(kind=kind):
        method = standing.SENT_BY.get(row.channel)
        somewhere = method in reached if method else places.shown(row.channel, window)
        row.state = ("late" if late else "sent") if somewhere else "nowhere"
        row.sent_at = now
        row.notification = news if method is not None else None
        row.save(update_fields=["state", "sent_at", "notification"])
    if folded:
        rows.filter(kind__in=folded).update(state="folded", sent_at=now, folded_into=kind)
    emit(window, "maintenance.announced", notice=kind, text=news.subject)
    note(
        window,
        "maintenance.notice",
        actor=PORTAL,
        after={"notice": kind, "folded": list(folded), "late": bool(late)},
    )
    say(window, f"Told everybody: {news.subject}", actor=PORTAL)
    return news

"""Somebody answers: nobody else is called. And whoever answered and then fell silent."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.access.naming import name_of
from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.text import short
from controlplane.notify import wording
from controlplane.notify.models import Urgency
from controlplane.notify.services import To, notify
from incidents import links
from incidents.models import EscalationRun, Incident, Page, SeverityLevel, Ticket
from incidents.paging import numbers, runs
from incidents.paging.calls import level_words
from incidents.paging.ending import end_runs, hush
from incidents.paging.matters import which
from incidents.paging.policies import PORTAL
from incidents.records import levels

SILENT, REMIND = "paging.silent", "paging.silence_near"
_OF_INCIDENT = "incident"
wording.register(
    "paging.silence_near",
    "Others are called soon, since nothing was said",
    subject="{ref}: say how it stands",
    body="You acknowledged {ref} {title}, and nothing was said of it since. At {at} UTC others are"
    " called again. A word on its timeline is enough.",
)


@transaction.atomic
def answered(matter: Incident | Ticket, *, actor: Actor, way: str) -> int:
    """End every call for it, also one that nobody answered in all its rounds. Returns how many
    runs it answered."""
    said = short(f"{name_of(actor)} answered.", 300)
    rows = EscalationRun.objects.filter(**which(matter))
    ended = end_runs(rows, said, status=EscalationRun.Status.ANSWERED, answered_by=actor, way=way)
    late = rows.filter(status=EscalationRun.Status.UNANSWERED).update(
        status=EscalationRun.Status.ANSWERED, ended_at=Now(), ended_why=said,
        version=F("version") + 1,
    )  # fmt: skip
    hush(Page.objects.filter(**which(matter)), said, answered_by=actor, way=way)
    if ended or late:
        record(actor, "paging.answer", matter, after={"way": way, "runs": len(ended) + late})
    return len(ended) + late


@transaction.atomic
def call_off(matter: Incident | Ticket, *, actor: Actor, reason: str) -> int:
    """Nobody is called for it any more: it is over, or no longer grave."""
    ended = end_runs(EscalationRun.objects.filter(**which(matter)), reason)
    hush(Page.objects.filter(**which(matter)), reason)
    for kind in (SILENT, REMIND):
        timers.cancel_timer(_key(kind, matter))
    if ended:
        record(actor, "paging.call_off", matter, reason=reason, after={"runs": len(ended)})
    return len(ended)


def let_be(incident: Incident, *, reason: str) -> int:
    """Somebody is on it, and it hurts nobody any more: whoever its level calls may sleep on. Whom
    somebody asked for is called still, and silence is held against it as before."""
    rows = EscalationRun.objects.filter(**which(incident), why__in=runs.BY_LEVEL)
    return len(end_runs(rows, reason))


# --- Acknowledged, and then silence ---------------------------------------------------------------


def _key(kind: str, matter: Incident | Ticket) -> str:
    return f"{kind}:{matter.uid}"


def expect_more(incident: Incident, level: SeverityLevel) -> None:
    """Promise that its people are called again if nothing is said of it by then. Whatever is said
    moves the promise on. Where a level calls nobody, nobody is called again."""
    if not level.pages:
        return
    seconds = level.unack_s if level.unack_s is not None else numbers.UNACK_S.value
    due = clock.now() + timedelta(seconds=seconds)
    _promise(SILENT, incident, due, seconds)
    early = due - timedelta(seconds=min(numbers.REMIND_S.value, seconds / 2))
    _promise(REMIND, incident, early, seconds)


def _promise(kind: str, incident: Incident, due: datetime, seconds: int) -> None:
    timers.set_timer(
        kind,
        key=_key(kind, incident),
        due_at=due,
        subject=subject_ref(incident),
        workspace_id=incident.workspace_id,
        payload={_OF_INCIDENT: incident.pk, "seconds": seconds},
    )


def _waits(timer: Timer) -> Incident | None:
    """The incident, where it still burns, somebody said that they are on it, and its level, which
    may be another by now, calls people."""
    rows = Incident.objects.burning().filter(acknowledged_at__isnull=False)
    held: Incident | None = (
        rows.filter(pk=timer.payload[_OF_INCIDENT])
        .select_for_update(of=("self",), no_key=True)
        .first()
    )
    if held is None or not levels.level(held.workspace_id, held.severity).pages:
        return None
    return held


def _last_word(incident: Incident) -> datetime:
    """When somebody last said or did something about it."""
    moments = (
        incident.acknowledged_at, incident.last_update_at, incident.triaged_at,
        incident.mitigation_started_at, incident.mitigated_at, incident.restored_at,
    )  # fmt: skip
    return max(at for at in moments if at is not None)


@timers.on(REMIND)
def silence_near(timer: Timer) -> None:
    incident = _waits(timer)
    if incident is None or incident.acknowledged_by_id is None:
        return
    if _moved(timer, incident, early=True):
        return
    at = timer.due_at + timedelta(seconds=min(numbers.REMIND_S.value, timer.payload["seconds"] / 2))
    notify(
        workspace_id=incident.workspace_id,
        kind="paging.silence_near",
        to=To(users=[incident.acknowledged_by_id]),
        key=f"paging.silence_near:{incident.uid}:{plain(timer.due_at)}",
        values={"ref": incident.ref, "title": incident.title, "at": f"{at:%Y-%m-%d %H:%M}"},
        urgency=Urgency.CRITICAL,
        link=links.page_of(incident),
        about=subject_ref(incident),
    )


@timers.on(SILENT)
def silent(timer: Timer) -> None:
    """The acknowledgement has lapsed: its level's people are called as at the beginning."""
    incident = _waits(timer)
    if incident is None or _moved(timer, incident, early=False):
        return
    minutes = timer.payload["seconds"] // 60
    reason = f"Acknowledged, and nothing was said of it for {minutes} minutes."
    Incident.objects.filter(pk=incident.pk).update(
        acknowledged_at=None, acknowledged_by=None, version=F("version") + 1
    )
    record(
        PORTAL, "paging.lapse", incident, reason=reason,
        before={"acknowledged_at": plain(incident.acknowledged_at)},
        after={"acknowledged_at": None},
    )  # fmt: skip
    runs.begin(incident, policy=_policy_of(incident), why="silent", actor=PORTAL, reason=reason)


def _moved(timer: Timer, incident: Incident, *, early: bool) -> bool:
    """Something was said meanwhile: the promise counts from then."""
    wait = timedelta(seconds=timer.payload["seconds"])
    if early:
        wait -= timedelta(seconds=min(numbers.REMIND_S.value, timer.payload["seconds"] / 2))
    due = _last_word(incident) + wait
    if due <= timer.due_at + timedelta(seconds=1):
        return False
    _promise(timer.kind, incident, due, timer.payload["seconds"])
    return True


def _policy_of(incident: Incident) -> str:
    rows = SeverityLevel.objects.in_force(incident.workspace_id)
    found = rows.filter(ladder="incident", code=incident.severity).first()
    return found.policy if found is not None else level_words(incident.severity).lower()

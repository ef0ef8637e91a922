"""The clock of a deployment: looks while it is watched, the end of the watch, papers that are
owed."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F

from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError
from deployments import numbers
from deployments.models import Deployment
from deployments.services.holding import hold
from deployments.services.noting import PORTAL, emit, say
from deployments.watch import snapshots, verdicts

WATCH = "deployments.watch"
PAPERS = "deployments.papers"


def set_watch(deployment: Deployment) -> None:
    """The next look: soon, or at the end of the watch when that is sooner."""
    until = deployment.monitor_until
    if until is None:
        return
    soon = clock.now() + timedelta(minutes=numbers.LOOK_MINUTES.value)
    _set(deployment, WATCH, min(soon, until))


def set_papers(deployment: Deployment) -> None:
    at = clock.now() + timedelta(hours=numbers.DOCS_NAG_HOURS.value)
    due = deployment.docs_due_at
    _set(deployment, PAPERS, min(at, due) if due is not None and due > clock.now() else at)


def _set(deployment: Deployment, kind: str, at: datetime) -> None:
    timers.set_timer(
        kind,
        key=f"deployment:{deployment.uid}:{kind}",
        due_at=at,
        subject=subject_ref(deployment),
        workspace_id=deployment.workspace_id,
        payload={"deployment": str(deployment.uid)},
    )


def _of(timer: Timer) -> Deployment | None:
    found: Deployment | None = Deployment.objects.filter(uid=timer.payload["deployment"]).first()
    return hold(found) if found is not None else None


@timers.on(WATCH)
def look(timer: Timer) -> None:
    """A look while it is watched. A breach is told at once, not at the end; the last look keeps
    the figures and says how it went."""
    row = _of(timer)
    if row is None or row.status != "monitoring" or row.monitor_until is None:
        return
    if clock.now() >= row.monitor_until:
        end_watch(row)
        return
    before = snapshots.newest(row, "before")
    assert row.deployed_at is not None
    start = min(row.deployed_at, clock.now() - snapshots.MINUTE)
    now, env = clock.now(), row.environment.slug
    after = snapshots.figures(row.workspace_id, start, now, env=env, ready=False)
    verdict = verdicts.judge(before.figures if before is not None else {}, after)
    if verdict.breach and row.verdict != "degraded":
        _breach(row, verdict)
    set_watch(row)


def end_watch(row: Deployment) -> None:
    """The figures of the whole watch, compared with those before. Callers hold the row."""
    from deployments.services import checking, telling

    before = snapshots.newest(row, "before")
    after = snapshots.take(
        row.workspace, "after", actor=PORTAL, deployment=row, start=row.deployed_at
    )
    verdict = verdicts.judge(before.figures if before is not None else {}, after.figures)
    if verdict.breach:
        _breach(row, verdict)
    else:
        _keep(row, verdict)
        say(row, f"The watch is over. {_sentence(verdict)}", actor=PORTAL)
    if row.is_guarded and not verdict.breach and row.kind != Deployment.Kind.ROLLBACK:
        telling.announce(row, after)
    checking.look_at_gates(row, phase="after")


def _sentence(verdict: verdicts.Verdict) -> str:
    return f"Verdict: {verdict.verdict}. {verdict.words}"


def _keep(row: Deployment, verdict: verdicts.Verdict) -> None:
    words = verdict.words[:500]
    Deployment.objects.filter(pk=row.pk).update(
        verdict=verdict.verdict, verdict_words=words, version=F("version") + 1
    )
    before = row.verdict
    row.verdict, row.verdict_words = verdict.verdict, words
    row.version += 1
    record(
        PORTAL,
        "deployment.judge",
        row,
        before={"verdict": before},
        after={"verdict": row.verdict, "why": words},
    )


def _breach(row: Deployment, verdict: verdicts.Verdict) -> None:
    """Told, proposed to roll back, kept on the record. What is done is a person's decision."""
    from deployments.services import telling

    _keep(row, verdict)
    say(
        row,
        f"It got worse: {verdict.words} Rolling back is proposed.",
        actor=PORTAL,
    )
    emit(row, "breach", severity="warning", why=verdict.words)
    telling.tell_breach(row, verdict.words)


@timers.on(PAPERS)
def nag(timer: Timer) -> None:
    """Of papers that are owed, until they are not."""
    from deployments.services import papers, telling

    row = _of(timer)
    if row is None or row.documented_at is not None or row.status == "cancelled":
        return
    owed = papers.owed(row)
    now = clock.now()
    telling.tell_papers(row, owed, f"papers:{now:%Y%m%d%H%M}")
    late = row.docs_due_at is not None and now >= row.docs_due_at
    if late:
        try:
            papers.overdue(row)
        except ControlPlaneError as error:
            say(row, f"The papers are overdue: {error.message}", actor=PORTAL)
    set_papers(row)

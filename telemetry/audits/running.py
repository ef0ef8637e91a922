"""One audit, from its questions to its record."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor, job
from controlplane.lib.defaults import define
from controlplane.lib.errors import Conflict, ControlPlaneError, Invalid
from controlplane.work.services import graph
from telemetry import ingest
from telemetry.audits import gaps
from telemetry.audits.kinds import (
    BOOK,
    NOT_APPLICABLE,
    OTHERS,
    RULES,
    Answer,
    Found,
    Rule,
    Window,
)
from telemetry.audits.rules import names
from telemetry.models import AuditRun

logger = logging.getLogger(__name__)
CHECK_SAMPLE = define(
    "telemetry.audit_sample", 1_000, unit="events", why="looked at again by the redactor"
)
SPOT_SAMPLE = define(
    "telemetry.spot_sample", 200, unit="events", why="small and fast, right after a deployment"
)
MOST_GAPS = define(
    "telemetry.audit_gaps",
    100,
    unit="gaps",
    why="of one rule in one audit, each with a work item; what is more is told in one",
)
SPOT_WINDOW = timedelta(minutes=30)
CHECK_WINDOW = timedelta(days=7)
LONGEST = timedelta(days=180)
PORTAL = job("telemetry.audit")


def audit(
    workspace: Workspace,
    *,
    actor: Actor,
    mode: str = "check",
    since: datetime | None = None,
    subject: str = "",
) -> AuditRun:
    """Ask every rule of this mode and keep what came of it. A rule that fails makes the run
    `failed`: what could not be looked at must not pass for clean."""
    policy.require(actor, "telemetry.audit", workspace)
    window = _window(workspace, mode, since)
    started = clock.now()
    answers = {entry.code: _ask(entry, window) for entry in BOOK.of_mode(mode)}
    with transaction.atomic():
        graph.lock(workspace.pk)  # before rows of our own: gaps open and close work items
        run = _record(workspace, window, answers, started, actor, subject)
        if run.result != AuditRun.Result.FAILED:
            run.gaps = gaps.keep(run, answers, actor=actor)
            run.save(update_fields=["gaps"])
        record(
            actor,
            "telemetry.audit",
            run,
            after={"mode": mode, "result": run.result, "gaps": run.gaps},
        )
    _tell(run)
    return run


def _window(workspace: Workspace, mode: str, since: datetime | None) -> Window:
    if mode not in AuditRun.Mode.values:
        raise Invalid("No such mode.", details={"mode": "check, spot or report."})
    until = clock.now()
    start = since or until - (SPOT_WINDOW if mode == "spot" else CHECK_WINDOW)
    if not until - LONGEST <= start < until:
        raise Invalid(
            "The audit looks back, at most 180 days.", details={"since": "Within 180 days."}
        )
    sample = SPOT_SAMPLE.value if mode == "spot" else CHECK_SAMPLE.value
    return Window(workspace.pk, start, until, sample, mode, Random())  # noqa: S311 - a sample


def _ask(entry: Rule[Window], window: Window) -> Answer:
    check = BOOK.check_of(entry)
    if check is None:
        return NOT_APPLICABLE
    try:
        with transaction.atomic():
            return _bounded(check(window))
    except Exception as error:  # some rules are answered by other apps
        logger.exception("audit rule %s could not be asked", entry.code)
        return Answer("failed", f"Could not be asked: {type(error).__name__}.")


def _bounded(answer: Answer) -> Answer:
    """Whoever makes up a new name for each event must not open a work item with each: the most
    frequent are told one by one, the others together, and nothing is closed by what is not told."""
    more = len(answer.gaps) - MOST_GAPS.value
    if more <= 0:
        return answer
    ordered = sorted(answer.gaps, key=lambda gap: (-gap.total, gap.about))
    others = ordered[MOST_GAPS.value - 1 :]
    text = f"{len(others):,} others, such as {', '.join(gap.about[:60] for gap in others[:3])}."
    rest = Found(OTHERS, text, sum(gap.total for gap in others))
    return replace(answer, gaps=(*ordered[: MOST_GAPS.value - 1], rest), whole=False)


def _record(
    workspace: Workspace,
    window: Window,
    answers: dict[str, Answer],
    started: datetime,
    actor: Actor,
    subject: str,
) -> AuditRun:
    failed = [code for code, answer in answers.items() if answer.status == "failed"]
    found = any(answer.gaps for answer in answers.values())
    result = AuditRun.Result.FINDINGS if found else AuditRun.Result.CLEAN
    wanted, seen = _coverage(window)
    return AuditRun.objects.create(
        workspace=workspace,
        mode=window.mode,
        result=AuditRun.Result.FAILED if failed else result,
        since=window.since,
        until=window.until,
        started_at=started,
        finished_at=clock.now(),
        started_by=actor.ref[:200],
        events=window.rows("SELECT count(*) FROM {events}")[0][0],
        known=wanted,
        seen=seen,
        rules=[_line(code, answer) for code, answer in answers.items()],
        error=f"Could not ask {', '.join(failed)}." if failed else "",
        subject=subject[:120],
    )


def _coverage(window: Window) -> tuple[int, int]:
    """(events that should come in the stages that were visited, those of them that did)."""
    seen = names.seen_events(window)
    wanted = [name for each in names.wanted_events(window, seen).values() for name in each]
    return len(wanted), sum(name in seen for name in wanted)


def _line(code: str, answer: Answer) -> dict[str, Any]:
    return {
        "rule": code,
        "title": RULES[code].title,
        "status": answer.status,
        "text": answer.text,
        "gaps": [
            {"about": each.about, "text": each.text, "total": each.total, **_details(each.details)}
            for each in answer.gaps[:100]
        ],
    }


def _details(details: dict[str, Any]) -> dict[str, Any]:
    return {"details": details} if details else {}


def _tell(run: AuditRun) -> None:
    """The audit is an event like others: dashboards show when the last one was. It stands whether
    or not events can be taken now."""
    event = {
        "event": "audit_run_completed",
        "event_id": str(run.uid),
        "occurred_at": run.finished_at,
        "service": "portal",
        "status": "success" if run.result == AuditRun.Result.CLEAN else "warning",
        "context": {"mode": run.mode, "findings": run.gaps},
    }
    try:
        ingest.report(PORTAL, run.workspace, [event])
    except ControlPlaneError as error:
        logger.warning("the audit could not be reported as an event: %s", error)


@transaction.atomic
def sign(run: AuditRun, *, actor: Actor, note: str = "") -> AuditRun:
    """The telemetry analyst has read it."""
    policy.require(actor, "telemetry.sign_audit", run)
    if len(note) > 500:
        raise Invalid("The note is too long.", details={"note": "At most 500 characters."})
    changed = AuditRun.objects.filter(pk=run.pk, signed_at=None).update(
        signed_at=clock.now(), signed_by=actor.ref[:200], note=note.strip()
    )
    if not changed:
        raise Conflict("It is signed already.")
    run.refresh_from_db()
    record(actor, "telemetry.sign_audit", run, reason=run.note)
    return run

"""Gaps: what the audit found, for as long as it finds it, each with its work item."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import QuerySet

from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.work.models.followed import Followed
from controlplane.work.services import followed
from telemetry.audits.kinds import RULES, Answer
from telemetry.models import AuditRun, Gap

LABEL = "telemetry-gap"
QUIET = define(
    "telemetry.gap_quiet_h", 24, unit="hours", why="not found for a whole day: then it is mended"
)
FOLLOWUP = followed.Followup(
    Gap,
    LABEL,
    words="Telemetry gap",
    question=lambda code: RULES[code].title,
    found="telemetry.gap_found",
    closed="telemetry.gap_closed",
    gone="The audit no longer finds it.",
)


def blocking_gaps(workspace_id: int) -> QuerySet[Gap]:
    """What must be closed before the next deployment starts."""
    rows: QuerySet[Gap] = Gap.objects.of(workspace_id).blocking()
    return rows


def keep(run: AuditRun, answers: Mapping[str, Answer], *, actor: Actor) -> int:
    """Open or renew what was found. A check over a day at least closes what it no longer finds:
    a look at a sample can't know, and whoever looks at a minute must unblock no deployment."""
    found = {
        (code, each.about[:120]): each for code, answer in answers.items() for each in answer.gaps
    }
    long = run.until - run.since >= timedelta(hours=QUIET.value)
    judged = {
        code
        for code, answer in answers.items()
        if long and run.mode != AuditRun.Mode.SPOT and answer.whole
        and answer.status in {"ok", "gaps"}
    }  # fmt: skip

    def gone(gap: Followed) -> bool:
        return gap.rule in judged

    return followed.keep(FOLLOWUP, run, found, gone=gone, actor=actor)

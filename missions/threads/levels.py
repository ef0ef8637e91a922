"""The service levels of threads: what the rollout promised, and how a workspace stands to it.

Posts and reads as telemetry counted them, wakes as their rows say. Refusals that were the sender's
fault are no failures. From posting until it can be read is the slow end of both: whoever reads at
once has it by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.given import refuse
from telemetry import measures
from telemetry.measures.kinds import Reading

VIEW = "thread.view"
MOST_DAYS = 90
# The rollout's floor.
THRESHOLDS = {
    "postSuccessRate": 0.99,
    "readSuccessRate": 0.995,
    "postToVisibleP95Ms": 2_000.0,
    "messageToWakeTriggerP95Ms": 3_000.0,
}
_MEASURES = ("post_success", "post_p50", "post_p95", "read_success", "read_p50", "read_p95")
_WAKES = """
    SELECT count(*), count(*) FILTER (WHERE failed),
        percentile_disc(0.5) WITHIN GROUP (ORDER BY took) FILTER (WHERE took IS NOT NULL),
        percentile_disc(0.95) WITHIN GROUP (ORDER BY took) FILTER (WHERE took IS NOT NULL)
    FROM (
        SELECT w.state = 'dead' OR w.result = 'failed' AS failed,
            greatest(0, extract(epoch FROM w.sent_at - w.message_at) * 1000)::float8 AS took
        FROM threads_waketrigger w
        WHERE w.workspace_id = %s AND w.finished_at >= %s AND w.finished_at < %s
            AND (w.state = 'dead' OR w.result <> '')
    ) AS told
"""


def window(days: int) -> tuple[datetime, datetime]:
    """So many days, up to and with this minute."""
    if not 1 <= days <= MOST_DAYS:
        raise refuse("days", f"Between 1 and {MOST_DAYS}.")
    end = clock.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    return end - timedelta(days=days), end


def iso(moment: datetime) -> str:
    """As every other answer of the API."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def levels(workspace: Workspace, *, actor: Actor, start: datetime, end: datetime) -> dict[str, Any]:
    """In the form of the report that the measurement writes."""
    policy.require(actor, VIEW, workspace)
    found = _read(workspace, start, end)
    post, read = (_calls(found, name) for name in ("post", "read"))
    trigger = _wakes(workspace, start, end)
    both = (post["p95LatencyMs"], read["p95LatencyMs"])
    report = {
        "workspace": workspace.slug,
        "from": iso(start),
        "until": iso(end),
        "measuredAt": iso(clock.now()),
        "iterations": post["attempts"],
        "thresholds": dict(THRESHOLDS),
        "post": post,
        "read": read,
        "trigger": trigger,
        "postToVisibleP95Ms": None if None in both else round(sum(both), 3),
        "messageToWakeTriggerP95Ms": trigger["p95LatencyMs"],
    }
    return {**report, "missed": missed(report)}


def _read(workspace: Workspace, start: datetime, end: datetime) -> Mapping[str, Reading]:
    wanted = [measures.get(f"thread.{name}") for name in _MEASURES]
    answer = measures.read_many(wanted, workspace.pk, start, end)
    return {
        name: answer[one.slug].get("", measures.NO_DATA)
        for name, one in zip(_MEASURES, wanted, strict=True)
    }


def _calls(found: Mapping[str, Reading], name: str) -> dict[str, Any]:
    share = found[f"{name}_success"]
    attempts = int(share.sample)
    successes = round(attempts * (share.value or 0.0) / 100)
    return _said(attempts, attempts - successes, found[f"{name}_p50"].value,
                 found[f"{name}_p95"].value)  # fmt: skip


def _wakes(workspace: Workspace, start: datetime, end: datetime) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_WAKES, [workspace.pk, start, end])
        attempts, failures, median, slow = cursor.fetchone()
    return _said(attempts, failures, median, slow)


def _said(attempts: int, failures: int, median: float | None, slow: float | None) -> dict[str, Any]:
    return {
        "attempts": attempts,
        "successes": attempts - failures,
        "failures": failures,
        "successRate": round((attempts - failures) / attempts, 6) if attempts else 0.0,
        "p50LatencyMs": None if median is None else round(median, 3),
        "p95LatencyMs": None if slow is None else round(slow, 3),
    }


def missed(report: Mapping[str, Any]) -> list[str]:
    """What of the floor is not met, in words. What was not measured is not met."""
    floor = report["thresholds"]
    wrong = [
        f"{name}: {report[name]['successRate']:.2%} succeed, {floor[f'{name}SuccessRate']:.1%} must"
        for name in ("post", "read")
        if not report[name]["successRate"] >= floor[f"{name}SuccessRate"]
    ]
    for name in ("postToVisibleP95Ms", "messageToWakeTriggerP95Ms"):
        took = report[name]
        if took is None or not took <= floor[name]:
            wrong.append(f"{name}: {took}, at most {floor[name]:.0f}")
    return wrong

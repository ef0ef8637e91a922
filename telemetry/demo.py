"""The demo's telemetry: a month of missions, as its agents would have reported it, the trouble of
the last minutes, and what the jobs would have made of it by now: whoever looks first sees figures,
not what waits for a worker."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from controlplane.base import demo
from controlplane.lib import clock
from controlplane.lib.actors import job
from telemetry import audits, kpis, partitions, pressure, rollups, simulate

DAYS = 30
WEEKS = 4  # whole ones whose key figures are told beside the running one
TROUBLE = timedelta(minutes=19)  # how long the tool router has been failing
JOB = job("seed_demo")
CANARY = "parallel-research"  # deployments know it by this name
RATE = 2.0  # events a minute: some ten missions a day


@demo.step("telemetry", order=60)
def telemetry(scene: demo.Scene) -> None:
    partitions.look_again()
    pressure.forget()
    now = clock.now()
    start = max(now - timedelta(days=DAYS), partitions.oldest_open())
    events = simulate.events(demo.SEED, start, now, RATE)
    simulate.deliver(events, simulate.inside(scene.workspace, relieve=rollups.settle))
    simulate.deliver(_trouble(now), simulate.inside(scene.workspace, relieve=rollups.settle))
    rollups.settle()
    audits.audit(scene.workspace, actor=JOB)
    rollups.settle()  # it has reported of itself


def _trouble(now: datetime) -> list[dict[str, Any]]:
    """Every third call times out since the tool router is asked too often: what the incident that
    burns is about. Most of those who wait belong to a canary's cohort."""
    rng = Random(demo.SEED)  # noqa: S311
    found: list[dict[str, Any]] = []
    at = now - TROUBLE
    while at < now - timedelta(seconds=30):
        at += timedelta(seconds=rng.uniform(3, 9))
        if rng.random() < 0.07:  # what tools there are is asked now and then, as ever
            found.append(_looked_for(at, len(found)))
        failed = rng.random() < 0.31
        cohort = "on" if rng.random() < (0.7 if failed else 0.08) else "off"
        about: dict[str, Any] = {
            "toolkit": rng.choice(("gmail", "notion", "googlesheets")), "action": "search",
            "meta_tool": "COMPOSIO_MULTI_EXECUTE_TOOL", "flags": {CANARY: cohort},
            "duration_ms": 30_000 if failed else round(rng.uniform(700, 2_600)),
        }  # fmt: skip
        about |= (
            {"error_code": "TIMEOUT", "retry_after_seconds": 0, "recovery_action": "retry"}
            if failed
            else {"outcome": "success", "token_usage": rng.randrange(200, 900)}
        )
        found.append({
            "event": "composio_tool_call_error" if failed else "composio_tool_call",
            "event_id": f"trouble-{len(found)}-{at:%Y%m%d%H%M%S}", "occurred_at": at,
            "correlation_id": f"trouble-{len(found)}", "agent_name": "executor",
            "status": "error" if failed else "success", "service": "agent-service",
            "env": "production", "mission_id": "MSN-7", "stage": "execute_observe",
            "context": about,
        })  # fmt: skip
    return found


def _looked_for(at: datetime, number: int) -> dict[str, Any]:
    return {
        "event": "composio_discovery", "event_id": f"looked-{number}-{at:%Y%m%d%H%M%S}",
        "occurred_at": at, "status": "success", "agent_name": "inspector", "env": "production",
        "service": "agent-service", "mission_id": "MSN-7", "stage": "prepare",
        "correlation_id": f"looked-{number}",
        "context": {"query": "search mails", "toolkit_count": 3, "latency_ms": 840,
                    "coverage_estimate": 90},
    }  # fmt: skip


@demo.step("telemetry.figures", order=95)
def figures(scene: demo.Scene) -> None:
    """When there are missions, incidents and deployments to count: the running week, and those
    before it as they stood at their end."""
    now = clock.now()
    monday = (now - timedelta(days=now.weekday())).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    for week in range(WEEKS):
        end = monday - timedelta(weeks=WEEKS - 1 - week, microseconds=1)
        kpis.refresh(scene.workspace, actor=JOB, now=end)
    kpis.refresh(scene.workspace, actor=JOB)
    rollups.settle()

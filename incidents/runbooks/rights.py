"""What a step asks for beyond the right to work through a runbook: what it does is somebody's to
do, and what it reads is somebody's to read. Asked of whoever runs it, when they do; and of whoever
has it run later, when they say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from incidents.runbooks.reading import Step

_INSTALLATION = "installation"  # stands in no workspace: hence for superusers
# Of each table that a question reads, the right to see what is in it. A question about rows of
# people names the workspace; a test asks that of each.
READ: Mapping[str, str] = {
    "access_agent": "agent.view",
    "access_apikey": "agent.view",
    "access_trustedissuer": "agent.view",
    "audit_auditevent": "audit.view",
    "catalog_downinterval": "catalog.view",
    "catalog_integration": "catalog.view",
    "catalog_service": "catalog.view",
    "deployments_deployment": "deployment.view",
    "feature_flags": "flag.view",
    "feature_flags_flagchange": "flag.view",
    "incidents_alert": "alert.view",
    "missions_agentsession": "mission.view",
    "missions_artifact": "mission.view",
    "missions_bundle": "mission.view",
    "missions_mission": "mission.view",
    "missions_missiontoolkit": "mission.view",
    "missions_override": "mission.view",
    "missions_play": "mission.view",
    "missions_stagevisit": "mission.view",
    "missions_toolkitconnection": "mission.view",
    "missions_undoplan": "mission.view",
    "missions_undorun": "mission.view",
    "missions_violation": "mission.view",
    "notify_outboxmessage": "notify.view",
    "telemetry_gap": "telemetry.view",
    "telemetry_kpivalue": "telemetry.view",
    "telemetry_refusal": "telemetry.view",
    "threads_runtimesession": "thread.view",
    "threads_thread": "thread.view",
    "threads_wakerun": "thread.view",
    "threads_waketrigger": "thread.view",
    "work_item": "work.view",
    "work_project": "work.view",
}
# Of the whole installation: names of its parts, times and counts, which say nothing of anybody's
# work. What was said of them may name what belongs to others, and is read on their own pages.
FIGURES: Mapping[str, frozenset[str]] = {
    "base_signal": frozenset({"ready_at", "state"}),
    "jobs_enginecycle": frozenset({"module", "ok_at", "failures", "duration_ms"}),
    "jobs_heartbeat": frozenset({"component", "instance", "at"}),
    "jobs_jobrun": frozenset({"name", "state", "due_at", "attempts"}),
    "jobs_timer": frozenset({"ready_at", "state"}),
    "jobs_watchalarm": frozenset({"kind", "critical", "opened_at", "closed_at"}),
    "pg_stat_user_tables": frozenset(
        {"relname", "n_live_tup", "n_dead_tup", "last_autovacuum", "last_autoanalyze", "seq_scan",
         "idx_scan"}
    ),
}  # fmt: skip
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([a-z][a-z0-9_]*)(?!\w|\()")
_AGAIN: Mapping[str, str] = {
    "outbox": "notify.replay", "timer": "job.manage", "signal": "signal.replay",
}  # fmt: skip


def tables(question: str) -> list[str]:
    return list(dict.fromkeys(_TABLE.findall(question)))


def needed(step: Step) -> Iterator[tuple[str, bool]]:
    """(the action, whether it reaches beyond the workspace)."""
    if step.kind == "query":
        yield from ((READ[name], False) for name in tables(step.body) if name not in FIGURES)
    elif step.kind == "terminate":
        yield "database.terminate", True
    elif step.kind == "flag":
        yield "flag.kill", False
    elif step.kind == "breaker":
        yield "catalog.trip", False
    elif step.kind == "requeue":
        yield _AGAIN[step.given["what"].split(" ")[0]], False
    elif step.kind == "job":
        yield "job.manage", True


def require(step: Step, actor: Actor, workspace: Workspace) -> None:
    """A question about a table that nobody has spoken of is a mistake of the release."""
    for action, beyond in dict.fromkeys(needed(step)):
        where: Any = _INSTALLATION if beyond else workspace
        policy.require(actor, action, where)

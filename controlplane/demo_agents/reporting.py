"""Telemetry: what agents report of themselves, tool calls that fail now and then among it."""

from __future__ import annotations

import math
from datetime import timedelta
from random import Random
from typing import Any

from controlplane.demo_agents import times
from controlplane.demo_agents.crew import PIPELINE, Crew, Told, act
from controlplane.demo_agents.planning import Turn

# Toolkit, its actions, and how long one takes usually.
TOOLKITS = (
    ("gmail", ("search_messages", "create_draft"), 420),
    ("hubspot", ("list_contacts", "update_deal"), 640),
    ("slack", ("list_channels", "post_message"), 210),
    ("notion", ("search_pages", "append_block"), 510),
    ("googlesheets", ("read_range", "append_rows"), 470),
)
ERRORS = ("TIMEOUT", "UPSTREAM_5XX", "RATE_LIMIT_EXCEEDED")
FAILING = 0.05
SEARCHING = 0.07  # looks for tools, as often as agents usually do
CALLERS = ("planner", "executor", "inspector", "evidence")
GAUGES = (("cpu_percent", 46.0, 7.0), ("memory_used_percent", 63.0, 2.5))


def called(rng: Random, agent: str, mission: str, event_id: str) -> dict[str, Any]:
    """One call of a tool, as whoever calls reports it."""
    toolkit, actions, usual = rng.choice(TOOLKITS)
    took = round(usual * math.exp(rng.gauss(0, 0.5)), 1)
    about: dict[str, Any] = {"toolkit": toolkit, "action": rng.choice(actions), "duration_ms": took}
    event: dict[str, Any] = {
        "event": "composio_tool_call", "event_id": event_id, "agent_name": agent,
        "occurred_at": times.told(), "service": "agent-service",
        "mission_id": mission, "stage": "execute_observe", "env": "production",
        "correlation_id": event_id,
    }  # fmt: skip
    if rng.random() < SEARCHING:
        found = {"query": f"{toolkit} {about['action']}", "toolkit_count": rng.randrange(1, 5),
                 "latency_ms": took, "coverage_estimate": rng.randrange(80, 99)}  # fmt: skip
        return {**event, "event": "composio_discovery", "stage": "prepare", "status": "success",
                "context": found}  # fmt: skip
    if rng.random() >= FAILING:
        done = {"outcome": "success", "token_usage": rng.randrange(120, 900)}
        return {**event, "status": "success", "context": {**about, **done}}
    code = rng.choice(ERRORS)
    wait = rng.choice((1, 2, 5)) if code == "RATE_LIMIT_EXCEEDED" else 0
    failure = {"error_code": code, "retry_after_seconds": wait, "recovery_action": "retry"}
    return {**event, "event": "composio_tool_call_error", "status": "error",
            "context": {**about, **failure}}  # fmt: skip


def turned(rng: Random, agent: str, event_id: str) -> dict[str, Any]:
    """A turn of an agent's model."""
    took = round(1_900 * math.exp(rng.gauss(0, 0.5)), 1)
    return {
        "event": "agent_run_completed", "event_id": event_id, "agent_name": agent,
        "occurred_at": times.told(), "service": "agent-service",
        "status": "success", "duration_ms": took, "env": "production",
        "context": {"duration_ms": took, "outcome": "success",
                    "token_usage": rng.randrange(600, 4_000), "model": "gemini-2.5-flash"},
    }  # fmt: skip


def measured(rng: Random, mark: str) -> list[dict[str, Any]]:
    """Gauges and answers of the agents' own service."""
    now = times.now()
    rows: list[dict[str, Any]] = [
        {"event": "gauge_reported", "event_id": f"{mark}-{name}", "occurred_at": now.isoformat(),
         "service": "agent-service", "env": "production",
         "context": {"name": name, "value": round(rng.gauss(mean, spread), 1), "unit": "%"}}
        for name, mean, spread in GAUGES
    ]  # fmt: skip
    for place, share in enumerate((0.6, 0.3, 0.1)):
        took = round(88 * math.exp(rng.gauss(0.4 * place, 0.3)), 1)
        rows.append({
            "event": "request_completed", "event_id": f"{mark}-r{place}", "env": "production",
            "occurred_at": (now - timedelta(seconds=place)).isoformat(), "status": "success",
            "service": "agent-service", "duration_ms": took, "count": max(1, int(60 * share)),
            "context": {"route": "api", "code": "2xx", "duration_ms": took},
        })  # fmt: skip
    return rows


@act
def report(crew: Crew, turn: Turn) -> Told:
    """Some calls and turns of one agent, or what the service measures of itself."""
    rng, mark = turn.rng, crew.mine(turn)
    if rng.random() < 0.25:
        role, events = PIPELINE, measured(rng, mark)
    else:
        role = rng.choice(CALLERS)
        missions = [row["ref"] for row in crew.missions(turn)] or [""]
        mission = rng.choice(missions)
        events = [turned(rng, role, f"{mark}-t")]
        if mission:
            events += [
                called(rng, role, mission, f"{mark}-{n}") for n in range(rng.randrange(2, 7))
            ]
    told = crew.hands[role].post("telemetry/events", events)
    failed = sum(event.get("status") == "error" for event in events)
    words = f"reports {told['accepted']} events"
    words += f", {failed} of them failed calls" if failed else ""
    return role, words + (f"; {told['rejected']} were not taken" if told["rejected"] else "")

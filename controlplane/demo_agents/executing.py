"""Missions that people have signed: the executor runs the play, the validator looks."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from controlplane.demo_agents import times
from controlplane.demo_agents.calls import Held, Portal
from controlplane.demo_agents.crew import Crew, Told, act
from controlplane.demo_agents.planning import Turn
from controlplane.demo_agents.reporting import called

MOST = 60  # steps of one run
FAILING = 0.07
ERRORS = ("TIMEOUT", "UPSTREAM_5XX")
CHECKS = (
    "Nobody outside has seen a draft.", "No draft quotes what was said in confidence.",
    "At most thirty calls in the last minute.",
)  # fmt: skip


@act
def run(crew: Crew, turn: Turn) -> Told:
    """One step of a mission that is carried out: asked for, done, reported."""
    portal, chosen = crew.hands["executor"], _chosen(crew, turn)
    if chosen is None:
        return "executor", "has nothing to carry out: no mission stands there with a play"
    mission, steps = chosen
    at = f"missions/{mission}"
    portal.put(f"{at}/sessions/executor", {"lag_ms": turn.rng.randrange(20, 180)})
    begun = _under_way(portal, at)
    if begun is None:
        name = f"run-{crew.mine(turn)}"
        portal.post(f"{at}/runs", {"external_id": name, "estimated_seconds": 1_800})
        return "executor", f"begins {name} of {mission}"
    name, taken = begun["external_id"], sum(begun["steps"].values())
    if taken >= MOST and name.startswith("run-"):
        portal.post(f"{at}/runs/{name}/finish", {"outcome": "All of this batch is done."})
        return "executor", f"ends {name} of {mission} after {taken} steps"
    return "executor", _step(crew, turn, mission, name, turn.rng.choice(steps))


def _chosen(crew: Crew, turn: Turn) -> tuple[str, list[dict[str, Any]]] | None:
    """One that is carried out here, with the steps of the play that was signed. What came from
    elsewhere may stand in this stage without one."""
    found = []
    for row in crew.executing(turn):
        ref = row["ref"]
        if ref not in crew.plays:
            plays = crew.hands["executor"].get(f"missions/{ref}/plays")["items"]
            signed = [play["steps"] for play in plays if play["status"] == "selected"]
            crew.plays[ref] = signed[0] if signed else []
        if crew.plays[ref]:
            found.append((ref, crew.plays[ref]))
    return turn.rng.choice(found) if found else None


def _under_way(portal: Portal, at: str) -> dict[str, Any] | None:
    for row in portal.get(f"{at}/runs")["items"]:
        if row["status"] == "running":
            return dict(row)
    return None


def _step(crew: Crew, turn: Turn, mission: str, name: str, step: dict[str, Any]) -> str:
    rng, key, at = turn.rng, crew.mine(turn), f"missions/{mission}"
    portal = crew.hands["executor"]
    try:
        portal.post(f"{at}/runs/{name}/dispatch", {
            "external_id": key, "play_step": step["position"], "agent": crew.names["executor"],
        })  # fmt: skip
    except Held as held:
        return f"leaves {mission} for now: {held}"
    failed = rng.random() < FAILING
    took = int(900 * math.exp(rng.gauss(0, 0.5)))
    ended = times.now()
    given: dict[str, Any] = {
        "external_id": key, "status": "failed" if failed else "succeeded", "sequence": 2,
        "started_at": (ended - timedelta(milliseconds=took)).isoformat(),
        "ended_at": ended.isoformat(), "latency_ms": took,
    }  # fmt: skip
    if failed:
        given["error_code"] = rng.choice(ERRORS)
    portal.post(f"{at}/runs/{name}/steps", {"steps": [given]})
    portal.post("telemetry/events", [called(rng, "executor", mission, f"{key}-call")])
    how = f"failed with {given['error_code']}" if failed else f"succeeded in {took} ms"
    return f"takes a step of {mission}: {step['action']} {how}"


@act
def check(crew: Crew, turn: Turn) -> Told:
    """The validator looks at what was done, and says so where it is read."""
    rows = crew.executing(turn)
    if not rows:
        return None
    mission, portal, key = turn.rng.choice(rows)["ref"], crew.hands["validator"], crew.mine(turn)
    words = turn.rng.choice(CHECKS)
    portal.post(f"missions/{mission}/findings", {"findings": [{
        "external_id": f"check-{key}", "phase": "postflight", "result": "passed",
        "severity": "low", "message": words,
    }]})  # fmt: skip
    took = turn.rng.randrange(60, 400)
    portal.post("telemetry/events", [{
        "event": "validator_check_completed", "event_id": f"{key}-check", "mission_id": mission,
        "occurred_at": times.told(), "stage": "execute_observe",
        "agent_name": "validator", "status": "success", "env": "production",
        "context": {"duration_ms": took, "outcome": "success"},
    }])  # fmt: skip
    return "validator", f"looks at {mission}: {words}"

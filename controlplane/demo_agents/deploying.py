"""The pipeline's part: flags asked, releases brought to staging one by one, a canary told of."""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any

from controlplane.demo_agents.crew import PIPELINE, Crew, Told, act
from controlplane.demo_agents.planning import Turn

LINE = "4.3.0-rc."
COMPONENT = "agent-service"
SAID: dict[str, dict[str, Any]] = {
    "tick": {"detail": "exit 0",
             "evidence": [{"label": "Log", "link": "https://ci.example.org/runs/4300"}]},
    "finish": {"exit_code": 0, "output": "done"},
    "retry": {"reason": "The registry answers again."},
    "rollback": {"reason": "It got worse while it was watched."},
    "close": {"reason": "Watched to the end, and quiet."},
}  # fmt: skip
_AUDITS = {"telemetry-audit": "check", "spot-audit": "spot"}  # gate -> what shows that it holds
A_POST = 1_200  # requests that stand for one post of figures


@act
def flags(crew: Crew, turn: Turn) -> Told:
    """As an application asks: all flags, for one of its users."""
    if crew.flags is None:
        return None
    context = {"targetingKey": f"user-{turn.rng.randrange(1, 400)}",
               "region": turn.rng.choice(("eu", "eu", "us"))}  # fmt: skip
    rows = crew.flags.post("/ofrep/v1/evaluate/flags", {"context": context})["flags"]
    on = sum(row.get("value") is True for row in rows)
    return PIPELINE, f"asks {len(rows)} flags for {context['targetingKey']}: {on} are on"


@act
def deploy(crew: Crew, turn: Turn) -> Told:
    """One step of the release that is on its way to staging, or the next release."""
    portal = crew.hands[PIPELINE]
    rows = portal.get("deployments?environment=staging&limit=50")["items"]
    under_way = [row for row in rows if row["status"] in _MOVING]
    if not under_way:
        ours = sum(row["release"].startswith(LINE) for row in rows)
        return PIPELINE, _next(crew, ours + 1)
    row = under_way[-1]  # the oldest: the next ones wait for it
    step = portal.get(f"deployments/{row['ref']}")["next"]
    if not step["allowed"] or not step["path"]:
        return PIPELINE, f"waits with {row['ref']}: {step['why'] or step['label']}"
    if step["gate"] in _AUDITS:
        portal.post("telemetry/audits", {"mode": _AUDITS[step["gate"]]})
    portal.call(step["method"], step["path"], SAID.get(step["action"], {}))
    if step["action"] == "look":
        waits = "; ".join(step["waits_for"])
        return PIPELINE, f"looks again at {row['ref']}, which waits: {waits}"
    return PIPELINE, f"goes on with {row['ref']} ({row['release']}): {step['label'].lower()}"


_MOVING = frozenset(
    ["draft", "preparing", "ready", "approved", "deploying", "verifying", "monitoring", "blocked"]
)


def _next(crew: Crew, number: int) -> str:
    release = f"{LINE}{number}"
    made = hashlib.sha256(release.encode()).hexdigest()
    portal = crew.hands[PIPELINE]
    row = portal.post("deployments/ensure", {
        "environment": "staging", "release": release, "components": [COMPONENT],
        "commit_sha": made[:40], "ci_url": "https://ci.example.org/runs/4300",
        "image_tag": f"v{release}", "image_digest": f"sha256:{made}", "source": "merge",
        "rollback_plan": "Deploy the release before again; two minutes.",
        "evidence_path": f"docs/readiness/{release}/",
    })["deployment"]  # fmt: skip
    portal.post(f"deployments/{row['ref']}/prepare")
    return f"begins {row['ref']}: {release} to staging"


@act
def canary(crew: Crew, turn: Turn) -> Told:
    """Figures of a rollout that this pipeline was named to tell of."""
    portal, rng = crew.hands[PIPELINE], turn.rng
    rows = portal.get("rollouts?status=running&limit=20")["items"]
    ours = [row for row in rows if row["reporter"] == crew.names[PIPELINE]]
    if not ours:
        return PIPELINE, "has no canary to tell of"
    row = ours[0]
    share = _share(portal.get(f"rollouts/{row['ref']}")["steps"])
    n = max(1, round(A_POST * share / 100))
    others = A_POST - n
    told = portal.post(f"rollouts/{row['ref']}/figures", {
        "n": n, "errors": _some(rng, n * 0.0045), "slow": _some(rng, n * 0.02),
        "p95_ms": round(rng.gauss(318, 9)), "others": others,
        "others_errors": _some(rng, others * 0.0046), "others_slow": _some(rng, others * 0.02),
        "others_p95_ms": round(rng.gauss(312, 6)),
    })  # fmt: skip
    return PIPELINE, f"tells {row['ref']} of {n} requests at {share} %: {told['status']}"


def _share(steps: list[dict[str, Any]]) -> int:
    under_way = [step for step in steps if step["state"] in ("running", "held")]
    return int(under_way[0]["percent"]) if under_way else 10


def _some(rng: Random, expected: float) -> int:
    return max(0, round(rng.gauss(expected, expected**0.5)))

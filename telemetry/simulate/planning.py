"""Plays are made up, ranked and chosen, and somebody approves."""

from __future__ import annotations

from datetime import datetime, timedelta

from telemetry.simulate import executing, world
from telemetry.simulate.telling import Story
from telemetry.simulate.turns import run, wait

_S = timedelta(seconds=1)


def plan(story: Story, at: datetime, toolkits: list[world.Toolkit], seed: int) -> datetime:
    rng = story.rng
    at = executing.session(story, at, "planner")
    at = executing.call(story, at, "planner", toolkits[0], seed, "COMPOSIO_CREATE_PLAN")
    at = run(story, at, "planner", 2400)
    plays = [f"play-{rng.getrandbits(24):06x}" for _ in range(rng.randrange(2, 5))]
    for play in plays:
        at += world.lognormal(rng, 1500, 0.4) * _S / 1000
        story.tell(
            at,
            "planner_candidate_generated",
            {
                "play_id": play,
                "confidence": round(rng.uniform(0.5, 0.97), 2),
                "library_precedent_count": rng.choice((0, 1, 1, 2, 4)),
                "tool_usage_pattern": [toolkit.slug for toolkit in toolkits],
                "undo_plan_included": rng.random() < 0.96,
            },
            duration_ms=round(world.lognormal(rng, 1500, 0.4), 1),
            agent_name="planner",
        )
    story.tell(
        at + 1 * _S,
        "plan_ranked",
        {"play_ids_ordered": plays, "ranking_method": "score", "validator_critique": "none"},
        duration_ms=round(world.lognormal(rng, 600, 0.4), 1),
        agent_name="planner",
    )
    at = run(story, at + 2 * _S, "validator", 700)
    story.tell(
        at,
        "validator_scope_check",
        {
            "required_scopes": ["read", "write"],
            "granted_scopes": ["read", "write"],
            "alignment_status": "aligned",
        },
        agent_name="validator",
        duration_ms=round(world.lognormal(rng, 240, 0.4), 1),
        status="success",
    )
    chosen = {"play_id": plays[0]}
    if rng.random() < 0.25:
        story.tell(
            at + 20 * _S,
            "plan_adjusted",
            {
                "adjustment_type": "order",
                "before_value": 1,
                "after_value": 2,
                "reason_note": "owner",
            },
        )
    at += wait(rng, 60)
    story.tell(
        at,
        "plan_selected",
        {
            **chosen,
            "selection_method": rng.choice(("auto", "manual")),
            "reason_note": "best score",
            "undo_plan_id": f"undo-{plays[0][5:]}",
        },
    )
    return _decide(story, at, chosen)


def _decide(story: Story, at: datetime, chosen: dict[str, str]) -> datetime:
    rng = story.rng
    role = rng.choice(("governance_validator", "operations_command"))
    due = at + timedelta(hours=4)
    asked = {"approval_type": "plan", "approver_role": role, "due_at": due.isoformat(), **chosen}
    story.tell(at + 2 * _S, "approval_requested", asked)
    if rng.random() < 0.08:
        story.tell(
            at + 600 * _S,
            "approval_delegated",
            {"from_role": role, "to_role": "mission_owner", "reason": "away", "delegated_by": role},
        )
    while rng.random() < 0.07:
        at += wait(rng, 1500, 0.8)
        story.tell(
            at,
            "approval_rejected",
            {**chosen, "rejection_reason": "audience too wide", "feedback_note": "narrow it"},
        )
        at += wait(rng, 600)
        story.tell(at, "approval_requested", asked)
    at += max(wait(rng, 2100, 0.9), timedelta(seconds=15))
    story.tell(
        at,
        "approval_granted",
        {
            **chosen,
            "approver_role": role,
            "approval_timestamp": at.isoformat(),
            "undo_window_seconds": rng.choice((900, 1800, 3600)),
        },
    )
    story.tell(
        at + 1 * _S,
        "audit_event_recorded",
        {
            "artifact_hash": f"{rng.getrandbits(64):016x}",
            "export_format": "json",
            "approver_role": role,
        },
    )
    return at + 2 * _S

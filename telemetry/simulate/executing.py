"""The part of a mission in which agents act: sessions, heartbeats, tool calls, checks, undo."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from telemetry.simulate import world
from telemetry.simulate.telling import Story

_S = timedelta(seconds=1)
_BEAT = 30
_WORK = "COMPOSIO_MULTI_EXECUTE_TOOL"


def session(story: Story, at: datetime, agent: str) -> datetime:
    """A new session with the Tool Router, which all later calls of the stage name."""
    rng = story.rng
    name = f"ts-{rng.getrandbits(48):012x}"
    took = world.lognormal(rng, 620, 0.5)
    failed = rng.random() < 0.01
    at += took * _S / 1000
    story.tell(
        at,
        "session_created",
        {"session_id": name},
        duration_ms=round(took, 1),
        agent_name=agent,
        session_id=name,
        status="error" if failed else "success",
    )
    story.always["session_id"] = name
    return at + 1 * _S


def call(
    story: Story, at: datetime, agent: str, toolkit: world.Toolkit, seed: int, tool: str = _WORK
) -> datetime:
    """One call through the Tool Router with its repeats. Answers when it is over."""
    rng = story.rng
    action = rng.choice(toolkit.actions)
    about = {"toolkit": toolkit.slug, "action": action, "meta_tool": tool}
    for attempt in range(4):
        code, slow = _fate(story, at, toolkit, seed)
        took = world.lognormal(rng, toolkit.median_ms * slow, toolkit.spread)
        at += took * _S / 1000
        correlation = story.correlation()
        if not code:
            name = "tool_router_call" if rng.random() < 0.02 else "composio_tool_call"
            tokens = int(world.lognormal(rng, 480, 0.7))
            story.tell(
                at,
                name,
                {
                    **about,
                    "duration_ms": round(took, 1),
                    "outcome": "success",
                    "token_usage": tokens,
                },
                agent_name=agent,
                correlation_id=correlation,
            )
            return at
        _fail(story, at, agent, about, code, took, attempt, correlation)
        if code == "AUTH_EXPIRED":
            return at
        at += 0.5 * 2**attempt * _S
    return at


def _fate(story: Story, at: datetime, toolkit: world.Toolkit, seed: int) -> tuple[str, float]:
    rng, slow, failing = story.rng, 1.0, toolkit.failing
    for trouble in world.trouble_at(seed, at):
        mine = trouble.toolkit == toolkit.slug
        if trouble.kind == "slow":
            slow = 3.2
        elif trouble.kind == "rate_limit" and mine and rng.random() < 0.45:
            return "RATE_LIMIT_EXCEEDED", 0.2
        elif trouble.kind == "auth" and mine and rng.random() < 0.35:
            return "AUTH_EXPIRED", 0.3
        elif trouble.kind == "outage":
            failing = max(failing, 0.12)
    if rng.random() < failing:
        return rng.choices(world.ERRORS, (5, 4, 3, 2))[0], slow
    return "", slow


def _fail(
    story: Story,
    at: datetime,
    agent: str,
    about: dict[str, Any],
    code: str,
    took: float,
    attempt: int,
    correlation: str,
) -> None:
    rng = story.rng
    limited = code == "RATE_LIMIT_EXCEEDED"
    who = {"agent_name": agent, "correlation_id": correlation}
    if rng.random() < 0.3:  # some clients tell of a failure twice: the call and its error
        outcome = {"RATE_LIMIT_EXCEEDED": "rate_limit", "AUTH_EXPIRED": "auth_expired"}.get(code)
        story.tell(
            at,
            "composio_tool_call",
            {
                **about,
                "duration_ms": round(took, 1),
                "outcome": outcome or "error",
                "token_usage": 0,
            },
            **who,
        )
    story.tell(
        at,
        "composio_tool_call_error",
        {
            **about,
            "error_code": code,
            "retry_after_seconds": rng.choice((1, 2, 5, 30)) if limited else 0,
            "recovery_action": "reconnect" if code == "AUTH_EXPIRED" else "retry",
            "duration_ms": round(took, 1),
        },
        **who,
    )
    if code == "AUTH_EXPIRED":
        story.tell(
            at + 0.2 * _S,
            "oauth_refresh_failed",
            {"toolkit": about["toolkit"], "error_code": "invalid_grant"},
            **who,
        )


def execute(story: Story, at: datetime, toolkits: list[world.Toolkit], seed: int) -> datetime:
    rng = story.rng
    begin = at = session(story, at, "executor")
    steps = rng.randrange(5, 16)
    play = f"play-{rng.getrandbits(24):06x}"
    story.tell(
        at,
        "execution_started",
        {"play_id": play, "action_count": steps, "estimated_duration_seconds": steps * 40},
        agent_name="executor",
    )
    undo = f"undo-{play[5:]}"
    for number in range(steps):
        toolkit = rng.choice(toolkits)
        at += min(240.0, world.lognormal(rng, 22, 0.7)) * _S
        _check(story, at, rng.choice(world.SAFEGUARDS))
        story.tell(
            at + 0.5 * _S,
            "undo_available",
            {"undo_plan_id": undo, "time_remaining_seconds": 1800, "impact_summary": "records"},
            agent_name="executor",
        )
        ended = call(story, at + 1 * _S, "executor", toolkit, seed)
        if rng.random() < 0.12:
            ended = call(story, ended, "executor", toolkit, seed, "COMPOSIO_REMOTE_BASH_TOOL")
        _step(story, ended, toolkit, number, (ended - at) / _S * 1000)
        at = ended
    if rng.random() < 0.05:
        at = _undo(story, at + 5 * _S, undo)
    _beats(story, begin, at, seed)
    at = _bundle(story, at + 1 * _S)
    story.tell(
        at,
        "execution_completed",
        {"play_id": play, "outcome": "success"},
        duration_ms=round((at - begin) / _S * 1000, 1),
        agent_name="executor",
    )
    return at + 1 * _S


def _step(story: Story, at: datetime, toolkit: world.Toolkit, number: int, took: float) -> None:
    failed = story.rng.random() < 0.015
    story.tell(
        at,
        "execution_step_completed",
        {
            "action_id": f"step-{number}",
            "toolkit": toolkit.slug,
            "action_name": toolkit.actions[number % len(toolkit.actions)],
            "duration_ms": round(took, 1),
            "status": "error" if failed else "success",
        },
        agent_name="executor",
        status="error" if failed else "success",
    )


def _check(story: Story, at: datetime, safeguard: str) -> None:
    rng = story.rng
    raised = rng.random() < 0.05
    story.tell(
        at,
        "validator_check_completed",
        {"safeguard_id": safeguard, "outcome": "finding" if raised else "ok"},
        duration_ms=round(world.lognormal(rng, 160, 0.5), 1),
        agent_name="validator",
        status="warning" if raised else "success",
    )
    if not raised:
        return
    fixed = rng.random() < 0.78
    story.tell(
        at + 0.1 * _S,
        "validator_alert_raised",
        {
            "severity": rng.choice(("low", "medium", "medium", "high")),
            "safeguard_id": safeguard,
            "auto_fix_attempted": True,
            "auto_fix_status": "fixed" if fixed else "failed",
        },
        agent_name="validator",
        status="warning" if fixed else "error",
    )
    if fixed:
        story.tell(
            at + 0.3 * _S,
            "validator_auto_fix_applied",
            {"safeguard_id": safeguard},
            agent_name="validator",
        )
    elif rng.random() < 0.3:
        story.tell(
            at + 0.4 * _S,
            "validator_override_requested",
            {
                "safeguard_id": safeguard,
                "override_reason": rng.choice(world.OVERRIDES),
                "approver_role": "governance_validator",
            },
            agent_name="validator",
        )


def _undo(story: Story, at: datetime, undo: str) -> datetime:
    rng = story.rng
    story.tell(
        at, "undo_requested", {"undo_plan_id": undo, "reason": "owner", "initiated_by": "owner"}
    )
    took = world.lognormal(rng, 5200, 0.5)
    at += took * _S / 1000
    failed = rng.random() < 0.015
    story.tell(
        at,
        "undo_completed",
        {
            "undo_plan_id": undo,
            "actions_reversed": rng.randrange(1, 12),
            "duration_ms": round(took, 1),
            "outcome": "failed" if failed else "success",
        },
        agent_name="executor",
        status="error" if failed else "success",
    )
    return at


def _beats(story: Story, begin: datetime, end: datetime, seed: int) -> None:
    rng = story.rng
    used = 0
    at = begin
    while at < end + _BEAT * _S:
        slow = any(each.kind == "slow" for each in world.trouble_at(seed, at))
        tokens = int(world.lognormal(rng, 260, 0.6))
        used += tokens
        lag = world.lognormal(rng, 240 if slow else 85, 0.5)
        state = {"session_state_size_bytes": 4_000 + used * 3}
        story.tell(
            at,
            "session_heartbeat",
            {"lag_ms": round(lag, 1), "token_usage": tokens, **state},
            agent_name="executor",
        )
        if rng.random() < 0.2:
            story.tell(
                at + 1 * _S,
                "session_heartbeat",
                {"lag_ms": round(lag * 0.7, 1), "token_usage": tokens // 3, **state},
                agent_name="coordinator",
                session_id=None,
            )
        at += _BEAT * _S
    if rng.random() < 0.006:
        story.tell(
            begin + (end - begin) / 2,
            "session_state_conflict",
            {"session_id": story.always["session_id"], "expected_version": 7, "found_version": 8},
            agent_name="coordinator",
        )


def _bundle(story: Story, at: datetime) -> datetime:
    rng = story.rng
    took = world.lognormal(rng, 2100, 0.5)
    at += took * _S / 1000
    bundle = f"evb-{rng.getrandbits(32):08x}"
    failed = rng.random() < 0.006
    if failed:
        story.tell(
            at,
            "evidence_upload_failed",
            {"bundle_id": bundle, "error_code": "STORAGE_TIMEOUT"},
            agent_name="evidence",
        )
    story.tell(
        at + 0.1 * _S,
        "evidence_bundle_generated",
        {
            "bundle_id": bundle,
            "duration_ms": round(took, 1),
            "hash_ms": round(took * 0.11, 1),
            "size_bytes": rng.randrange(20_000, 4_000_000),
            "outcome": "failed" if failed else "success",
        },
        agent_name="evidence",
        status="error" if failed else "success",
    )
    return at + 1 * _S

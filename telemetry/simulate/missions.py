"""One mission from its intent to its retrospective, in the catalogue's events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from telemetry.simulate import executing, world
from telemetry.simulate.planning import plan
from telemetry.simulate.telling import Event, Story
from telemetry.simulate.turns import run, wait

_S = timedelta(seconds=1)
_NEXT = {
    "define": "prepare",
    "prepare": "plan_approve",
    "plan_approve": "execute_observe",
    "execute_observe": "reflect_improve",
}
# What share of missions ends in each stage without going further.
_LEFT = {"define": 0.03, "prepare": 0.05, "plan_approve": 0.06, "execute_observe": 0.02}


def mission(seed: int, name: str, start: datetime) -> Iterator[Event]:
    """Its events in the order they happen. A stage is only made up when somebody asks for it."""
    rng = world.seeded(seed, name)
    story = Story(rng, mission_id=name, env="production", service="agent-service")
    owner = f"person-{rng.randrange(world.SEATS)}"
    toolkits = rng.sample(world.TOOLKITS, rng.choice((1, 2, 2, 3)))
    at = start
    for stage, play in (
        ("define", _define),
        ("prepare", _prepare),
        ("plan_approve", plan),
        ("execute_observe", executing.execute),
        ("reflect_improve", _reflect),
    ):
        story.always |= {
            "stage": stage,
            "correlation_id": story.correlation(),
            "user_id": owner,
        }
        at = play(story, at, toolkits, seed)
        done = rng.random() >= _LEFT.get(stage, 0.0)
        if done and stage in _NEXT:
            _pass(story, at, stage)
        yield from story.told(at)
        if not done:
            break
    yield from story.told()


def _pass(story: Story, at: datetime, stage: str) -> None:
    story.tell(
        at,
        "mission_stage_transition",
        {"from_stage": stage, "to_stage": _NEXT[stage], "status": "entered"},
        duration_ms=round(world.lognormal(story.rng, 42, 0.5), 1),
        agent_name="coordinator",
    )


def _define(story: Story, at: datetime, toolkits: list[world.Toolkit], seed: int) -> datetime:
    rng = story.rng
    story.tell(at, "mission_created", {"source": "console"})
    story.tell(
        at + 2 * _S,
        "intent_submitted",
        {"intent_length": rng.randrange(40, 400), "source": rng.choice(("template", "freeform"))},
    )
    took = world.lognormal(rng, 2600, 0.45)
    ready = run(story, at + 3 * _S, "coordinator", 900)
    story.tell(
        ready + took * _S / 1000,
        "brief_generated",
        {
            "chip_count": rng.randrange(4, 9),
            "confidence_scores": {"kpi": round(rng.uniform(0.6, 0.98), 2)},
            "generation_latency_ms": round(took, 1),
            "template_id": f"tpl-{rng.randrange(12)}",
        },
        agent_name="coordinator",
    )
    edits = rng.choice((0, 1, 1, 2, 3))
    locked = at + wait(rng, 75)
    for number in range(edits):
        story.tell(
            at + (locked - at) * (number + 1) / (edits + 1),
            "brief_item_modified",
            {"chip_type": "audience", "edit_type": "reword", "token_diff": rng.randrange(-9, 30)},
        )
    if rng.random() < 0.15:
        story.tell(
            locked - 1 * _S,
            "safeguard_added",
            {"category": rng.choice(world.SAFEGUARDS), "reason_code": "owner_added"},
        )
    locked = max(locked, ready + took * _S / 1000 + 4 * _S)
    story.tell(
        locked,
        "mission_brief_locked",
        {
            "safeguard_count": rng.randrange(2, 6),
            "time_to_lock_seconds": round((locked - at) / _S, 1),
            "edits_before_lock": edits,
        },
    )
    return locked + 1 * _S


def _prepare(story: Story, at: datetime, toolkits: list[world.Toolkit], seed: int) -> datetime:
    rng = story.rng
    at = executing.session(story, at, "inspector")
    took = world.lognormal(rng, 780, 0.5)
    at += took * _S / 1000
    story.tell(
        at,
        "composio_discovery",
        {
            "query": "toolkits for the brief",
            "toolkit_count": rng.randrange(2, 9),
            "latency_ms": round(took, 1),
            "coverage_estimate": round(rng.uniform(55, 97), 1),
            "meta_tool": "COMPOSIO_SEARCH_TOOLS",
        },
        agent_name="inspector",
        status="success",
    )
    for rank, toolkit in enumerate(toolkits, start=1):
        at = _connect(story, at + 2 * _S, toolkit, rank, seed)
    at = run(story, at, "inspector", 1900)
    coverage = rng.uniform(84, 100)
    for status, percent in (("checking", coverage * rng.uniform(0.85, 0.97)), ("ready", coverage)):
        story.tell(
            at,
            "readiness_status_changed",
            {"status": status, "coverage_percent": round(percent, 1), "blocking_items": []},
            agent_name="inspector",
        )
        at += 5 * _S
    story.tell(
        at,
        "safeguard_reviewed",
        {"safeguard_id": rng.choice(world.SAFEGUARDS), "outcome": "success"},
    )
    return at + wait(rng, 120)


def _connect(story: Story, at: datetime, toolkit: world.Toolkit, rank: int, seed: int) -> datetime:
    rng = story.rng
    about = {"toolkit_slug": toolkit.slug}
    story.tell(
        at,
        "toolkit_recommended",
        {**about, "rank": rank, "precedent_count": rng.randrange(9), "auth_required": True},
        agent_name="inspector",
    )
    story.tell(at + 5 * _S, "toolkit_selected", {**about, "selection_method": "recommended"})
    if rng.random() < 0.4:
        at = _authorise(story, at + 8 * _S, toolkit, seed)
    at = executing.call(story, at + 1 * _S, "inspector", toolkit, seed, "COMPOSIO_REMOTE_WORKBENCH")
    story.tell(
        at,
        "data_preview_generated",
        {
            "toolkit": toolkit.slug,
            "sample_count": rng.randrange(5, 60),
            "pii_flags": rng.choice(([], [], ["mail"], ["mail", "phone"])),
            "duplicate_cluster_count": rng.randrange(4),
        },
        duration_ms=round(world.lognormal(rng, 1400, 0.5), 1),
        agent_name="inspector",
    )
    if rng.random() < 0.5:
        story.tell(
            at + 6 * _S,
            "inspection_viewed",
            {"toolkit": toolkit.slug, "has_preview": True, "time_on_panel": rng.randrange(3, 90)},
        )
        story.tell(
            at + 9 * _S,
            "coverage_preview_opened",
            {
                "toolkit": toolkit.slug,
                "field_summary": {"fields": rng.randrange(6, 40), "empty": rng.randrange(5)},
                "time_to_view": rng.randrange(1, 20),
            },
        )
    return at


def _authorise(story: Story, at: datetime, toolkit: world.Toolkit, seed: int) -> datetime:
    rng = story.rng
    drift = any(t.kind == "auth" and t.toolkit == toolkit.slug for t in world.trouble_at(seed, at))
    link = f"link-{rng.getrandbits(32):08x}"
    scopes = {"scopes_requested": ["read", "write"], "connect_link_id": link}
    at = executing.call(story, at, "inspector", toolkit, seed, "COMPOSIO_MANAGE_CONNECTIONS")
    story.tell(at, "composio_auth_flow", {"toolkit": toolkit.slug, "status": "initiated", **scopes})
    at += wait(rng, 25)
    fails = rng.random() < (0.55 if drift else 0.03)
    ended = "expired" if fails else "approved"
    story.tell(
        at,
        "composio_auth_flow",
        {"toolkit": toolkit.slug, "status": ended, **scopes},
        status="error" if fails else "success",
    )
    if not fails:
        story.tell(
            at + 1 * _S,
            "toolkit_connected",
            {
                "toolkit_slug": toolkit.slug,
                "scopes_granted": ["read", "write"],
                "connector_latency_ms": round(world.lognormal(rng, 900, 0.5), 1),
            },
        )
    return at + 2 * _S


def _reflect(story: Story, at: datetime, toolkits: list[world.Toolkit], seed: int) -> datetime:
    rng = story.rng
    at = run(story, at + wait(rng, 240), "evidence", 1600)
    artifact = f"art-{rng.getrandbits(32):08x}"
    story.tell(
        at,
        "mission_completed",
        {
            "total_duration_seconds": rng.randrange(1800, 20000),
            "stage_durations": {"execute_observe": rng.randrange(300, 2400)},
            "outcome_summary": "done",
        },
        agent_name="coordinator",
    )
    at += wait(rng, 300)
    if rng.random() < 0.6:
        story.tell(
            at,
            "evidence_opened",
            {"artifact_id": artifact, "artifact_type": "report", "redaction_applied": True},
        )
    if rng.random() < 0.84:
        story.tell(
            at + 30 * _S,
            "feedback_submitted",
            {
                "rating": rng.choice((2, 3, 4, 4, 4, 5, 5, 5)),
                "effort_saved_hours": round(world.lognormal(rng, 2.2, 0.6), 1),
                "blockers": rng.choice(([], [], [], ["slow approval"])),
                "qualitative_notes": "helpful",
            },
        )
    if rng.random() < 0.45:
        story.tell(
            at + 60 * _S,
            "library_contribution",
            {
                "artifact_id": artifact,
                "library_category": rng.choice(("play", "brief", "safeguard")),
                "reuse_potential_score": round(rng.uniform(0.3, 0.95), 2),
            },
            agent_name="evidence",
        )
    if rng.random() < 0.3:
        due = (at + timedelta(days=7)).isoformat()
        story.tell(
            at + 70 * _S,
            "followup_scheduled",
            {"task_type": "review", "due_at": due, "owner_role": "mission_owner"},
            bd_issue=f"bd-{rng.getrandbits(12):03x}",
        )
    at += wait(rng, 400)
    story.tell(
        at,
        "mission_retrospective_logged",
        {
            "impact_metrics": {"records": rng.randrange(20, 900)},
            "safeguard_compliance": "kept",
            "next_actions": [],
        },
    )
    return at

"""What happens beside missions: people look around, streams open and close, services answer,
gauges are read, flags are turned, something breaks and is mended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from telemetry.simulate import world
from telemetry.simulate.telling import Event, Story
from telemetry.simulate.world import SLOT

_S = timedelta(seconds=1)
# Requests to which one event stands, by how often they are looked at.
_SIZES = (0.55, 0.25, 0.12, 0.06, 0.02)


def slot(seed: int, start: datetime, lively: float, *, services: bool = True) -> Iterator[Event]:
    """Five minutes of it. `lively`: how many visits of people to expect; `services`: whether
    they report of themselves in these minutes."""
    rng = world.seeded(seed, "around", start.isoformat())
    story = Story(rng, env="production")
    now = world.trouble_at(seed, start)
    for _ in range(world.poisson(rng, lively)):
        _people(story, start + rng.random() * SLOT, any(t.kind == "streams" for t in now))
    if services:
        _requests(story, start, seed)
        _gauges(story, start)
    _breaks(story, start, seed)
    if start.minute == 0:
        _hourly(story, start)
    yield from story.told()


def _people(story: Story, at: datetime, drops: bool) -> None:
    rng = story.rng
    who = {"user_id": f"person-{rng.randrange(world.SEATS)}", "service": "frontend"}
    session = f"st-{rng.getrandbits(40):010x}"
    kind = rng.random()
    if kind < 0.3:
        story.tell(
            at,
            "home_tile_opened",
            {"missions_visible": rng.randrange(3, 30), "filter_state": {"mine": True}},
            **who,
        )
        story.tell(
            at + 2 * _S,
            "mission_list_action_taken",
            {
                "action_type": rng.choice(("open", "open", "approve", "library")),
                "mission_stage": rng.choice(("plan", "execute")),
                "needs_attention": rng.random() < 0.3,
            },
            **who,
        )
    elif kind < 0.65:
        story.tell(
            at,
            "workspace_stream_open",
            {
                "session_id": session,
                "stage": "execute",
                "telemetry_disabled": False,
                "sampling_mode": "full",
            },
            session_id=session,
            **who,
        )
        lasts = world.lognormal(rng, 400, 0.9)
        abnormal = rng.random() < (0.2 if drops else 0.008)
        story.tell(
            at + min(lasts, 3000.0) * _S,
            "workspace_stream_closed",
            {"session_id": session, "reason": "abnormal" if abnormal else "normal"},
            session_id=session,
            duration_ms=round(lasts * 1000),
            status="error" if abnormal else "info",
            **who,
        )
    elif kind < 0.8:
        failed = rng.random() < (0.06 if drops else 0.004)
        story.tell(
            at,
            "message_delivered",
            {"channel": "chat", "outcome": "failed" if failed else "success"},
            duration_ms=round(world.lognormal(rng, 90, 0.6), 1),
            status="error" if failed else "success",
            **who,
        )
    elif kind < 0.9:
        _wake(story, at)
    else:
        story.tell(
            at,
            "readiness_badge_rendered",
            {"badge_state": rng.choice(("ready", "ready", "needs_auth")), "blocking_reason": ""},
            **who,
        )


def _wake(story: Story, at: datetime) -> None:
    rng = story.rng
    results = ("triggered", "already_active", "failed", "fallback_spawned")
    result = rng.choices(results, (70, 22, 3, 5))[0]
    story.tell(
        at,
        "wake_attempted",
        {"agent": rng.choice(("executor", "planner", "evidence")), "result": result},
        duration_ms=round(world.lognormal(rng, 700, 0.6), 1),
        status="error" if result == "failed" else "success",
        service="agent-service",
    )
    if rng.random() < 0.04:
        reason = rng.choice(("loop", "no_answer"))
        story.tell(at + 9 * _S, "thread_escalated", {"thread": "thread", "reason": reason})


def _requests(story: Story, start: datetime, seed: int) -> None:
    """A sample of answers, each standing for many: most quick, a few slow, some failed."""
    rng = story.rng
    at = start + rng.random() * 60 * _S
    now = world.trouble_at(seed, start)
    slow = 3.0 if any(t.kind == "slow" for t in now) else 1.0
    failing = 0.07 if any(t.kind == "outage" for t in now) else 0.003
    for service, median in (("frontend", 62.0), ("agent-service", 88.0)):
        total = max(8, int(240 * world.busy(start)))
        for part in _SIZES:
            story.tell(
                at,
                "request_completed",
                {"route": rng.choice(("api", "api", "page")), "code": "2xx"},
                duration_ms=round(world.lognormal(rng, median * slow, 0.45), 1),
                count=max(1, int(total * part)),
                service=service,
                status="success",
            )
        failed = world.poisson(rng, total * failing)
        if failed:
            story.tell(
                at + 1 * _S,
                "request_completed",
                {"route": "api", "code": "5xx"},
                duration_ms=round(world.lognormal(rng, median * 5, 0.5), 1),
                count=failed,
                service=service,
                status="error",
            )


def _gauges(story: Story, start: datetime) -> None:
    """What the workspace's own services report of themselves."""
    rng = story.rng
    load = world.busy(start)
    at = start + 7 * _S
    for service, base in (("frontend", 24.0), ("agent-service", 38.0)):
        cpu = min(97.0, base + 11 * load + rng.gauss(0, 4))
        memory = min(96.0, base + 20 + 3 * load + rng.gauss(0, 1.5))
        for name, value in (("cpu_percent", cpu), ("memory_used_percent", memory)):
            story.tell(
                at,
                "gauge_reported",
                {"name": name, "value": round(max(1.0, value), 1), "unit": "%"},
                service=service,
            )
    for toolkit in world.TOOLKITS[:4]:
        used = (start.hour * 60 + start.minute) / 1440 * 74 + rng.gauss(0, 1)
        story.tell(
            at,
            "gauge_reported",
            {
                "name": "quota_used_percent",
                "value": round(max(0.0, used), 1),
                "unit": "%",
                "of": toolkit.slug,
            },
            service="agent-service",
        )


def _hourly(story: Story, start: datetime) -> None:
    rng = story.rng
    at = start + rng.random() * 900 * _S
    for toolkit in world.TOOLKITS:
        chance, about = rng.random(), {"toolkit": toolkit.slug}
        if chance < 0.02:
            failure = {**about, "error_code": "invalid_grant"}
            story.tell(at, "oauth_refresh_failed", failure, service="agent-service")
        elif chance < 0.5:
            story.tell(at, "oauth_refreshed", about, service="agent-service")
    if rng.random() < 0.04 and 7 <= start.hour < 16 and start.weekday() < 5:
        flag = rng.choice(("new_brief_form", "fast_planner", "undo_preview"))
        story.tell(at, "feature_flag_changed", {"flag": flag, "change": "rollout 25 %"})
    if start.hour == 9 and start.weekday() in (1, 3):
        release = {"deployment": f"v{start:%Y.%m.%d}", "environment": "production"}
        story.tell(at, "deployment_started", release)
        lasts = world.lognormal(rng, 900, 0.3)
        story.tell(
            at + lasts * _S,
            "deployment_completed",
            {**release, "outcome": "success"},
            duration_ms=round(lasts * 1000),
            status="success",
        )


def _breaks(story: Story, start: datetime, seed: int) -> None:
    """The incident and the breaker of what begins or ends in these minutes."""
    midnight = start.replace(hour=0, minute=0)
    for day in (midnight - world.DAY, midnight):
        for trouble in world.troubles(seed, day):
            if start <= trouble.start < start + SLOT:
                at = trouble.start + timedelta(minutes=3)
                story.tell(
                    at,
                    "incident_opened",
                    {
                        "severity": "sev2" if trouble.kind == "outage" else "sev3",
                        "component": trouble.toolkit,
                        "initiator": "alert",
                        "mission_ids": [],
                    },
                )
                _breaker(story, at, trouble, "closed", "open")
            if start <= trouble.end < start + SLOT:
                lasted = (trouble.end - trouble.start) / timedelta(minutes=1)
                story.tell(
                    trouble.end,
                    "incident_resolved",
                    {
                        "resolution_time_minutes": round(lasted, 1),
                        "root_cause": trouble.kind,
                        "follow_up_actions": ["review"],
                    },
                )
                _breaker(story, trouble.end, trouble, "open", "closed")


def _breaker(story: Story, at: datetime, trouble: world.Trouble, old: str, new: str) -> None:
    if trouble.kind in {"rate_limit", "outage"}:
        story.tell(
            at,
            "breaker_state_changed",
            {
                "integration": trouble.toolkit,
                "from_state": old,
                "to_state": new,
                "reason": trouble.kind,
            },
        )

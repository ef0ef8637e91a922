"""An agent's turn, and how long people take."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from telemetry.simulate import world
from telemetry.simulate.telling import Story

_S = timedelta(seconds=1)


def run(story: Story, at: datetime, agent: str, median: float) -> datetime:
    """A turn of an agent, with the call of its model. Answers when it is done."""
    rng = story.rng
    took = world.lognormal(rng, median, 0.5)
    tokens = int(world.lognormal(rng, 1800, 0.5))
    failed = rng.random() < 0.008
    model = rng.choice(world.MODELS)
    story.tell(
        at + took * 0.9 * _S / 1000,
        "gen_ai_call",
        {
            "model": model,
            "operation": "chat",
            "input_tokens": int(tokens * 0.8),
            "output_tokens": tokens - int(tokens * 0.8),
            "tokens": tokens,
            "outcome": "error" if failed else "success",
        },
        duration_ms=round(took * 0.8, 1),
        agent_name=agent,
    )
    end = at + took * _S / 1000
    if failed:
        story.tell(end, "agent_error", {"error_code": "MODEL_UNAVAILABLE"}, agent_name=agent)
    story.tell(
        end,
        "agent_run_completed",
        {"outcome": "error" if failed else "success", "token_usage": tokens, "model": model},
        duration_ms=round(took, 1),
        agent_name=agent,
    )
    return end


def wait(rng: random.Random, median_s: float, spread: float = 0.6, most: float = 4e4) -> timedelta:
    return min(most, world.lognormal(rng, median_s, spread)) * _S

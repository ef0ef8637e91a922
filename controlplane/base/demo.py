"""The demo workspace: each app adds its part, through the services its users reach.

    @demo.step("channels", order=30)
    def channels(scene: demo.Scene) -> None: ...

Deterministic: the same seed tells the same story. Nothing of the demo is in the product's paths:
a step is an ordinary caller of services.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from controlplane.access.models import User, Workspace
from controlplane.access.principals import actor_for_user
from controlplane.lib.actors import Actor

SLUG = "demo"
SEED = 20251016


@dataclass
class Scene:
    """What a step may use: the workspace, its people by role, and one seeded generator."""

    workspace: Workspace
    people: dict[str, User] = field(default_factory=dict)
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311

    def actor(self, role: str) -> Actor:
        return actor_for_user(self.people[role])


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    order: int
    run: Callable[[Scene], None]


STEPS: dict[str, Step] = {}


def step(name: str, *, order: int) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    def register(function: Callable[[Scene], None]) -> Callable[[Scene], None]:
        if name in STEPS:
            raise ValueError(f"demo step {name} is registered twice")
        STEPS[name] = Step(name, order, function)
        return function

    return register


def in_order() -> list[Step]:
    return sorted(STEPS.values(), key=lambda step: (step.order, step.name))

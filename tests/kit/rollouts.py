"""A workspace whose flag is rolled out in steps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import time_machine

from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.notify.models import OutboxMessage
from deployments.canary import services as canary
from deployments.canary.services.figures import snapshot
from deployments.canary.services.looking import tick
from deployments.canary.services.noting import tell_items
from deployments.canary.sources.posted import baseline_of
from deployments.flags.models import FlagState
from deployments.models import Rollout, RolloutStep
from tests.kit import flags, telemetry

MINUTE = timedelta(minutes=1)
BASELINE: dict[str, Any] = {"requests": 1_000, "error_rate": 0.005, "p95_ms": 200.0}
CLEAN: dict[str, Any] = {"n": 1_000}
BROKEN: dict[str, Any] = {"n": 1_000, "errors": 300}


class World(flags.World):
    """The release manager of the flags' world plans; nothing asks for consent in staging."""

    @property
    def staging(self) -> Environment:
        return self.place("staging")

    def place(self, slug: str) -> Environment:
        found: Environment = Environment.objects.get(workspace=self.workspace, slug=slug)
        return found

    def plan(self, where: str = "staging", **given: Any) -> Rollout:
        given = {"actor": self.actor, "source": "posted", **given}
        return canary.plan(given.pop("flag", self.flag), self.place(where), **given)

    def ready(self, **given: Any) -> Rollout:
        """Planned, with its baseline: posted, or what its source says."""
        rollout = self.plan(**given)
        posted = BASELINE if rollout.source == Rollout.Source.POSTED else None
        return canary.take_baseline(rollout, actor=self.actor, given=posted)

    def running(self, **given: Any) -> Rollout:
        return self.start(self.ready(**given))

    def start(self, rollout: Rollout) -> Rollout:
        return canary.start(rollout, actor=self.actor)

    def post(self, rollout: Rollout, actor: Actor | None = None, **figures: Any) -> Rollout:
        canary.post_figures(rollout, figures, actor=actor or self.actor)
        return fresh(rollout)

    def settings(self, where: str = "staging") -> dict[str, Any]:
        state: FlagState = self.state(where)
        return dict(state.settings)

    def send(
        self,
        count: int = 1,
        *,
        answer: str = "on",
        at: datetime | None = None,
        people: Iterable[int] | None = None,
        **fields: Any,
    ) -> None:
        """Events of the flag's cohort, or of those without it; one each of these people."""
        told = {"status": "success", "duration_ms": 50.0, "env": "staging", **fields}
        context = {"flags": {self.flag.flag_name: answer}, **told.pop("context", {})}
        users = [None] * count if people is None else [f"person-{each}" for each in people]
        telemetry.tell(
            self.workspace,
            [telemetry.event(at=at, context=context, user_id=user, **told) for user in users],
        )


def fresh(rollout: Rollout) -> Rollout:
    found: Rollout = Rollout.objects.select_related(
        "flag", "environment", "deployment", "baseline"
    ).get(pk=rollout.pk)
    return found


def step_of(rollout: Rollout) -> RolloutStep:
    found: RolloutStep = rollout.steps.exclude(state="pending").order_by("-position")[0]
    return found


def later(minutes: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + minutes * MINUTE, tick=False)


def look(rollout: Rollout, after: float) -> Rollout:
    """As the tick does, so many minutes from now."""
    with later(after):
        tick(fresh(rollout))
    return fresh(rollout)


def with_baseline(rollout: Rollout, actor: Actor) -> Rollout:
    """Still planned, with a baseline to go on from."""
    taken = snapshot(rollout, baseline_of(dict(BASELINE)), actor=actor, phase="before")
    rollout.baseline = taken
    rollout.save(update_fields=["baseline"])
    return rollout


def percents(settings: dict[str, Any]) -> list[int]:
    return [each["percent"] for each in settings["rules"]]


def events(rollout: Rollout) -> list[str]:
    return list(rollout.events.order_by("id").values_list("what", flat=True))


def talked(rollout: Rollout) -> None:
    """What the outbox does a moment later."""
    rows = OutboxMessage.objects.filter(topic="canary.said", payload__rollout=str(rollout.uid))
    for message in rows.order_by("id"):
        assert tell_items(message).kind == "accepted"


def walk(world: World, rollout: Rollout) -> Rollout:
    """Clean figures to the end of the plan."""
    for minutes in (31, 31, 61):
        with later(minutes):
            rollout = world.post(rollout, **CLEAN)
            steps = rollout.steps.filter(state="running")
            # so that each step may be walked from the test's own time
            steps.update(started_at=clock.now() - timedelta(minutes=minutes))
    return rollout

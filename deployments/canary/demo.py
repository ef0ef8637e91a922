"""The demo's canaries: one on its way, one that everybody has, one that was taken back, one plan.

Told through the services, each moment with the clock set back to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

from controlplane.access.models import Agent
from controlplane.approvals import services as approvals
from controlplane.base import demo
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments.canary import services
from deployments.canary.services import consent
from deployments.flags import services as flags
from deployments.models import Rollout

BASELINE = {"requests": 41_800, "error_rate": 0.0046, "p95_ms": 310.0}
EVERY = 5  # minutes between two posts of the pipeline
A_MINUTE = 240  # requests
CANARY = "parallel-research"  # incidents tell of it
PIPELINE = "ci"
# The pipeline of the demo may be silent: what it posted stays the last word for a while.
PATIENT = {"stale_after": 6 * 3600}


@dataclass(frozen=True, slots=True)
class Traffic:
    """How the requests of the cohort go."""

    failing: float = 0.0045
    p95: float = 320.0


@demo.step("canaries", order=72)
def canaries(scene: demo.Scene) -> None:
    if Rollout.objects.of(scene.workspace).exists():
        return
    _completed(scene)
    _rolled_back(scene)
    _running(scene)
    _planned(scene)


def _completed(scene: demo.Scene) -> None:
    actor, rng = scene.actor("release_manager"), Random(scene.rng.random())  # noqa: S311
    row = _started(scene, "calm-retries", "Retries wait longer each time.", ago=3 * 24 * 60)
    for begins, minutes, share in ((0, 30, 10), (30, 30, 50), (60, 60, 100)):
        row = _posts(row, actor, rng, Traffic(), share, range(begins, begins + minutes + 1, EVERY),
                     ago=3 * 24 * 60)  # fmt: skip
    with clock.set_back(timedelta(minutes=3 * 24 * 60 - 150)):
        services.complete(
            row,
            actor=actor,
            metrics_note="Errors stayed at 0.4 %, p95 at 320 ms; half as many calls are repeated.",
        )


def _rolled_back(scene: demo.Scene) -> None:
    """Well at 10 percent; at 50 the slow path is found."""
    actor, rng = scene.actor("release_manager"), Random(scene.rng.random())  # noqa: S311
    ago = 26 * 60
    row = _started(scene, "bulk-approvals", "Signs for a whole list at once.", ago=ago)
    row = _posts(row, actor, rng, Traffic(), 10, range(0, 31, EVERY), ago=ago)
    _posts(row, actor, rng, Traffic(failing=0.062, p95=540), 50, range(35, 61, EVERY), ago=ago)


def _running(scene: demo.Scene) -> None:
    """A tenth of production has it since a good half hour. Its own figures still hold: what burns
    meanwhile is the tool router, which it asks three times as often. So it stays there until
    somebody promotes it."""
    actor, rng = scene.actor("release_manager"), Random(scene.rng.random())  # noqa: S311
    row = _started(
        scene, CANARY, "Asks several sources at once.", ago=38, preset="cautious",
        place="production", automatic=False,
    )  # fmt: skip
    row = _posts(row, actor, rng, Traffic(p95=318), 10, range(0, 21, EVERY), ago=38)
    _posts(row, actor, rng, Traffic(failing=0.006, p95=344), 10, range(25, 36, EVERY), ago=38)


def _planned(scene: demo.Scene) -> None:
    flag = _flag(scene, "short-summaries", "Summaries of at most five lines.")
    services.plan(
        flag, _environment(scene, "staging"), actor=scene.actor("release_manager"), automatic=False
    )


def _started(
    scene: demo.Scene,
    name: str,
    about: str,
    *,
    ago: int,
    preset: str = "standard",
    place: str = "staging",
    automatic: bool = True,
) -> Rollout:
    """Planned an hour before, with its baseline, and begun that many minutes ago."""
    actor = scene.actor("release_manager")
    pipeline = Agent.objects.filter(workspace=scene.workspace, name=PIPELINE).exists()
    with clock.set_back(timedelta(minutes=ago + 60)):
        flag = _flag(scene, name, about)
        row = services.plan(
            flag, _environment(scene, place), actor=actor, source="posted", limits=PATIENT,
            preset=preset, reporter=PIPELINE if pipeline else None, automatic=automatic,
        )  # fmt: skip
    with clock.set_back(timedelta(minutes=ago + 5)):
        row = services.take_baseline(row, actor=actor, given=dict(BASELINE))
        _consent(scene, row, actor)
    with clock.set_back(timedelta(minutes=ago)):
        return services.start(row, actor=actor)


def _consent(scene: demo.Scene, row: Rollout, actor: Actor) -> None:
    """Where the environment asks for it: by somebody else than who planned."""
    if not consent.is_needed(row):
        return
    asked = consent.ask_consent(row, actor=actor)
    signer = scene.actor("engineering_lead")
    signer = replace(signer, second_factor_at=clock.now().timestamp())
    approvals.decide(asked, "approved", actor=signer, sha256=asked.sha256)
    row.refresh_from_db()


def _posts(
    row: Rollout,
    actor: Actor,
    rng: Random,
    traffic: Traffic,
    percent: int,
    minutes: range,
    *,
    ago: int,
) -> Rollout:
    """What the pipeline posts, until the judge has heard enough."""
    for minute in minutes:
        if not row.is_watched:
            break
        with clock.set_back(timedelta(minutes=ago - minute)):
            given = _counted(rng, traffic, percent, BASELINE["p95_ms"])
            row = services.post_figures(row, given, actor=actor)
    return row


def _counted(rng: Random, traffic: Traffic, percent: int, usual: float) -> dict[str, Any]:
    whole = round(A_MINUTE * EVERY * rng.uniform(0.85, 1.15))
    n = round(whole * percent / 100)
    found: dict[str, Any] = {
        "n": n,
        "errors": min(n, _some(rng, n * traffic.failing)),
        "slow": min(n, _some(rng, n * 0.02)),
        "p95_ms": round(traffic.p95 * rng.uniform(0.94, 1.06)),
    }
    if percent < 100:
        others = whole - n
        found |= {
            "others": others,
            "others_errors": min(others, _some(rng, others * 0.0046)),
            "others_slow": min(others, _some(rng, others * 0.02)),
            "others_p95_ms": round(usual * rng.uniform(0.94, 1.06)),
        }
    return found


def _some(rng: Random, expected: float) -> int:
    """About so many, never fewer than none."""
    return max(0, round(rng.gauss(expected, expected**0.5)))


def _flag(scene: demo.Scene, name: str, about: str) -> Any:
    lead = scene.actor("engineering_lead")
    owner = scene.people["engineering_lead"]
    return flags.create_flag(
        scene.workspace, name, actor=lead, description=about, owner=owner, tier=2
    )


def _environment(scene: demo.Scene, slug: str) -> Environment:
    found: Environment = Environment.objects.get(workspace=scene.workspace, slug=slug)
    return found

"""The demo's telemetry: a week of missions, as its agents would have reported it, and what the
jobs would have made of it by now: whoever looks first sees figures, not what waits for a worker."""

from __future__ import annotations

from datetime import timedelta

from controlplane.base import demo
from controlplane.lib import clock
from controlplane.lib.actors import job
from telemetry import audits, kpis, partitions, pressure, rollups, simulate

DAYS = 7
JOB = job("seed_demo")
RATE = 2.0  # events a minute: some ten missions a day


@demo.step("telemetry", order=60)
def telemetry(scene: demo.Scene) -> None:
    partitions.look_again()
    pressure.forget()
    now = clock.now()
    start = max(now - timedelta(days=DAYS), partitions.oldest_open())
    events = simulate.events(demo.SEED, start, now, RATE)
    simulate.deliver(events, simulate.inside(scene.workspace, relieve=rollups.settle))
    rollups.settle()
    audits.audit(scene.workspace, actor=JOB)
    rollups.settle()  # it has reported of itself


@demo.step("telemetry.figures", order=95)
def figures(scene: demo.Scene) -> None:
    """When there are missions, incidents and deployments to count."""
    kpis.refresh(scene.workspace, actor=JOB)
    rollups.settle()

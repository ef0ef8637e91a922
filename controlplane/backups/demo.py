"""The demo's first backup: its first evening would else have none before half past one at night."""

from __future__ import annotations

from controlplane.base import demo
from controlplane.jobs import runs
from controlplane.lib import actors


@demo.step("backup", order=120)
def backup(scene: demo.Scene) -> None:
    """Asked for, as by Run now: what runs the jobs takes it once the demo is there to be dumped."""
    runs.ask_run("backups.daily", actor=actors.job("seed_demo"))

"""What stands around the support desk, with hostile words in every place where somebody's words
stand."""

from __future__ import annotations

from datetime import timedelta

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from incidents.support import hours
from tests import make


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    actor = make.actor(root)
    hours.save_channel(
        workspace, "support", actor=actor, title=hostile[:80], about=long[:300],
        address=hostile[:200], time_zone="Asia/Kolkata",
        hours=["mon-fri 09:00-12:30 13:00-17:00", "sat 10:00-12:00"],
    )  # fmt: skip
    for number in range(3):
        day = clock.now().date() + timedelta(days=number + 1)
        hours.add_holiday(workspace, day, actor=actor, title=f"{number} {hostile}"[:120])

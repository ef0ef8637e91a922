"""What stands around the support desk, with hostile words in every place where somebody's words
stand."""

from __future__ import annotations

from datetime import timedelta

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from incidents.support import articles, canned, doors, hours
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
    for number, (title, audience) in enumerate(
        ((hostile, "public"), (long, "internal"), ("A draft", "public"))
    ):
        row = articles.create_article(
            workspace, actor=actor, title=title[:160], text=f"{hostile}\n\n{long * 4}",
            audience=audience, category="question",
        )  # fmt: skip
        row = articles.change_article(row, actor=actor, text=f"{hostile}\n\n**{number}**")
        if title != "A draft":
            articles.publish_article(row, actor=actor)
    canned.create_reply(
        workspace, actor=actor, title=hostile[:120], body="{name}: {ref}", shortcut="hostile"
    )
    doors.create_door(
        workspace, actor=actor, slug="inhabited", title=hostile[:80], intro=hostile[:500],
        is_open=True,
    )  # fmt: skip

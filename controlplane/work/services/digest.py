"""The ready queue each morning, in the workspace's chat."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Q

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.notify.models import Channel, Notification, Urgency
from controlplane.notify.services import To, notify
from controlplane.work.models import Item
from controlplane.work.vocabulary import counted

HOUR = defaults.define(
    "work.digest_hour", 8, unit="o'clock", why="Before the day's first meeting, where the team is."
)
UNTIL = defaults.define(
    "work.digest_until",
    12,
    unit="o'clock",
    why="After a morning without the portal it is still useful; in the afternoon it is not.",
)
SHOWN = defaults.define(
    "work.digest_items", 10, unit="items", why="What fits into one message that is read."
)
CHAT = (Channel.Kind.SLACK, Channel.Kind.TEAMS, Channel.Kind.WEBHOOK)
_TITLE = 120


def due(workspace: Workspace, now: datetime) -> str:
    """The key of this morning's digest, or nothing when it is not morning there.

    By the wall clock and the local date: whatever the clock does on the days it is changed, a
    morning is one morning.
    """
    local = now.astimezone(ZoneInfo(workspace.time_zone))
    if not HOUR.value <= local.hour < max(UNTIL.value, HOUR.value + 1):
        return ""
    return f"work.digest:{workspace.pk}:{local:%Y-%m-%d}"


@transaction.atomic
def send_digest(workspace: Workspace, *, actor: Actor) -> bool:
    """Tell the chat channels what is ready, once each local day. False: nothing was due, or
    nobody listens, or there is no work at all."""
    policy.require(actor, "work.view", workspace)
    key = due(workspace, clock.now())
    if not key or Notification.objects.filter(workspace=workspace, key=key).exists():
        return False
    channels = _channels(workspace)
    if not channels:
        return False
    counts = _counts(workspace)
    if not counts["unfinished"]:
        return False
    notify(
        workspace_id=workspace.pk,
        kind="work.digest",
        to=To(channels=channels),
        key=key,
        subject=f"Ready this morning: {counted(counts['ready'], 'item')}",
        body=_body(workspace, counts),
        urgency=Urgency.NORMAL,
        link="/admin/work/queue/",
    )
    return True


def _channels(workspace: Workspace) -> list[int]:
    rows = Channel.objects.filter(workspace=workspace, is_active=True, kind__in=CHAT)
    return [
        channel.pk
        for channel in rows
        if not channel.urgencies or Urgency.NORMAL in channel.urgencies
    ]


def _ready(workspace: Workspace) -> Any:
    return Item.objects.filter(workspace=workspace).queued().ready().defer("search")


def _counts(workspace: Workspace) -> dict[str, int]:
    rows = Item.objects.filter(workspace=workspace).queued().unfinished().order_by()
    found: dict[str, int] = rows.aggregate(
        unfinished=Count("pk"),
        in_progress=Count("pk", filter=Q(status="in_progress")),
        blocked=Count("pk", filter=Q(blocked=True)),
        overdue=Count("pk", filter=Q(due_at__lt=clock.now())),
    )
    return found | {"ready": _ready(workspace).order_by().count()}


def _body(workspace: Workspace, counts: dict[str, int]) -> str:
    lines = [
        f"{counts['ready']} ready, {counts['in_progress']} in progress,"
        f" {counts['blocked']} blocked, {counts['overdue']} overdue."
    ]
    top = _ready(workspace).order_by("priority", "-created_at", "id")
    for item in top[: SHOWN.value]:
        whose = f" ({item.assignee})" if item.assignee else ""
        lines.append(f"P{item.priority} {item.key} {item.title[:_TITLE]}{whose}")
    more = counts["ready"] - SHOWN.value
    if more > 0:
        lines.append(f"and {more} more.")
    return "\n".join(lines)

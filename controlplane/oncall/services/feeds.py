"""Calendars that people's programs fetch without signing in, by a link that can be revoked."""

from __future__ import annotations

from controlplane.access.models import Workspace
from controlplane.base import own_links
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from controlplane.oncall.models import Feed, Schedule

ACTION = "oncall.feed"


def subscribe(workspace: Workspace, *, actor: Actor, schedule: Schedule | None = None) -> Feed:
    """A calendar of one's own shifts here, or of all shifts of a schedule. Asked again, the one
    that is there."""
    if schedule is not None and schedule.workspace_id != workspace.pk:
        raise NotFound("No such schedule.")
    said = {"schedule": schedule.slug if schedule is not None else "own shifts"}
    return own_links.subscribe(
        Feed, workspace, actor=actor, action=ACTION, said=said, schedule=schedule
    )


def revoke_feed(feed: Feed, *, actor: Actor, reason: str = "") -> Feed:
    """Its link opens nothing from now on. One's own, or anybody's by who manages schedules."""
    return own_links.revoke(feed, actor=actor, action=ACTION, manage="oncall.manage", reason=reason)


def token_of(feed: Feed) -> str:
    return own_links.token_of(feed, ACTION)


def feed_by(token: str) -> Feed:
    return own_links.by_token(Feed, ACTION, token, "schedule")


def note_read(feed: Feed) -> None:
    own_links.note_read(feed)

"""Links to the release log and the calendar, for feed readers and calendar programs."""

from __future__ import annotations

from controlplane.access.models import Workspace
from controlplane.base import own_links
from controlplane.catalog.models import Environment
from controlplane.lib.actors import Actor
from deployments.models import Feed
from deployments.services import reading

ACTION = "deployment.feed"


def subscribe(
    workspace: Workspace, kind: str, *, actor: Actor, environment: Environment | None = None
) -> Feed:
    """One's own link to the releases, or the calendar, of a workspace or an environment."""
    reading.choice("kind", kind, Feed.Kind.values)
    reading.same_workspace(workspace.pk, environment=environment)
    said = {"kind": kind, "environment": environment.slug if environment is not None else ""}
    return own_links.subscribe(
        Feed, workspace, actor=actor, action=ACTION, said=said, kind=kind, environment=environment
    )


def revoke_feed(feed: Feed, *, actor: Actor, reason: str = "") -> Feed:
    return own_links.revoke(feed, actor=actor, action=ACTION, manage="key.manage", reason=reason)


def token_of(feed: Feed) -> str:
    return own_links.token_of(feed, ACTION)


def feed_by(token: str) -> Feed:
    return own_links.by_token(Feed, ACTION, token, "environment")


def note_read(feed: Feed) -> None:
    own_links.note_read(feed)

"""What a program gets that fetches a link: the release log as Atom, or the calendar."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.conf import settings

from controlplane.lib import actors, clock
from controlplane.oncall import ics
from deployments.models import Feed
from deployments.overview import entries, log

READER = actors.job("deployments.feeds")
BACK, AHEAD = timedelta(days=31), timedelta(days=180)
QUARTER = timedelta(minutes=15)
KINDS = ("deployment", "freeze", "window", "rollout")  # shifts have calendars of their own


class Document(NamedTuple):
    body: bytes
    tag: str
    content_type: str


def document(feed: Feed, address: str) -> Document:
    if feed.kind == Feed.Kind.RELEASES:
        body, kind = _releases(feed, address), "application/atom+xml; charset=utf-8"
    else:
        body, kind = _calendar(feed), "text/calendar; charset=utf-8"
    return Document(body, log.tag_of(body), kind)


def name_of(feed: Feed) -> str:
    where = feed.environment.name if feed.environment is not None else feed.workspace.name
    what = "Releases" if feed.kind == Feed.Kind.RELEASES else "Deployments"
    return f"{what}: {where}"


def _releases(feed: Feed, address: str) -> bytes:
    asked = log.Asked(feed.workspace, feed.environment)
    rows = list(log.releases(asked)[: log.FED])
    return log.atom(asked, rows, name=name_of(feed), address=address)


def _calendar(feed: Feed) -> bytes:
    """From midnight on, and by the quarter of an hour: it stays the same while nothing changes."""
    now = clock.now()
    at = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0)
    asked = entries.Asked(feed.workspace, day - BACK, day + AHEAD, feed.environment, at)
    found = entries.found(READER, asked, KINDS).entries
    return ics.calendar(
        name_of(feed),
        [_event(one) for one in found],
        changed=day,
        product="Deployments",
    )


def _event(one: entries.Entry) -> ics.Event:
    provider = entries.PROVIDERS[one.kind]
    head = f"{one.ref} {one.title}".strip()
    return ics.Event(
        uid=f"{one.kind}-{one.key}@deployments.controlplane",
        since=one.starts,
        until=max(one.ends, one.starts + QUARTER),
        summary=head if one.kind == "deployment" else f"{provider.label}: {head}",
        text=f"{one.words}. {one.text}".strip(),
        url=settings.PUBLIC_URL + one.url,
        free=True,
    )

"""A status page as documents: HTML, feeds, and the JSON that Statuspage's clients read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from django.conf import settings
from django.template.loader import render_to_string

from incidents.models import StatusPage
from incidents.status.picture import Event, Part, Picture, Work

HTML, JSON = "text/html; charset=utf-8", "application/json; charset=utf-8"
ATOM, RSS = "application/atom+xml; charset=utf-8", "application/rss+xml; charset=utf-8"
SHOWN_OVER = 10
_IN_FEED = 50
Parts = Mapping[str, tuple[str, str]]  # path below the page: (type, text)
# What no XML 1.0 document holds, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def address(page: StatusPage) -> str:
    return f"{settings.PUBLIC_URL}/status/{page.slug}"


def written(picture: Picture) -> dict[str, tuple[str, str]]:
    base = address(picture.page)
    context = {
        "picture": picture, "page": picture.page, "base": f"/status/{picture.page.slug}",
        "over": picture.over[:SHOWN_OVER], "zone": picture.zone,
    }  # fmt: skip

    def html(template: str, **more: Any) -> tuple[str, str]:
        return HTML, render_to_string(f"status/{template}", {**context, **more})

    found = {
        "": html("page.html"),
        "history": html("history.html"),
        "feed.atom": (ATOM, _atom(picture, base)),
        "feed.rss": (RSS, _rss(picture, base)),
        **{f"incidents/{each.uid}": html("incident.html", event=each) for each in picture.events},
    }
    found.update(
        (f"api/v2/{name}.json", (JSON, json.dumps(told, ensure_ascii=False)))
        for name, told in _statuspage(picture, base).items()
    )
    return found


# --- Statuspage ---------------------------------------------------------------------------------


def _at(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _statuspage(picture: Picture, base: str) -> dict[str, dict[str, Any]]:
    page = picture.page
    changed = [*(each.updated_at for each in picture.events),
               *(each.updated_at for each in picture.works), page.created_at]  # fmt: skip
    head = {
        "page": {
            "id": str(page.uid), "name": page.title, "url": base, "time_zone": page.time_zone,
            "updated_at": _at(max(changed)),
        }
    }  # fmt: skip
    status = {"status": {"indicator": picture.indicator, "description": picture.sentence}}
    components = {"components": [_component(each, page) for each in picture.parts]}
    events = [_incident(each, page, base) for each in picture.events]
    open_ = [_incident(each, page, base) for each in picture.burning]
    works = {
        phase: [_work(each, page, base) for each in picture.works if each.phase in phases]
        for phase, phases in (
            ("all", {"scheduled", "in_progress", "verifying", "completed"}),
            ("upcoming", {"scheduled"}),
            ("active", {"in_progress", "verifying"}),
        )
    }
    return {
        "summary": {**head, **components, "incidents": open_,
                    "scheduled_maintenances": [*works["active"], *works["upcoming"]], **status},
        "status": {**head, **status},
        "components": {**head, **components},
        "incidents": {**head, "incidents": events},
        "incidents/unresolved": {**head, "incidents": open_},
        "scheduled-maintenances": {**head, "scheduled_maintenances": works["all"]},
        "scheduled-maintenances/upcoming": {**head, "scheduled_maintenances": works["upcoming"]},
        "scheduled-maintenances/active": {**head, "scheduled_maintenances": works["active"]},
    }  # fmt: skip


def _component(part: Part, page: StatusPage) -> dict[str, Any]:
    return {
        "id": part.uid, "name": part.name, "status": part.state, "description": part.about or None,
        "created_at": _at(part.since), "updated_at": _at(part.since), "position": 1,
        "showcase": True, "start_date": f"{part.since:%Y-%m-%d}", "group_id": None,
        "page_id": str(page.uid), "group": False, "only_show_if_degraded": False,
    }  # fmt: skip


def _incident(event: Event, page: StatusPage, base: str) -> dict[str, Any]:
    link = f"{base}/incidents/{event.uid}"
    return {
        "id": event.uid, "name": event.title, "status": event.phase, "impact": event.impact,
        "created_at": _at(event.started_at), "started_at": _at(event.started_at),
        "updated_at": _at(event.updated_at), "resolved_at": _at(event.ended_at),
        "monitoring_at": None, "shortlink": link, "page_id": str(page.uid),
        "incident_updates": [
            {"id": each.uid, "status": each.phase, "body": each.text, "incident_id": event.uid,
             "created_at": _at(each.at), "updated_at": _at(each.at), "display_at": _at(each.at),
             "affected_components": None}
            for each in event.said
        ],
        "components": [_component(part, page) for part in event.parts],
    }  # fmt: skip


def _work(work: Work, page: StatusPage, base: str) -> dict[str, Any]:
    said = {
        "id": work.uid, "status": work.phase, "body": work.about or work.title,
        "incident_id": work.uid, "created_at": _at(work.updated_at),
        "updated_at": _at(work.updated_at), "display_at": _at(work.updated_at),
        "affected_components": None,
    }  # fmt: skip
    return {
        "id": work.uid, "name": work.title, "status": work.phase, "impact": "maintenance",
        "created_at": _at(work.updated_at), "started_at": _at(work.starts_at),
        "updated_at": _at(work.updated_at), "resolved_at": None, "monitoring_at": None,
        "shortlink": base, "page_id": str(page.uid), "incident_updates": [said],
        "components": [_component(part, page) for part in work.parts],
        "scheduled_for": _at(work.starts_at), "scheduled_until": _at(work.ends_at),
    }  # fmt: skip


# --- Feeds --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    uid: str
    title: str
    link: str
    began: datetime
    updated: datetime
    story: str


def _entries(picture: Picture, base: str) -> list[_Entry]:
    """Incidents and maintenance, what changed last first."""
    found = [
        *(_Entry(each.uid, each.title, f"{base}/incidents/{each.uid}", each.started_at,
                 each.updated_at, _story(each)) for each in picture.events),
        *(_Entry(each.uid, f"Maintenance: {each.title}", base, each.starts_at, each.updated_at,
                 _plan(each)) for each in picture.works),
    ]  # fmt: skip
    return sorted(found, key=lambda each: each.updated, reverse=True)[:_IN_FEED]


def _atom(picture: Picture, base: str) -> str:
    page, entries = picture.page, _entries(picture, base)
    latest = max([each.updated for each in entries], default=page.created_at)
    written = "".join(
        f"<entry><id>urn:uuid:{each.uid}</id><title>{_xml(each.title)}</title>"
        f"<updated>{_at(each.updated)}</updated><published>{_at(each.began)}</published>"
        f"<link href={quoteattr(each.link)}/>"
        f'<content type="text">{_xml(each.story)}</content></entry>'
        for each in entries
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<id>urn:uuid:{page.uid}</id><title>{_xml(page.title)}</title>"
        f"<updated>{_at(latest)}</updated><author><name>{_xml(page.title)}</name></author>"
        f'<link rel="self" href={quoteattr(f"{base}/feed.atom")}/><link href={quoteattr(base)}/>'
        f"{written}</feed>"
    )


def _rss(picture: Picture, base: str) -> str:
    page = picture.page
    items = "".join(
        f'<item><guid isPermaLink="false">urn:uuid:{each.uid}</guid>'
        f"<title>{_xml(each.title)}</title><link>{_xml(each.link)}</link>"
        f"<pubDate>{format_datetime(each.updated.astimezone(UTC))}</pubDate>"
        f"<description>{_xml(each.story)}</description></item>"
        for each in _entries(picture, base)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>'
        f"<title>{_xml(page.title)}</title><link>{_xml(base)}</link>"
        f"<description>{_xml(page.intro or picture.sentence)}</description>{items}"
        "</channel></rss>"
    )


def _xml(said: str) -> str:
    return escape(_FORBIDDEN.sub("", said))


def _story(event: Event) -> str:
    return "\n\n".join(
        f"{each.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {each.phase}: {each.text}"
        for each in event.said
    )


def _plan(work: Work) -> str:
    start, end = work.starts_at.astimezone(UTC), work.ends_at.astimezone(UTC)
    parts = ", ".join(each.name for each in work.parts)
    lines = (f"{work.label}, {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC", work.about, parts)
    return "\n\n".join(line for line in lines if line)

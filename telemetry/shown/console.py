"""What telemetry hands to the console's shared parts: sidebar, home, palette."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max, Sum
from django.urls import reverse

from controlplane.base import cache
from controlplane.base.registries import (
    HomeRow,
    NameFinder,
    NavItem,
    PaletteAction,
    Target,
    Waiting,
    home_rows,
    name_finders,
    nav_items,
    palette_actions,
)
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from telemetry.catalogue import ALIASES, KINDS
from telemetry.dashboards import DASHBOARDS
from telemetry.models import Refusal
from telemetry.shown.words import event_words

FOUND = 6
MOST = 20
VIEW = "telemetry.view"
REFUSED_S = defaults.define(
    "telemetry.refused_s",
    15,
    unit="seconds",
    why="the home page's sums of events refused within a day may be this old",
)
# slug, label, URL name, icon, action, order, key
ENTRIES: tuple[tuple[str, str, str, str, str, int, str], ...] = (
    ("dashboards", "Dashboards", "telemetry:overview", "chart", VIEW, 140, "z"),
    ("events", "Events", "admin:telemetry_event_changelist", "list", VIEW, 141, ""),
    ("catalogue", "Event catalogue", "telemetry:catalogue", "book", VIEW, 146, ""),
    ("saved-queries", "Saved queries", "telemetry:queries", "search", VIEW, 145, ""),
    ("tool-sessions", "Tool sessions", "admin:telemetry_toolsession_changelist", "key", VIEW, 144,
     ""),
    ("health-snapshots", "Health snapshots", "admin:telemetry_healthsnapshot_changelist", "file",
     VIEW, 145, ""),
    ("refused-events", "Refused events", "admin:telemetry_refusal_changelist", "cross", VIEW, 147,
     ""),
    ("event-days", "Days of events", "admin:telemetry_partition_changelist", "calendar",
     "telemetry.view_installation", 148, ""),
)  # fmt: skip


def by_name(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    """Events by their name, the words for it, or a name they had before."""
    asked = text.lower().replace(" ", "_").strip()
    called = {name: (name, *(old for old, now in ALIASES.items() if now == name)) for name in KINDS}
    # At the beginning of a word: "vera" means a person, not coverage.
    found = [n for n, names in called.items() if any(f"_{asked}" in f"_{each}" for each in names)]
    found.sort(key=lambda name: (not name.startswith(asked), name))
    url = reverse("admin:telemetry_event_changelist")
    return [
        Target(event_words(name), f"{url}?{urlencode({'range': '24h', 'event': name})}", name)
        for name in found[:FOUND]
    ]


def _refused(actor: Actor, workspace_id: int | None) -> list[dict[str, Any]]:
    rows = Refusal.objects.visible_to(actor)
    if workspace_id is not None:
        rows = rows.of(workspace_id)
    lately = rows.filter(hour__gte=clock.now() - timedelta(hours=24)).order_by()
    found = lately.values("source").annotate(n=Sum("total"), at=Max("last_at"))
    return [
        {**row, "n": int(row["n"]), "at": row["at"].isoformat()}
        for row in found.order_by("-n")[:MOST]
    ]


def refused(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """Who sends what is not taken, the most first. A day's sums: as good some seconds later."""
    url = reverse("admin:telemetry_refusal_changelist")
    found = cache.cached(
        f"figures:refused:{actor.ref}:{workspace_id}",
        REFUSED_S.value,
        lambda: _refused(actor, workspace_id),
    )
    return [
        Waiting(
            title=f"{row['n']:,} events of {row['source'] or 'an unknown sender'} were refused",
            url=f"{url}?{urlencode({'range': '24h', 'source': row['source']})}",
            text="Within the last 24 hours.",
            state="refused",
            tone="warn",
            since=datetime.fromisoformat(row["at"]),
        )
        for row in found
    ]


def register() -> None:
    for slug, label, url, icon, action, order, key in ENTRIES:
        nav_items.register(NavItem(slug, label, "Telemetry", url, icon, action, order, key))
    for each in DASHBOARDS.values():
        palette_actions.register(
            PaletteAction(
                f"dashboard-{each.slug}",
                each.title,
                f"/admin/telemetry/dashboards/{each.slug}/",
                VIEW,
                ("dash", "dashboard", *each.keywords),
            )
        )
    name_finders.register(NameFinder("telemetry.events", "Event", VIEW, by_name))
    home_rows.register(
        HomeRow(
            slug="telemetry.refused",
            title="Events that were refused",
            action=VIEW,
            rows=refused,
            empty="no event was refused within 24 hours.",
            link="/admin/telemetry/refusal/?range=24h",
            order=60,
        )
    )

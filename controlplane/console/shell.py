"""What stands around every page of the console: where one is, what waits, what the weather is.

A context processor hands it to templates lazily: pages that draw no frame, and error pages drawn
without a request, ask nothing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache as cache_calls
from typing import Any, TypeVar

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import get_script_prefix, reverse
from django.utils.functional import cached_property

from controlplane.access import policy
from controlplane.access.middleware import OFFERED
from controlplane.access.models import Workspace
from controlplane.base import cache
from controlplane.base.registries import (
    Banner,
    BannerText,
    NavCount,
    NavItem,
    NavRows,
    Tone,
    banners,
    nav_items,
)
from controlplane.base.web import AWAY_COOKIE, FOLDS_COOKIE, THEME_COOKIE, actor_of, workspace_of
from controlplane.console.counting import counted
from controlplane.console.models import SavedView
from controlplane.console.surviving import survive
from controlplane.console.view_counts import with_counts
from controlplane.lib import defaults
from controlplane.lib.actors import Actor
from controlplane.notify.models import InboxItem

logger = logging.getLogger(__name__)

FAMILY = "frame"
FRAME_S = defaults.define(
    "console.frame_s",
    10,
    unit="seconds",
    why="counts beside the navigation are asked at most this often for each person's view: as"
    " often as an open page asks for news",
)
REFRESH_S = defaults.define(
    "console.refresh_s", 10, unit="seconds", why="how often a visible page asks for news"
)
THEMES = ("system", "light", "dark")
MARK = re.compile(r"[0-9a-f]{12}")  # of a banner
MOST_AWAY = 20
GROUPS = (
    "Operate",
    "Approvals",
    "Work",
    "Missions",
    "Deployments",
    "Flags",
    "Telemetry",
    "Services",
    "Govern",
    "Access",
    "Portal",
)
# Open until somebody closes them: eighty entries at once are a wall to whoever is new.
OPEN_GROUPS = frozenset({"Operate", "Work", "Missions"})
ENVIRONMENTS: dict[str, tuple[str, Tone]] = {
    "production": ("Production", "bad"),
    "staging": ("Staging", "warn"),
    "local": ("Local", "info"),
}
# Counted like an entry of the sidebar, none of which has a space in its name.
_UNREAD = NavItem(
    "unread news", "", "", "", "", "",
    count=lambda actor, _: NavRows(InboxItem.objects.visible_to(actor).unread(), most=100),
)  # fmt: skip
PINNED = 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    item: NavItem
    url: str
    count: NavCount | None
    current: bool


@dataclass(frozen=True, slots=True)
class PinnedView:
    """A saved view as the sidebar shows it."""

    name: str
    url: str
    live_count: str


def put_away(request: HttpRequest) -> list[str]:
    """The banners this browser was told not to show any more, the latest last."""
    given = request.COOKIES.get(AWAY_COOKIE, "").split(".")
    return [mark for mark in given[-MOST_AWAY:] if MARK.fullmatch(mark)]


def folds(request: HttpRequest) -> tuple[set[str], set[str]]:
    """The groups of the sidebar that this browser opened, and those that it closed."""
    given = {mark for mark in request.COOKIES.get(FOLDS_COOKIE, "")[:400].split(".") if mark}
    opened = {name for name in GROUPS if name.lower() in given}
    return opened, {name for name in GROUPS if f"-{name.lower()}" in given}


def context(request: HttpRequest) -> dict[str, Any]:
    return {"shell": Shell(request)}


class Shell:
    """Everything is computed when a template asks, once for a request."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def actor(self) -> Actor:
        return actor_of(self.request)

    @cached_property
    def inside(self) -> bool:
        """Whether this person is past the sign-in: only then is there anything to lead to."""
        return hasattr(self.request, "user") and admin.site.has_permission(self.request)

    @cached_property
    def workspace(self) -> Workspace | None:
        return workspace_of(self.request)

    @cached_property
    def workspace_id(self) -> int | None:
        return self.workspace.pk if self.workspace is not None else None

    @cached_property
    def workspaces(self) -> list[Workspace]:
        ids = self.actor.workspace_ids
        if len(ids) <= 1:
            return []
        known: list[Workspace] | None = getattr(self.request, "workspaces", None)
        if known is not None:  # the access middleware has looked
            return known
        return list(Workspace.objects.open().filter(pk__in=ids).order_by("name")[:OFFERED])

    @cached_property
    def theme(self) -> str:
        chosen = self.request.COOKIES.get(THEME_COOKIE, "system")
        return chosen if chosen in THEMES else "system"

    @property
    def themes(self) -> tuple[str, ...]:
        return THEMES

    @cached_property
    def environment(self) -> dict[str, str]:
        label, tone = ENVIRONMENTS.get(settings.ENVIRONMENT, (settings.ENVIRONMENT.title(), "warn"))
        return {"slug": settings.ENVIRONMENT, "label": label, "tone": tone}

    @property
    def refresh_s(self) -> int:
        return REFRESH_S.value

    # --- Where to go ----------------------------------------------------------------------

    @cached_property
    def nav(self) -> list[tuple[str, list[Entry]]]:
        permitted = self._permitted()
        counts = self._weather["counts"]
        here = _longest_match(self.request.path, permitted)
        groups: dict[str, list[Entry]] = {name: [] for name in GROUPS}
        for item in sorted(permitted, key=lambda item: item.order):
            count = NavCount(*counts[item.slug]) if item.slug in counts else None
            entry = Entry(item, _url(item), count, item.slug == here)
            groups.setdefault(item.group, []).append(entry)
        return [(name, entries) for name, entries in groups.items() if entries]

    @cached_property
    def nav_open(self) -> frozenset[str]:
        """The groups whose entries are seen. The one that the page belongs to stands open, too,
        unless somebody closed it: it would open again under their eyes."""
        opened, closed = folds(self.request)
        here = {name for name, entries in self.nav if any(entry.current for entry in entries)}
        return (OPEN_GROUPS | opened | here) - closed

    def _permitted(self) -> list[NavItem]:
        return [item for item in nav_items if policy.can(self.actor, item.action)]

    @cached_property
    def _weather(self) -> dict[str, Any]:
        """Counts, news and banners: remembered for some seconds, for asking them on each page
        would cost more than the page."""
        key = f"{FAMILY}:{self.actor.ref}:{self.workspace_id}"
        return cache.cached(key, FRAME_S.value, self._ask_weather)

    def _ask_weather(self) -> dict[str, Any]:
        found = counted((*self._permitted(), _UNREAD), self.actor, self.workspace_id)
        unread = found.pop(_UNREAD.slug)
        return {
            "counts": {slug: [count.value, count.tone] for slug, count in found.items()},
            "unread": unread.value,
            "banners": [asdict(text) for banner in banners for text in self._banner(banner)],
            "views": [self._view(view) for view in self._views()],
        }

    @cached_property
    def pinned(self) -> list[PinnedView]:
        return [PinnedView(**view) for view in self._weather.get("views", ())]

    def _views(self) -> list[SavedView]:
        views = list(SavedView.objects.visible_to(self.actor).pinned(self.workspace_id)[:PINNED])
        if not views:
            return []
        return survive(lambda: with_counts(views, self.request), views, "saved views")

    @staticmethod
    def _view(view: SavedView) -> dict[str, Any]:
        return asdict(PinnedView(view.name, view.url, view.live_count))

    # --- What waits -----------------------------------------------------------------------

    @property
    def may_share(self) -> bool:
        return bool(policy.can(self.actor, "view.share", self.workspace))

    @property
    def unread(self) -> int:
        return int(self._weather["unread"])

    @property
    def banners(self) -> list[BannerText]:
        found = [BannerText(**text) for text in self._weather["banners"]]
        away = put_away(self.request)
        return [each for each in found if not (each.may_go and each.mark in away)]

    def _banner(self, banner: Banner) -> list[BannerText]:
        return survive(
            lambda: list(banner.show(self.actor, self.workspace_id)), [], f"banner {banner.slug}"
        )


def _url(item: NavItem) -> str:
    return _address(item.url, get_script_prefix())


@cache_calls
def _address(name: str, prefix: str) -> str:
    """It stays for as long as the process lives, and a page asks for each entry's twice."""
    return reverse(name)


def _longest_match(path: str, items: Iterable[NavItem]) -> str:
    """The entry this page belongs to: the one whose address is the longest beginning of it."""
    best, slug = 0, ""
    for item in items:
        url = _url(item)
        exact = path == url
        if (exact or (path.startswith(url) and url != "/admin/")) and len(url) > best:
            best, slug = len(url), item.slug
    return slug

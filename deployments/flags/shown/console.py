"""What flags hand to the console's shared parts: sidebar, home, palette."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from controlplane.base import row_slots
from controlplane.base.admin.searching import LOOKUP
from controlplane.base.registries import (
    HomeRow,
    NameFinder,
    NavItem,
    NavRows,
    PaletteAction,
    PaletteVerb,
    Target,
    Waiting,
    home_rows,
    name_finders,
    nav_items,
    palette_actions,
    palette_verbs,
)
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from deployments.flags.models import Flag, ScheduledChange
from deployments.flags.shown import links, places

FOUND = 6
SHOWN = 8
MOST_COUNTED = 99
LATELY = timedelta(days=7)
VIEW = "flag.view"
GROUP = "Flags"
LIST = "/admin/feature_flags/flag/"
PLANNED = "/admin/feature_flags/scheduledchange/"


def _in(rows: QuerySet[Any], workspace_id: int | None) -> QuerySet[Any]:
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


# --- Sidebar ------------------------------------------------------------------------------------


def _killed(actor: Actor, workspace_id: int | None) -> NavRows:
    rows = _in(Flag.objects.visible_to(actor).killed(), workspace_id)
    return NavRows(rows, "warn", MOST_COUNTED)


# slug, label, URL name, icon, action, order, key, counter
ENTRIES: tuple[tuple[str, str, str, str, str, int, str, Any], ...] = (
    ("flags", "Feature flags", "admin:feature_flags_flag_changelist", "flag", VIEW, 60, "",
     _killed),
    ("flag-requests", "Change requests", "admin:feature_flags_changerequest_changelist", "check",
     VIEW, 61, "", None),
    ("flag-segments", "Segments", "admin:feature_flags_segment_changelist", "users", VIEW, 62, "",
     None),
    ("flag-tokens", "SDK tokens", "admin:feature_flags_sdktoken_changelist", "key", VIEW, 63, "",
     None),
    ("flag-places", "Flag environments", "admin:feature_flags_flagenvironment_changelist",
     "server", VIEW, 64, "", None),
)  # fmt: skip


# --- Home ---------------------------------------------------------------------------------------


def _own_stale(actor: Actor, workspace_id: int | None) -> QuerySet[Flag]:
    rows = _in(Flag.objects.visible_to(actor).living(), workspace_id)
    own = rows.filter(owner=actor.user_id).exclude(stale_since=None)
    found: QuerySet[Flag] = own.order_by("stale_since")[:SHOWN]
    return found


def _failed_last(actor: Actor, workspace_id: int | None) -> QuerySet[ScheduledChange]:
    rows = _in(ScheduledChange.objects.visible_to(actor), workspace_id)
    lately = rows.filter(status="failed", at__gte=clock.now() - LATELY)
    found: QuerySet[ScheduledChange] = lately.select_related("flag", "environment")
    return found.order_by("-at")[:SHOWN]


_KILLED_LAST: ForReader[Flag] = ForReader(
    lambda actor, workspace_id: _in(Flag.objects.visible_to(actor).killed(), workspace_id).order_by(
        "-changed_at"
    )[:SHOWN]
)
_OWN_STALE: ForReader[Flag] = ForReader(_own_stale)
_FAILED_LAST: ForReader[ScheduledChange] = ForReader(_failed_last)


def killed(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """What somebody switched off in a hurry, until somebody says what becomes of it."""
    return [
        Waiting(
            title=flag.flag_name,
            url=links.row(flag),
            text="Off for everybody. Enable it, or archive it.",
            state="killed",
            tone="warn",
            since=flag.changed_at,
            mine=flag.owner_id is not None and flag.owner_id == actor.user_id,
        )
        for flag in _KILLED_LAST.rows(actor, workspace_id)
    ]


def killed_count(actor: Actor, workspace_id: int | None) -> int:
    rows = _in(Flag.objects.visible_to(actor).killed(), workspace_id)
    return int(rows.order_by()[:MOST_COUNTED].count())


def stale(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """One's own flags that have done their work."""
    return [
        Waiting(
            title=flag.flag_name,
            url=links.row(flag),
            text="It has done its work: take it out of the code, then archive it.",
            state="stale",
            tone="neutral",
            since=flag.stale_since,
            mine=True,
        )
        for flag in (_OWN_STALE.rows(actor, workspace_id) if actor.user_id else ())
    ]


def not_applied(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    return [
        Waiting(
            title=f"{row.flag.flag_name} in {row.environment.name}",
            url=links.row(row),
            text=row.outcome,
            state="not applied",
            tone="warn",
            since=row.at,
            mine=row.author_ref == actor.ref,
        )
        for row in _FAILED_LAST.rows(actor, workspace_id)
    ]


# --- Palette ------------------------------------------------------------------------------------


def _named(actor: Actor, workspace_id: int | None, text: str) -> QuerySet[Flag]:
    """Living flags whose name holds every word; a whole name first."""
    rows = _in(Flag.objects.visible_to(actor).living(), workspace_id)
    for word in text.replace("\x00", "").split()[:4]:
        rows = rows.filter(**{f"flag_name__{LOOKUP}": word})
    return rows.order_by("flag_name")


def _found(rows: QuerySet[Flag], text: str) -> list[Flag]:
    exact = [] if not text.strip() else list(rows.filter(flag_name=text.strip()[:200])[:1])
    others = [row for row in rows[:FOUND] if row not in exact]
    return [*exact, *others][:FOUND]


def pressing(button: str, **only: Any) -> Callable[[Actor, int | None, str], Sequence[Target]]:
    """The question of this button, of the flags it can be pressed for."""

    def find(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
        rows = _named(actor, workspace_id, text).filter(**only)
        return [
            Target(flag.flag_name, links.button(flag, button), flag.description)
            for flag in _found(rows, text)
        ]

    return find


def by_name(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _named(actor, workspace_id, text)
    return [
        Target(each.flag_name, links.row(each), each.description) for each in _found(rows, text)
    ]


def to_try(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _named(actor, workspace_id, text)
    return [
        Target(each.flag_name, links.trying(each), each.description) for each in _found(rows, text)
    ]


VERBS: tuple[tuple[str, str, str, str, str, Any], ...] = (
    ("flag-kill", "kill", "Kill the flag", "flag.kill", "Switch a flag off everywhere",
     pressing("kill", enabled=True)),
    ("flag-enable", "enable", "Enable the flag", "flag.enable", "Let a flag go by its rules again",
     pressing("enable", enabled=False)),
    ("flag-try", "try", "Try the flag", VIEW, "See what a flag says to somebody", to_try),
)  # fmt: skip


# Pages that the flags' list leads to and that need no place in the sidebar.
PAGES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("flags-try", "Try a flag", "flags:try", ("evaluate", "explain", "why")),
    ("flags-history", "Flag history", "admin:feature_flags_flagchange_changelist", ("undo",)),
    ("flags-planned", "Planned changes",
     "admin:feature_flags_scheduledchange_changelist", ("schedule", "later")),
    ("flags-unknown", "Unknown flags", "admin:feature_flags_unknownflag_changelist",
     ("misspelt", "missing")),
)  # fmt: skip


def register() -> None:
    for slug, label, url, icon, action, order, key, count in ENTRIES:
        nav_items.register(NavItem(slug, label, GROUP, url, icon, action, order, key, count))
    for slug, verb, label, action, about, find in VERBS:
        palette_verbs.register(
            PaletteVerb(slug, verb, "FLAG", label, action, find, noun="flag", about=about)
        )
    name_finders.register(NameFinder("flags", "flag", VIEW, by_name))
    for slug, label, url, keywords in PAGES:
        palette_actions.register(PaletteAction(slug, label, url, VIEW, keywords))
    row_slots.links.register(row_slots.RowSource("flags.places", places.about))
    home_rows.register(
        HomeRow(
            slug="flags.killed",
            title="Flags that are killed",
            action="flag.enable",
            rows=killed,
            count=killed_count,
            most=SHOWN,
            empty="no flag is killed.",
            link=f"{LIST}?standing=killed",
            order=30,
        )
    )
    home_rows.register(
        HomeRow(
            slug="flags.not-applied",
            title="Planned changes of flags that failed",
            action="flag.change",
            rows=not_applied,
            empty="every planned change of a flag was applied.",
            link=f"{PLANNED}?show=over",
            order=31,
        )
    )
    home_rows.register(
        HomeRow(
            slug="flags.stale",
            title="Your stale flags",
            action="flag.change",
            rows=stale,
            empty="none of your flags is stale.",
            link=f"{LIST}?standing=stale",
            order=70,
        )
    )

"""What windows and freezes hand to the console's shared parts: sidebar, home, palette, banner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from controlplane.base import finding
from controlplane.base.registries import (
    Banner,
    HomeRow,
    NameFinder,
    NavItem,
    NavRows,
    PaletteAction,
    PaletteVerb,
    Target,
    Waiting,
    banners,
    home_rows,
    name_finders,
    nav_items,
    palette_actions,
    palette_verbs,
    ref_finders,
)
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from deployments.maintenance import banner, links, places, plans
from deployments.models import Freeze, MaintenanceWindow
from deployments.shown import window_moves

GROUP = "Deployments"
VIEW = "maintenance.view"
SHOWN = 6
FOUND = 6
SOON = timedelta(days=21)


def _rows(actor: Actor, workspace_id: int | None) -> Any:
    rows = MaintenanceWindow.objects.visible_to(actor)
    rows = rows if workspace_id is None else rows.filter(workspace=workspace_id)
    return rows.select_related("environment", "workspace", "approval", "item", "watcher")


def _under_way(actor: Actor, workspace_id: int | None) -> NavRows:
    return NavRows(_rows(actor, workspace_id).under_way(), "warn", 99)


def _frozen(actor: Actor, workspace_id: int | None) -> NavRows:
    rows = Freeze.objects.visible_to(actor).in_force()
    return NavRows(rows if workspace_id is None else rows.filter(workspace=workspace_id), "warn")


def _soonest(actor: Actor, workspace_id: int | None) -> Any:
    rows = _rows(actor, workspace_id).open().filter(starts_at__lt=clock.now() + SOON)
    return rows.order_by("starts_at", "pk")[: SHOWN * 2]


_SOONEST: ForReader[MaintenanceWindow] = ForReader(_soonest)


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """What goes on now, then what lies ahead and lacks something that somebody has to do."""
    now = clock.now()
    order = {"in_progress": 0, "monitoring": 1}
    found = sorted(_SOONEST.rows(actor, workspace_id), key=lambda row: order.get(row.status, 2))
    return [_told(row, actor, now) for row in found[:SHOWN]]


def _told(row: MaintenanceWindow, actor: Actor, now: datetime) -> Waiting:
    text, acts = _glance(row, now)
    going = row.status in {"in_progress", "monitoring"}
    own = actor.user_id is not None and row.watcher_id == actor.user_id
    due = row.starts_at
    if going:
        due = row.ends_at if row.status == "in_progress" else row.monitor_until or row.ends_at
    return Waiting(
        title=f"{row.ref} {row.title}",
        url=links.window(row),
        text=text,
        state=row.status,
        tone="warn" if row.status == "in_progress" else "info" if going else "neutral",
        due=due,
        mine=acts and (own or row.created_by == actor.ref),
    )


def _glance(row: MaintenanceWindow, now: datetime) -> tuple[str, bool]:
    """What comes next of it, and whether somebody has to do it. From the row alone: the home page
    asks nothing more for it; what exactly is missing its own page says."""
    asked = row.approval.status if row.approval is not None else ""
    if row.status == "in_progress":
        late = now >= row.ends_at
        return ("It takes longer than planned." if late else "It goes on."), row.is_ours
    if row.status == "monitoring":
        over = row.monitor_until is not None and now >= row.monitor_until
        return ("The watch is over: close it." if over else "It is being watched."), over
    if row.status == "missed":
        return "Nobody began it: it needs another time.", True
    if row.starts_at <= now and row.is_ours:
        return "Its time has come, and it has not begun.", True
    if row.status == "draft":
        return "It is not scheduled yet.", True
    if not row.is_ours:
        return f"{row.partner} begins by its own clock.", False
    if row.status == "approved":
        return "Everything is signed; it begins at its time.", False
    if asked == "open":
        return "Those who are asked have to sign.", False
    if asked == "approved":
        return "Signed; its first notice has to leave.", False
    return "Nobody was asked for consent yet.", True


def last(actor: Actor, workspace_id: int | None) -> Any:
    done = _rows(actor, workspace_id).filter(status="completed").order_by("-closed_at")
    return done.values_list("closed_at", flat=True)


# --- Palette ----------------------------------------------------------------------------------


def _named(actor: Actor, workspace_id: int | None, text: str) -> Any:
    rows = finding.typed(_rows(actor, workspace_id), text, "MNT", "title")
    return rows.order_by("-starts_at")


def _target(row: MaintenanceWindow, url: str) -> Target:
    return Target(f"{row.ref} {row.title}", url, plans.span_words(row.starts_at, row.ends_at))


def by_name(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _named(actor, workspace_id, text).open()[:FOUND]
    return [_target(row, links.window(row)) for row in rows]


def pressing(slug: str) -> Callable[[Actor, int | None, str], Sequence[Target]]:
    """The question of this move, of the windows it is there for."""
    move = window_moves.MOVES[slug]

    def find(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
        rows = _named(actor, workspace_id, text).filter(status__in=move.states)
        known = [row for row in rows[: FOUND * 2] if not window_moves.idle(move, row)]
        return [_target(row, window_moves.url(row, slug)) for row in known[:FOUND]]

    return find


def freezes_to_end(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = Freeze.objects.visible_to(actor).filter(ended_at=None, ends_at__gt=clock.now())
    if workspace_id is not None:
        rows = rows.filter(workspace=workspace_id)
    for word in text.replace("\x00", "").split()[:6]:
        rows = rows.filter(title__icontains=word)
    return [
        Target(row.title, f"/admin/deployments/freeze/{row.uid}/do/end/")
        for row in rows.order_by("starts_at")[:FOUND]
    ]


VERBS: tuple[tuple[str, str, str, str, str], ...] = (
    ("start", "start maintenance", "Start the maintenance", "maintenance.run",
     "Start maintenance whose time has come"),
    ("finish", "finish maintenance", "Finish the maintenance", "maintenance.run",
     "Say that the work of a maintenance is done"),
    ("rollback", "roll back maintenance", "Roll back the maintenance", "maintenance.rollback",
     "Take maintenance back"),
    ("announce", "announce maintenance", "Announce the maintenance", "maintenance.announce",
     "Say what is due of a maintenance"),
)  # fmt: skip


def register() -> None:
    nav_items.register(
        NavItem("maintenance", "Maintenance", GROUP,
                "admin:deployments_maintenancewindow_changelist", "clock", VIEW, 55,
                count=_under_way)
    )  # fmt: skip
    nav_items.register(
        NavItem("freezes", "Freezes", GROUP, "admin:deployments_freeze_changelist", "lock",
                "freeze.view", 56, count=_frozen)
    )  # fmt: skip
    banners.register(Banner("maintenance", banner.texts))
    places.register("banner", lambda window: True)
    home_rows.register(
        HomeRow(
            slug="maintenance",
            title="Maintenance",
            action=VIEW,
            rows=waiting,
            most=SHOWN,
            empty="none is planned in the next three weeks.",
            link=links.listing(when="upcoming"),
            order=44,
            last=last,
            then="The last one was completed",
        )
    )
    ref_finders.register(
        finding.by_ref(
            "MNT", "maintenance window", _rows, lambda row: _target(row, links.window(row))
        )
    )
    name_finders.register(NameFinder("maintenance.windows", "maintenance window", VIEW, by_name))
    for slug, verb, label, action, about in VERBS:
        palette_verbs.register(
            PaletteVerb(f"maintenance-{slug}", verb, "MNT-n", label, action, pressing(slug),
                        noun="maintenance window", about=about)
        )  # fmt: skip
    palette_verbs.register(
        PaletteVerb("freeze-end", "end freeze", "freeze", "End the freeze", "freeze.manage",
                    freezes_to_end, noun="freeze", about="End a freeze before its time")
    )  # fmt: skip
    for slug, label, url, action, words in (
        ("maintenance-plan", "Plan maintenance", "windows:plan", "maintenance.plan",
         ("new", "window", "emergency", "downtime")),
        ("freeze-new", "New freeze", "admin:deployments_freeze_add", "freeze.manage",
         ("freeze changes", "stop")),
    ):  # fmt: skip
        palette_actions.register(PaletteAction(slug, label, url, action, words))

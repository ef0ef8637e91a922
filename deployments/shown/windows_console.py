"""What windows and freezes hand to the console's shared parts: sidebar, home, palette, banner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from controlplane.base.registries import (
    Banner,
    HomeRow,
    NameFinder,
    NavItem,
    NavRows,
    PaletteAction,
    PaletteVerb,
    RefFinder,
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
from deployments.maintenance import banner, links, plans
from deployments.models import Freeze, MaintenanceWindow
from deployments.shown import window_moves
from deployments.shown.windows import following

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


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    """What goes on now, then what lies ahead and lacks something that somebody has to do."""
    now = clock.now()
    rows = _rows(actor, workspace_id).open().filter(starts_at__lt=now + SOON)
    order = {"in_progress": 0, "monitoring": 1}
    found = sorted(rows.order_by("starts_at", "pk")[: SHOWN * 2],
                   key=lambda row: order.get(row.status, 2))  # fmt: skip
    return [_told(row, actor) for row in found[:SHOWN]]


def _told(row: MaintenanceWindow, actor: Actor) -> Waiting:
    step = following(row, actor)
    going = row.status in {"in_progress", "monitoring"}
    acts = bool(step.url) and not step.refusal and not step.others
    mine = acts and (row.watcher_id == actor.user_id or row.created_by == actor.ref)
    due = row.monitor_until if row.status == "monitoring" else (
        row.ends_at if row.status == "in_progress" else row.starts_at
    )  # fmt: skip
    return Waiting(
        title=f"{row.ref} {row.title}",
        url=links.window(row),
        text=f"{step.label.rstrip('…')}. {step.why}"[:160],
        state=row.status,
        tone="warn" if row.status == "in_progress" else "info" if going else "neutral",
        due=due,
        mine=mine or (going and row.watcher_id == actor.user_id),
    )


def last(actor: Actor, workspace_id: int | None) -> Any:
    row = _rows(actor, workspace_id).filter(status="completed").order_by("-closed_at").first()
    return row.closed_at if row is not None else None


# --- Palette ----------------------------------------------------------------------------------


def _named(actor: Actor, workspace_id: int | None, text: str) -> Any:
    rows = _rows(actor, workspace_id)
    for word in text.replace("\x00", "").split()[:6]:
        rows = rows.filter(title__icontains=word) | rows.filter(ref__iexact=word)
    return rows.distinct().order_by("-starts_at")


def _target(row: MaintenanceWindow, url: str) -> Target:
    return Target(f"{row.ref} {row.title}", url, plans.span_words(row.starts_at, row.ends_at))


def by_name(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = _named(actor, workspace_id, text).open()[:FOUND]
    return [_target(row, links.window(row)) for row in rows]


def by_number(actor: Actor, workspace_id: int | None, number: int) -> Target | None:
    row = _rows(actor, workspace_id).filter(ref=f"MNT-{number}").order_by("-pk").first()
    return _target(row, links.window(row)) if row is not None else None


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
    ref_finders.register(RefFinder("MNT", "maintenance window", by_number))
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

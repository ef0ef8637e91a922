"""What the pages over many deployments hand to the console's sidebar and palette."""

from __future__ import annotations

from controlplane.base.registries import (
    NavItem,
    PaletteAction,
    RefFinder,
    Target,
    nav_items,
    palette_actions,
    ref_finders,
)
from controlplane.lib.actors import Actor
from deployments.models import Launch
from deployments.overview import links

GROUP = "Deployments"
VIEW = "deployment.view"

# slug, label, URL name, icon, action, order, what else it is looked for by
ENTRIES: tuple[tuple[str, str, str, str, str, int, tuple[str, ...]], ...] = (
    ("release-board", "Environment board", "boards:board", "table", VIEW, 51,
     ("what runs where", "versions", "drift")),
    ("release-calendar", "Release calendar", "boards:calendar", "calendar", VIEW, 52,
     ("timeline", "schedule", "freezes", "maintenance", "ics")),
    ("release-log", "Release log", "boards:log", "book", VIEW, 53,
     ("changelog", "atom", "feed", "history")),
    ("dora", "Four keys", "boards:dora", "chart", VIEW, 54,
     ("dora", "deployment frequency", "lead time", "failure rate", "restore")),
    ("launches", "Launches", "admin:deployments_launch_changelist", "rocket", "launch.view", 57,
     ("go-live", "checklist", "sign-off")),
)  # fmt: skip


def _found(actor: Actor, workspace_id: int | None, number: int) -> Target | None:
    rows = Launch.objects.visible_to(actor).filter(ref=f"LCH-{number}")
    if workspace_id is not None:
        rows = rows.filter(workspace=workspace_id)
    row = rows.order_by("-pk").first()
    return Target(f"{row.ref} {row.title}", links.launch(row)) if row is not None else None


def register() -> None:
    for slug, label, url, icon, action, order, words in ENTRIES:
        nav_items.register(NavItem(slug, label, GROUP, url, icon, action, order))
        palette_actions.register(PaletteAction(slug, label, url, action, words))
    palette_actions.register(
        PaletteAction("release-links", "Links to releases", "boards:links", "deployment.feed",
                      ("rss", "atom", "ics", "subscribe"))
    )  # fmt: skip
    ref_finders.register(RefFinder("LCH", "launch", _found))

"""What stands around the desk in the console's shared parts: the palette."""

from __future__ import annotations

from controlplane.base.registries import PaletteAction, palette_actions

PAGES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("support-hours", "Hours of support", "around:hours", "incident.view",
     ("coverage", "holidays", "24/5", "calendar", "opening")),
    ("support-matrix", "Who is called for support", "around:matrix", "incident.view",
     ("escalation", "matrix", "p0", "priority")),
)  # fmt: skip


def register() -> None:
    for slug, label, url, action, keywords in PAGES:
        palette_actions.register(PaletteAction(slug, label, url, action, keywords))

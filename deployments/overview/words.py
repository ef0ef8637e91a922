"""Figures in words."""

from __future__ import annotations

from deployments.overview.dora import Figure

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
SAME = 0.1  # a difference of a tenth is none: one deployment more or less makes it
ABOUT = {
    "frequency": (
        "Deployment frequency",
        "Deployments that became live here, a week. Rollbacks are none.",
    ),
    "lead_time": (
        "Lead time for changes",
        "From CI's first word about the commit to being live: the middle one. Deployments whose "
        "commit CI said nothing about are left out.",
    ),
    "failure_rate": (
        "Change failure rate",
        "Deployments that were rolled back, given up, judged degraded, or repaired by a hotfix for "
        "an outage or a critical bug; those that were stopped before they were live, too. Those "
        "still watched are not counted yet.",
    ),
    "restore_time": (
        "Time to restore",
        "Of those that were live and failed: from going out to the rollback, the hotfix or the "
        "next good deployment being live; the middle one.",
    ),
}


def lasting(seconds: float | None) -> str:
    """ "45 min", "3.5 h", "2.1 days": the unit in which it reads."""
    if seconds is None:
        return "–"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    if seconds < 2 * DAY:
        return f"{seconds / HOUR:.1f} h"
    return f"{seconds / DAY:.1f} days"


def value(figure: Figure) -> str:
    if figure.value is None:
        return "Too few to say"
    if figure.slug == "frequency":
        return f"{figure.value:.1f} a week"
    if figure.slug == "failure_rate":
        return f"{figure.value:.0%}".replace("%", " %")
    return lasting(figure.value)


def made_of(figure: Figure) -> str:
    """What the figure is made of, and what could not be told."""
    if figure.slug == "frequency":
        return f"{figure.n} became live"
    if figure.slug == "failure_rate":
        watched = figure.of - figure.n
        more = f"; {watched} still watched" if watched else ""
        return f"{len(figure.rows)} of {figure.n} failed{more}"
    if figure.slug == "lead_time":
        silent = figure.of - figure.n
        return f"of {figure.n}" + (f"; CI said nothing about {silent}" if silent else "")
    still = figure.of - figure.n
    return f"of {figure.n} that failed" + (f"; {still} not restored yet" if still else "")


def change(now: Figure, before: Figure) -> tuple[str, str]:
    """Beside the same stretch of time before: in words, and whether it is for the better."""
    if now.value is None or before.value is None:
        return "", ""
    if abs(now.value - before.value) <= SAME * max(abs(now.value), abs(before.value)):
        return f"as before: {value(before)}", "same"
    less = now.value < before.value
    better = less if now.slug != "frequency" else not less
    return f"{value(before)} before", "better" if better else "worse"

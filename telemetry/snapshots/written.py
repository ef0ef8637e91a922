"""A snapshot as JSON and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from itertools import groupby
from typing import Any

from controlplane.access.naming import names_of
from telemetry.models import HealthSnapshot

STATES = {
    "good": "as it should be",
    "warn": "beyond its target",
    "bad": "beyond its limit",
    "no_data": "no data",
    "low_sample": "too few to tell",
    "neutral": "",
}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")


def shown_figures(snapshot: HealthSnapshot, *, installation: bool) -> Sequence[Mapping[str, Any]]:
    """The figures for a reader; those of the installation only for whoever may see it."""
    return [figure for figure in snapshot.figures if installation or not figure.get("installation")]


def filename(snapshot: HealthSnapshot, ending: str) -> str:
    slug = snapshot.workspace.slug
    return f"health-{slug}-{snapshot.starts_at.astimezone(UTC):%Y-%m-%d-%H%M}.{ending}"


def as_data(snapshot: HealthSnapshot, *, installation: bool) -> dict[str, Any]:
    return {
        "uid": str(snapshot.uid),
        "workspace": snapshot.workspace.slug,
        "kind": snapshot.kind,
        "state": snapshot.state,
        "starts_at": snapshot.starts_at.isoformat(),
        "ends_at": snapshot.ends_at.isoformat(),
        "taken_at": snapshot.taken_at.isoformat(),
        "taken_by": snapshot.taken_by,
        "subject": snapshot.subject,
        "note": snapshot.note,
        "figures": list(shown_figures(snapshot, installation=installation)),
        "notices": snapshot.notices,
    }


def as_markdown(snapshot: HealthSnapshot, *, installation: bool, about: str = "") -> str:
    """Readable as it is, and as a page. `about` is what its subject is called, for a reader who
    may see it."""
    start, end = (moment.astimezone(UTC) for moment in (snapshot.starts_at, snapshot.ends_at))
    day = end - timedelta(seconds=1)  # of which it is kept: a day ends where the next begins
    by = names_of([snapshot.taken_by]).get(snapshot.taken_by, snapshot.taken_by)
    head = [
        f"# Health of {_plain(snapshot.workspace.name)}, {day:%Y-%m-%d}",
        "",
        f"- From {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC",
        f"- Overall: {snapshot.get_state_display().lower()}",
        f"- Taken at {snapshot.taken_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC by {_plain(by)}",
    ]
    if snapshot.subject:
        head.append(f"- For {_plain(about or snapshot.subject)}")
    if snapshot.note:
        head += ["", _plain(snapshot.note)]
    parts = ["\n".join(head)]
    if snapshot.notices:
        parts.append("\n".join(["## Alerts", "", *(f"- {_plain(x)}" for x in snapshot.notices)]))
    found = shown_figures(snapshot, installation=installation)
    for area, some in groupby(found, key=lambda figure: str(figure["area"])):
        parts.append(_table(area, list(some)))
    return "\n\n".join(parts) + "\n"


def _table(area: str, figures: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"## {_plain(area)}",
        "",
        "| Figure | Value | Target | State | Before |",
        "| --- | ---: | ---: | --- | ---: |",
    ]
    for figure in figures:
        cells = (
            _plain(str(figure["title"])),
            number(figure["value"], figure["unit"]),
            bound(figure),
            STATES.get(str(figure["state"]), ""),
            number(figure["before"], figure["unit"]),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    size = abs(value)
    text = f"{value:,.0f}" if size >= 100 else f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{text} {unit}".strip()


def bound(figure: Mapping[str, Any]) -> str:
    """What it should be, in a few signs."""
    sign = "≤" if figure["better"] == "lower" else "≥"
    limit = figure["target"] if figure["target"] is not None else figure["warn"]
    return f"{sign} {number(limit, figure['unit'])}" if limit is not None else "–"


def _plain(text: str) -> str:
    """Names are other people's words: nothing in them may become a heading, a link or markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))

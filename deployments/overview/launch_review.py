"""The review after a launch: how it stands, the figures it is held against, and what was signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.text import in_markdown
from deployments.models import Launch
from deployments.overview import launched
from telemetry.kpis.board import Line, board

State = Literal["to_come", "owed", "reviewed"]
WORDS: dict[State, str] = {"to_come": "To come", "owed": "Owed", "reviewed": "Reviewed"}
VERDICTS = {"met": "kept", "missed": "missed", "low_sample": "too few to judge"}


@dataclass(frozen=True, slots=True)
class Section:
    slug: str
    title: str
    about: str


SECTIONS = (
    Section("cycle_times", "Cycle times", "Compared with before the launch."),
    Section(
        "escalations", "Escalations and false positives",
        "What was escalated, and what turned out to be nothing.",
    ),
    Section("feedback", "Feedback of operators", "On what the portal did by itself."),
    Section("next", "What comes next", "The backlog of the next phase, in order."),
)  # fmt: skip


def state_of(launch: Launch, now: datetime | None = None) -> State:
    """Of a launch that was opened again and signed anew a review is owed anew."""
    signed, reviewed = launch.signed_at, launch.reviewed_at
    if reviewed is not None and (signed is None or reviewed >= signed):
        return "reviewed"
    at = launched.live_at(launch)
    if launch.status != Launch.Status.SIGNED or at is None:
        return "to_come"
    return "owed" if at <= (now or clock.now()) else "to_come"


def figures(launch: Launch, actor: Actor) -> dict[str, Any]:
    """Of this moment: before and since, and each key figure beside what it was to be."""
    found = launched.report(launch)
    return {
        "compared": [
            {"what": one.what, "before": one.before, "since": one.since, "change": one.better}
            for one in (found.lines if found is not None else ())
        ],
        "promised": [promise(line) for line in board(launch.workspace, actor)
                     if line.kpi.target is not None],
    }  # fmt: skip


def _plain(value: float | None) -> str:
    """5,000 and 99.95, never 5000.0 or 1e+06."""
    return f"{value or 0:,.4f}".rstrip("0").rstrip(".")


def promise(line: Line) -> dict[str, str]:
    """A key figure with its target: of the last whole period, or the one that runs."""
    row, kpi = line.last or line.now, line.kpi
    least = "at least" if kpi.better == "higher" else "at most"
    value = row.value if row is not None else None
    return {
        "what": kpi.title,
        "promised": f"{least} {_plain(kpi.target)} {kpi.unit}".strip(),
        "found": f"{value:,.1f} {kpi.unit}".strip() if value is not None else "–",
        "verdict": VERDICTS.get(line.state, ""),
    }


def told(launch: Launch, actor: Actor) -> dict[str, Any]:
    """As it was signed; before that, with the figures of now."""
    kept: Mapping[str, Any] = launch.review if state_of(launch) == "reviewed" else {}
    words = kept.get("words", {})
    shown = kept.get("figures") or figures(launch, actor)
    return {
        "sections": [
            {"slug": one.slug, "title": one.title, "about": one.about,
             "text": words.get(one.slug, "")}
            for one in SECTIONS
        ],
        **shown,
    }  # fmt: skip


def markdown(launch: Launch) -> str:
    """What was signed, for whoever reads it elsewhere; what it is to say while nobody signed."""
    if state_of(launch) != "reviewed":
        due = launched.review_due(launch)
        when = f"Due {due:%Y-%m-%d}." if due else "Due two weeks after it goes live."
        return "\n\n".join([when, *(f"### {one.title}\n\n{one.about}" for one in SECTIONS)])
    words, shown = launch.review["words"], launch.review["figures"]
    parts = [f"Signed {launch.reviewed_at:%Y-%m-%d %H:%M} UTC."]
    parts += [f"### {one.title}\n\n{in_markdown(words[one.slug])}" for one in SECTIONS]
    parts += _table("Before and since", shown["compared"], "before", "since")
    parts += _table("What was promised", shown["promised"], "promised", "found", "verdict")
    return "\n\n".join(parts)


def _table(title: str, rows: list[dict[str, str]], *names: str) -> list[str]:
    if not rows:
        return []
    head = " | ".join(name.capitalize() for name in names)
    lines = [f"| | {head} |", "|---" * (len(names) + 1) + "|"]
    lines += [
        f"| {in_markdown(row['what'])} | " + " | ".join(row[name] for name in names) + " |"
        for row in rows
    ]
    return [f"### {title}", "\n".join(lines)]

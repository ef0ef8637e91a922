"""A launch beside the time before it: how long work and releases take now, and what they took.

The baseline is as long as `deployments.launch_baseline_days`; the time since ends with the review.
Of too few the four keys say nothing here either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.text import in_markdown
from controlplane.work.models import Item
from deployments import numbers
from deployments.models import Launch
from deployments.overview import changes, dora, words
from telemetry import measures
from telemetry.shown.words import STAGE_WORDS

MOST = 5_000  # items of one stretch; the newest tell enough


@dataclass(frozen=True, slots=True)
class Span:
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One figure before the launch and since. `better` is "" where nothing can be said."""

    what: str
    before: str
    since: str
    better: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    launch: Launch
    before: Span
    since: Span | None  # None: it is not live yet
    lines: Sequence[Line]

    def markdown(self) -> str:
        """As a table, for the review."""
        head = [
            f"Before: {_days(self.before)}. Since: {_days(self.since)}."
            if self.since is not None
            else f"Before: {_days(self.before)}. It is not live yet.",
            "",
            "| | Before | Since |",
            "|---|---|---|",
        ]
        rows = [f"| {in_markdown(one.what)} | {one.before} | {one.since} |" for one in self.lines]
        return "\n".join([*head, *rows])


def live_at(launch: Launch) -> datetime | None:
    """When it went live, or will: the day it names, or the day of the last signature."""
    return launch.launch_at or launch.signed_at


def review_due(launch: Launch) -> datetime | None:
    at = live_at(launch)
    return at + timedelta(days=numbers.LAUNCH_REVIEW_DAYS.value) if at is not None else None


def report(launch: Launch, now: datetime | None = None) -> Report | None:
    """Nothing of a launch that nobody knows the day of."""
    now = now or clock.now()
    at, due = live_at(launch), review_due(launch)
    if at is None or due is None:
        return None
    turn = min(at, now)
    before = Span(turn - timedelta(days=numbers.LAUNCH_BASELINE_DAYS.value), turn)
    since = Span(at, min(now, due)) if now > at else None
    lines = [*_work(launch, before, since), *_stages(launch, before, since)]
    places = Environment.objects.of(launch.workspace).filter(data_class="real")
    for place in places.order_by("order", "slug"):
        lines += _keys(place, before, since)
    return Report(launch, before, since, lines)


def _days(span: Span | None) -> str:
    return f"{span.start:%Y-%m-%d} to {span.end:%Y-%m-%d}" if span is not None else ""


def _keys(place: Environment, before: Span, since: Span | None) -> Iterator[Line]:
    least = numbers.DORA_LEAST.value
    old, new = (
        dora.figures(changes.read(place, one.start, one.end).changes, one.start, one.end, least)
        if one is not None
        else {}
        for one in (before, since)
    )
    for slug, (title, _) in words.ABOUT.items():
        yield Line(
            f"{title}, {place.name}",
            words.value(old[slug]),
            words.value(new[slug]) if new else "–",
            words.change(new[slug], old[slug])[1] if new else "",
        )


def _work(launch: Launch, before: Span, since: Span | None) -> Iterator[Line]:
    """From the day somebody began an item to the day it was closed."""
    old = _cycle(launch, before)
    new = _cycle(launch, since) if since is not None else None
    yield Line("Work items, begun to closed", words.lasting(old), words.lasting(new),
               _better(old, new))  # fmt: skip


def _cycle(launch: Launch, span: Span) -> float | None:
    rows = Item.objects.filter(
        workspace=launch.workspace_id, started_at__isnull=False,
        closed_at__gte=span.start, closed_at__lt=span.end,
    )  # fmt: skip
    times = rows.order_by("-closed_at").values_list("started_at", "closed_at")[:MOST]
    taken = [(closed - begun).total_seconds() for begun, closed in times if closed >= begun]
    return median(taken) if len(taken) >= numbers.DORA_LEAST.value else None


def _stages(launch: Launch, before: Span, since: Span | None) -> Iterator[Line]:
    measure = measures.get("stage.time_p50")
    found: list[dict[str, float]] = []
    for span in (before, since):
        read = (
            measures.read(measure, launch.workspace_id, span.start, span.end, group_by="stage")
            if span is not None
            else {}
        )
        found.append(
            {
                stage: each.value * words.HOUR
                for stage, each in read.items()
                if stage and each.value is not None and each.sample >= measure.min_sample
            }
        )
    old, new = found
    for stage in (each for each in STAGE_WORDS if each in old or each in new):
        was, now = old.get(stage), new.get(stage)
        what = f"Missions in “{STAGE_WORDS[stage]}”"
        yield Line(what, words.lasting(was), words.lasting(now), _better(was, now))


def _better(before: float | None, since: float | None) -> str:
    if before is None or since is None:
        return ""
    if abs(since - before) <= words.SAME * max(before, since):
        return "same"
    return "better" if since < before else "worse"

"""What the console's pages of the catalog show: words and plain data, drawn by its kit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from controlplane.catalog import uptime, vocabulary
from controlplane.catalog.models import (
    DownInterval,
    Environment,
    Integration,
    Probe,
    ProbeResult,
    Service,
    WatchPeriod,
)
from controlplane.lib import clock, lasting
from controlplane.lib.lasting import Lasting

Period = tuple[datetime, datetime]
SHOWN_DAYS = 7
RESULTS = 120
SPANS = (
    ("24 hours", timedelta(days=1)),
    ("7 days", timedelta(days=7)),
    ("30 days", timedelta(days=30)),
)


def service_health(service: Service) -> str:
    """The worst of its probes, by word: one that is down counts for all."""
    if service.status == Service.Status.RETIRED:
        return "retired"
    seen = {probe.health for probe in service.probes.all() if probe.is_active}
    if Probe.Health.DOWN in seen:
        return "down"
    return "up" if Probe.Health.UP in seen else "unknown"


# --- Uptime -------------------------------------------------------------------------------------


def this_minute() -> datetime:
    """Up to when figures and charts look: they read the same for a minute."""
    return clock.now().replace(second=0, microsecond=0)


def uptime_figures(service: Service, environment: str) -> list[dict[str, Any]]:
    now = this_minute()
    found = []
    for words, span in SPANS:
        figure = uptime.of(service, now - span, now, environment=environment)
        found.append({"words": words, "percent": _rounded(figure.percent), "note": _note(figure)})
    return found


def _rounded(percent: float | None) -> float | None:
    """Never rounded up to what was not reached."""
    return None if percent is None else int(percent * 1000) / 1000


def _note(figure: uptime.Uptime) -> str:
    if figure.percent is None:
        return "nobody looked"
    calm = figure.percent_without_maintenance
    text = f"{_words(figure.down_s)} away" if figure.down_s else "never away"
    if calm is not None and abs(calm - figure.percent) > 0.0005:
        text += f"; {calm:.3f} % without planned work"
    return text


def _words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "under 1 s"


def up_and_down(service: Service, environments: Sequence[Environment]) -> dict[str, Any]:
    """A lane for each environment: up where somebody looked, down where it was, else nothing."""
    now = this_minute()
    start = now - timedelta(days=SHOWN_DAYS)
    watched = WatchPeriod.objects.filter(probe__service=service, starts_at__lt=now)
    watched = watched.exclude(ends_at__lt=start).order_by("starts_at")
    downs = DownInterval.objects.filter(service=service).within(start, now).order_by("starts_at")
    watched_in = _by(watched.values_list("probe__environment_id", "starts_at", "ends_at")[:2000])
    down_in = _by(downs.values_list("environment_id", "starts_at", "ends_at")[:2000])
    lanes = []
    for environment in environments:
        down = merged(_cut(down_in.get(environment.pk, []), start, now))
        up = without(merged(_cut(watched_in.get(environment.pk, []), start, now)), down)
        still_up = _last(watched_in.get(environment.pk, []))
        still_down = _last(down_in.get(environment.pk, []))
        spans: list[tuple[Any, ...]] = []
        spans += [(begin, _end(end, now, still_up), "up", "good") for begin, end in up]
        spans += [(begin, _end(end, now, still_down), "down", "bad") for begin, end in down]
        lanes.append({"name": environment.name, "spans": sorted(spans, key=lambda one: one[0])})
    return {
        "kind": "timeline",
        "title": "Up and down",
        "period": f"last {SHOWN_DAYS} days",
        "size": "small",
        "empty": "No probe has looked in these days.",
        "start": start,
        "end": now,
        "lanes": lanes,
    }


def _by(rows: Iterable[tuple[int, datetime, datetime | None]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for key, begin, end in rows:
        found.setdefault(key, []).append((begin, end))
    return found


def _last(periods: Sequence[Any]) -> bool:
    """Whether one of them has no end yet."""
    return any(stop is None for _, stop in periods)


def _end(end: datetime, now: datetime, lasts: bool) -> datetime | None:
    """None for what lasts still: cut at this minute it would read as over."""
    return None if lasts and end >= now else end


def _cut(periods: Iterable[Any], start: datetime, end: datetime) -> list[Period]:
    cut = [(max(begin, start), min(stop or end, end)) for begin, stop in periods]
    return [(begin, stop) for begin, stop in cut if begin < stop]


def merged(periods: Sequence[Period]) -> list[Period]:
    found: list[Period] = []
    for begin, end in sorted(periods):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def without(periods: Sequence[Period], holes: Sequence[Period]) -> list[Period]:
    """Merged periods less merged holes."""
    found: list[Period] = []
    for begin, end in periods:
        for hole, closed in holes:
            if closed <= begin or hole >= end:
                continue
            if hole > begin:
                found.append((begin, hole))
            begin = max(begin, closed)
        if begin < end:
            found.append((begin, end))
    return found


def lasted(row: DownInterval) -> timedelta | Lasting:
    return lasting.lasted(row.starts_at, row.ends_at)


# --- Probes -------------------------------------------------------------------------------------


def results_of(probe: Probe) -> list[ProbeResult]:
    """The newest looks, newest first."""
    return list(ProbeResult.objects.filter(probe=probe).order_by("-at", "-id")[:RESULTS])


def latency(results: Sequence[ProbeResult], probe: Probe) -> dict[str, Any]:
    points = [(row.at, row.latency_ms if row.ok else None) for row in reversed(results)]
    return {
        "kind": "line",
        "title": "How fast it answers",
        "period": f"last {len(results)} looks",
        "unit": "ms",
        "size": "small",
        "empty": "Nobody has looked yet.",
        "series": [{"name": "latency", "points": points}],
        "gap": float(probe.every_s * 3),
        "note": "Failed looks leave a gap.",
    }


RESULT_COLUMNS = (
    ("text", "What was seen"),
    ("ok", "Result", "state"),
    ("status", "Status", "number"),
    ("took", "Took", "number", "ms"),
    ("at", "When", "when"),
)


def result_rows(results: Sequence[ProbeResult]) -> list[dict[str, Any]]:
    return [
        {
            "text": row.error or "as expected",
            "ok": {"text": "good" if row.ok else "failed", "tone": "good" if row.ok else "warn"},
            "status": row.status_code,
            "took": row.latency_ms,
            "at": row.at,
        }
        for row in results
    ]


# --- Integrations -------------------------------------------------------------------------------

_STATES = (
    ("closed", "Closed", "good"),
    ("open", "Open", "bad"),
    ("half_open", "Half open", "warn"),
)


def breaker(integration: Integration) -> dict[str, Any]:
    """The breaker's three states and its ways between them; only the present one has a colour."""
    failures = vocabulary.thresholds(integration).break_after
    return {
        "kind": "graph",
        "title": "The breaker",
        "size": "small",
        "direction": "TB",
        "heading": False,
        "nodes": [
            {
                "id": key,
                "label": label,
                "state": "now" if integration.status == key else "",
                "tone": tone if integration.status == key else "quiet",
            }
            for key, label, tone in _STATES
        ],
        "edges": [
            ("closed", "open", f"{failures} failure{'' if failures == 1 else 's'}"),
            ("open", "half_open", "pause over"),
            ("half_open", "closed", ""),
            ("half_open", "open", ""),
        ],
    }

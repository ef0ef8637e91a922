"""What the rule's page shows: the measure against its limit, series by series, what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from controlplane.access import policy
from controlplane.base.cache import cached
from controlplane.lib.actors import Actor
from telemetry import measures
from telemetry.models import AlertRule, RuleChange, RuleReadings, RuleState
from telemetry.querysets import INSTALLATION
from telemetry.rules import vocabulary
from telemetry.rules.preview import AT_ONCE, PERIODS, Preview, preview

KEPT_S = 60  # a preview is of whole minutes
SHOWN_FIRINGS = 8
SHOWN_CHANGES = 20
SHOWN_SERIES = 40
FEW, MOST_BANDS = 4, 40
_ORDER = ("firing", "error", "pending", "no_data", "ok")
SERIES_COLUMNS = (
    ("series", "Series"),
    ("state", "State", "state"),
    ("value", "Now"),
    ("limit", "Limit"),
    ("sample", "Sample", "number"),
    ("since", "Since", "when"),
)
CHANGE_COLUMNS = (
    ("what", "What", "state"),
    ("series", "Series"),
    ("value", "Value"),
    ("limit", "Limit"),
    ("lasted", "Lasted", "duration"),
    ("at", "When", "when"),
)
FIRING_COLUMNS = (
    ("series", "Series"),
    ("worst", "Worst"),
    ("lasted", "Lasted", "duration"),
    ("at", "From", "when"),
)
_TONES = {
    "fired": "bad", "quiet": "neutral", "resolved": "good", "failed": "warn", "mended": "good",
    "tested": "info",
}  # fmt: skip


def unit_of(rule: AlertRule) -> str:
    measure = measures.MEASURES.get(rule.measure)
    return measure.unit if measure is not None else ""


def measure_title(rule: AlertRule) -> str:
    measure = measures.MEASURES.get(rule.measure)
    return measure.title if measure is not None else rule.measure


def may_see(actor: Actor, rule: AlertRule) -> bool:
    """Whether how it stands may be shown: the installation is not everybody's."""
    return rule.scope != AlertRule.Scope.INSTALLATION or bool(policy.can(actor, INSTALLATION))


# --- The past ---------------------------------------------------------------------------------


def looked_back(
    rule: AlertRule, workspace_id: int | None, period: str = AT_ONCE
) -> Mapping[str, Any]:
    """A saved rule's preview, drawn; remembered for a minute, since pages ask again and again."""
    key = f"rule-preview:{rule.pk}:{rule.version}:{workspace_id}:{period}"
    return cached(key, KEPT_S, lambda: drawn(preview(rule, workspace_id, period=period)))


def drawn(found: Preview) -> dict[str, Any]:
    """As plain values: the sentence, the chart, the times it would have fired."""
    rule, unit = found.rule, unit_of(found.rule)
    return {
        "sentence": found.sentence,
        "fired": len(found.firings),
        "chart": _chart(found, unit),
        "firings": [
            {
                "series": vocabulary.series_words(rule, one.series),
                "worst": vocabulary.number(one.worst, unit),
                "lasted": ((one.until or found.end) - one.at).total_seconds(),
                "at": one.at.isoformat(),
                "_tone": "" if one.until else "bad",
            }
            for one in sorted(found.firings, key=lambda each: each.at, reverse=True)[:SHOWN_FIRINGS]
        ],
        "more": max(0, len(found.firings) - SHOWN_FIRINGS),
        "relative": rule.is_relative,
    }


def _chart(found: Preview, unit: str) -> dict[str, Any]:
    rule = found.rule
    series = [
        {
            "name": vocabulary.series_words(rule, name, found.measure.title),
            "points": _points(line),
        }
        for name, line in found.lines.items()
    ]
    thresholds: list[dict[str, Any]] = []
    if rule.is_relative:
        if any(value is not None for _, value in found.limits):
            series.append({"name": "limit", "points": _points(found.limits)})
    elif rule.threshold is not None:
        worse = "above" if rule.is_upper else "below"
        limit = {"value": rule.threshold, "label": "limit", "worse": worse}
        thresholds = [limit]
    return {
        "kind": "line",
        "title": found.measure.title,
        "period": found.period,
        "unit": unit,
        "heading": False,
        "start": found.start.isoformat(),
        "end": found.end.isoformat(),
        "series": series,
        "thresholds": thresholds,
        "annotations": _firings(found),
        "from_zero": rule.is_upper,
        "empty": "Nothing was reported that this measure looks at.",
    }


def _points(line: Sequence[tuple[datetime, float | None]]) -> list[tuple[str, float | None]]:
    return [(at.isoformat(), None if value is None else round(value, 4)) for at, value in line]


def _firings(found: Preview) -> list[dict[str, Any]]:
    """When something would have fired, whichever series: bands too close to tell apart are one."""
    near = (found.end - found.start) / 200
    bands: list[tuple[datetime, datetime]] = []
    for one in found.firings:
        until = one.until or found.end
        if bands and one.at - bands[-1][1] <= near:
            bands[-1] = (bands[-1][0], max(bands[-1][1], until))
        else:
            bands.append((one.at, until))
    label = "fires" if len(bands) <= FEW else ""
    return [
        {"at": begin.isoformat(), "until": end.isoformat(), "label": label}
        for begin, end in bands[-MOST_BANDS:]
    ]


def period_of(asked: str) -> str:
    return asked if asked in PERIODS else AT_ONCE


def periods(current: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "words": PERIODS[name][0], "current": name == current} for name in PERIODS
    ]


# --- Now --------------------------------------------------------------------------------------


def standing(rule: AlertRule, workspace_id: int | None) -> dict[str, Any]:
    """How it stands: the worst word, and a line for each series."""
    place = None if rule.scope == AlertRule.Scope.INSTALLATION else workspace_id
    states = {one.series: one for one in RuleState.objects.of_rule(rule, place)}
    kept = RuleReadings.objects.of(place).first()
    seen = kept.seen.get(str(rule.pk), {}) if kept is not None else {}
    read: Mapping[str, Sequence[Any]] = seen.get("series", {})
    words = {one.status for one in states.values()}
    quiet = {(one.quiet_by, one.quiet_link) for one in states.values() if one.quiet_by}
    own = states.get("")
    return {
        "status": worst(words) if rule.is_active else "off",
        "looked_at": datetime.fromtimestamp(seen["at"], tz=kept.at.tzinfo)
        if kept and seen
        else None,
        "note": own.note if own is not None and own.status != "ok" else "",
        "quiet": sorted(quiet),
        "firing": sum(1 for one in states.values() if one.status == "firing"),
        "rows": _series_rows(rule, states, read),
        "more": max(0, len({*read, *states}) - SHOWN_SERIES),
    }


def worst(statuses: set[str]) -> str:
    return next((one for one in _ORDER if one in statuses), "not looked at yet")


def _quietly(state: RuleState | None) -> str:
    return ", kept quiet" if state is not None and state.quiet_by else ""


def _series_rows(
    rule: AlertRule, states: Mapping[str, RuleState], read: Mapping[str, Sequence[Any]]
) -> list[dict[str, Any]]:
    unit = unit_of(rule)
    names = [name for name in {*read, *states} if name or not rule.group_by]
    rows = []
    for name in names:
        state = states.get(name)
        value, sample, limit = read.get(name, (None, 0, None))
        status = state.status if state is not None else "ok"
        rows.append(
            {
                "series": vocabulary.series_words(rule, name) + _quietly(state),
                "state": status,
                "value": "no data" if value is None else vocabulary.number(value, unit),
                "limit": vocabulary.number(limit, unit) if limit is not None else "—",
                "sample": sample,
                "since": state.since if state is not None else None,
                "_tone": "bad" if status == "firing" else "",
            }
        )
    rows.sort(key=lambda row: (_ORDER.index(str(row["state"])), str(row["series"])))
    return rows[:SHOWN_SERIES]


def changes(
    rule: AlertRule, workspace_id: int | None, *, series: str | None = None
) -> list[dict[str, Any]]:
    """What it did, newest first: all of it, or one series."""
    place = None if rule.scope == AlertRule.Scope.INSTALLATION else workspace_id
    found = RuleChange.objects.of(place).filter(rule=rule)
    if series is not None:
        found = found.filter(series=series)
    rows = found.order_by("-at", "-id")[:SHOWN_CHANGES]
    unit = unit_of(rule)
    return [
        {
            "what": {"text": row.get_kind_display(), "tone": _TONES.get(row.kind, "neutral")},
            "series": vocabulary.series_words(rule, row.series),
            "value": "" if row.value is None else vocabulary.number(row.value, unit),
            "limit": "" if row.threshold is None else vocabulary.number(row.threshold, unit),
            "lasted": lasted(row),
            "note": row.note,
            "at": row.at,
        }
        for row in rows
    ]


def change_columns(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """With what was said of a change, where something was."""
    said = [("note", "Why")] if any(row["note"] for row in rows) else []
    return [*CHANGE_COLUMNS[:-1], *said, CHANGE_COLUMNS[-1]]


def lasted(row: RuleChange) -> float | None:
    """How long what is over had stood."""
    over = row.kind in {RuleChange.Kind.RESOLVED, RuleChange.Kind.MENDED}
    if not over or row.began_at is None:
        return None
    return (row.at - row.began_at).total_seconds()

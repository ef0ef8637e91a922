"""Looking at measures for many rules at once: those that ask of one window share a statement."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from controlplane.jobs.leases import describe
from telemetry import measures
from telemetry.measures import Measure, Reading
from telemetry.models import AlertRule, RollupMinute
from telemetry.rules import usual
from telemetry.rules.judging import Judged, failed, judge
from telemetry.rules.vocabulary import SERIES

logger = logging.getLogger(__name__)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
# After so long a minute has been rolled up.
SETTLED = timedelta(seconds=10)
# What grows with the time looked at: a minute that has only begun would read as a lull.
_GROWING = frozenset({"per_minute", "per_hour"})
_COUNTED = frozenset({"count", "sum", "active", "missions"})


@dataclass(frozen=True, slots=True)
class Window:
    start: datetime
    end: datetime
    group_by: str
    filters: tuple[tuple[str, tuple[str, ...]], ...]

    def before(self) -> Window:
        return Window(self.start - HOUR, self.end - HOUR, self.group_by, self.filters)


@dataclass(slots=True)
class Look:
    """What was seen of one rule: a judgement for each series, "" where it is not split."""

    series: dict[str, Judged] = field(default_factory=dict)
    problem: str = ""
    left_out: int = 0


def window_of(rule: AlertRule, measure: Measure, at: datetime) -> Window:
    """The rule's window, in whole minutes. It ends with the minute that runs, so that a spike is
    seen as it begins, except where half a minute would read as half of what there is."""
    growing = measure.statistic in _GROWING
    growing |= measure.statistic in _COUNTED and not rule.is_upper
    end = _floor(at - SETTLED) if growing else _floor(at) + MINUTE
    filters = tuple(sorted((name, tuple(values)) for name, values in rule.filters.items()))
    return Window(end - timedelta(seconds=rule.window_s), end, rule.group_by, filters)


def look(
    rules: Sequence[AlertRule], workspace_id: int | None, at: datetime, lately: Iterable[str] = ()
) -> dict[int, Look]:
    """Look at these rules' measures now. By the rule's id; a rule that can't be read says why and
    stands in nobody's way. `lately`: the events of the last hour, of all there could be; what
    asks of none of them has no data, and no statement is spent on it."""
    found: dict[int, Look] = {}
    known = frozenset(lately)
    asked: dict[Window, list[tuple[AlertRule, Measure]]] = {}
    for rule in rules:
        measure = measures.MEASURES.get(rule.measure)
        if measure is None:
            found[rule.pk] = Look(problem=f"There is no measure {rule.measure}.")
        elif _nothing_there(rule, measure, known):
            found[rule.pk] = _judged(rule, {}, {})
        else:
            asked.setdefault(window_of(rule, measure, at), []).append((rule, measure))
    for window, some in asked.items():
        found.update(_look_through(window, some, workspace_id, at))
    return found


def _nothing_there(rule: AlertRule, measure: Measure, lately: frozenset[str]) -> bool:
    if measure.compute is not None or measure.installation or rule.window_s > 3600:
        return False
    return (
        bool(lately) and measures.ANY[0] not in measure.events and lately.isdisjoint(measure.events)
    )


def lately_reported(
    workspace_ids: Sequence[int | None], at: datetime
) -> dict[int | None, set[str]]:
    """Which events each workspace had in the last hour, in one statement."""
    rows = RollupMinute.objects.filter(bucket__gte=_floor(at) - HOUR)
    found: dict[int | None, set[str]] = {each: {"-"} for each in workspace_ids}
    pairs = rows.order_by().values_list("workspace_id", "event_type").distinct()
    for workspace_id, event in pairs:
        found.setdefault(workspace_id, set()).add(event)
    return found


def _look_through(
    window: Window,
    some: Sequence[tuple[AlertRule, Measure]],
    workspace_id: int | None,
    at: datetime,
) -> dict[int, Look]:
    """All at once; should that fail, each by itself, so that the culprit is known."""
    try:
        with transaction.atomic():
            return _seen(window, some, workspace_id, at)
    except Exception as error:  # noqa: BLE001  (whatever it is, the other rules go on)
        if len(some) > 1:
            apart = (_look_through(window, [one], workspace_id, at) for one in some)
            return {key: value for each in apart for key, value in each.items()}
        [(rule, _)] = some
        logger.warning("rule %s could not be read: %s", rule.slug, error)
        return {rule.pk: Look(problem=describe(error))}


def _seen(
    window: Window,
    some: Sequence[tuple[AlertRule, Measure]],
    workspace_id: int | None,
    at: datetime,
) -> dict[int, Look]:
    now = _read(window, [measure for _, measure in some], workspace_id)
    back = [m for rule, m in some if rule.against == AlertRule.Against.HOUR_BEFORE]
    before = _read(window.before(), back, workspace_id) if back else {}
    found = {}
    for rule, measure in some:
        base: Mapping[str, Reading] = {}
        if rule.against == AlertRule.Against.HOUR_BEFORE:
            base = before[measure.slug]
        elif rule.is_relative:
            base = usual.bases(rule, measure, workspace_id, at)
        found[rule.pk] = _judged(rule, now[measure.slug], base)
    return found


def _read(
    window: Window, some: Sequence[Measure], workspace_id: int | None
) -> dict[str, dict[str, Reading]]:
    return measures.read_many(
        some,
        workspace_id,
        window.start,
        window.end,
        group_by=window.group_by,
        filters=dict(window.filters),
    )


def _judged(rule: AlertRule, now: Mapping[str, Reading], base: Mapping[str, Reading]) -> Look:
    """Of a grouped rule what stands under no name is nobody's: events that did not say."""
    if not rule.group_by:
        return Look({"": judge(rule, now.get(""), base.get(""))})
    named = {name: reading for name, reading in now.items() if name}
    # What is 0 is the first to be left out: counted by name, most names never occur.
    order = sorted(named, key=lambda name: (not named[name].value, -named[name].sample, name))
    kept = order[: SERIES.value]
    series = {name[:120]: judge(rule, named[name], base.get(name)) for name in sorted(kept)}
    left_out = sum(1 for name in order[SERIES.value :] if named[name].value)
    return Look(series, left_out=left_out)


def own_state(rule: AlertRule, seen: Look) -> Judged:
    """How the rule itself fares, beside its series."""
    if seen.problem:
        return failed(seen.problem)
    if not rule.group_by:
        return seen.series[""]
    if not seen.series:
        return Judged("absent", note="No data in the window.")
    more = f"{seen.left_out} more series are not looked at." if seen.left_out else ""
    return Judged("clear", note=more)


def _floor(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)

"""One pass over all rules: what holds where, what was seen, who moved.

Each workspace is a transaction of its own with a lock of its own, so that of several processes
that come at once one evaluates it and the others go on; the one that waited longest is first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from controlplane.access.models import Workspace
from controlplane.jobs.leases import describe
from controlplane.lib import clock
from telemetry.models import AlertRule, RuleReadings, RuleState
from telemetry.rules import looking, news
from telemetry.rules.judging import Judged, failed, pace_of
from telemetry.rules.looking import Look
from telemetry.rules.machine import Pace
from telemetry.rules.services.adopting import adopt
from telemetry.rules.services.moving import end_in, matters, move
from telemetry.rules.vocabulary import EVERY, FIRED, RESOLVED, SLOWEST

logger = logging.getLogger(__name__)
# The first of two keys of PostgreSQL's advisory locks: "alert rules".
_LOCKS = 0x616C7274
_MAX_KEY = 2**31 - 1
# A pass comes a little early or late; what is due within this is due.
_SLACK = timedelta(seconds=2)
SHOWN_SERIES = 60  # of the readings that are kept to look at


@dataclass(slots=True)
class Pass:
    """What one pass did."""

    places: int = 0
    rules: int = 0
    fired: int = 0
    resolved: int = 0
    failed: int = 0

    @property
    def moves(self) -> int:
        return self.fired + self.resolved


def evaluate(at: datetime | None = None, *, deadline: float | None = None) -> Pass:
    """Evaluate every rule that is due, everywhere. `deadline` is of `time.monotonic`: what is not
    reached is first in the next pass."""
    now = at or clock.now()
    rules = list(AlertRule.objects.order_by("pk"))
    if adopt([rule for rule in rules if rule.workspace_id is None]):
        rules = list(AlertRule.objects.order_by("pk"))
    done = Pass()
    done.resolved += _leave_archived(now)
    places = _places()
    lately = looking.lately_reported([place.pk if place else None for place in places], now)
    for place in places:
        if deadline is not None and time.monotonic() > deadline:
            break
        place_id = place.pk if place is not None else None
        here = in_force(rules, place_id)
        if here:
            _Place(place, now, lately.get(place_id, set())).evaluate(here, done)
    return done


def _leave_archived(at: datetime) -> int:
    """An alert of a workspace that was archived would fire for ever: no pass looks there again."""
    standing = RuleState.objects.values("workspace")
    left = Workspace.objects.exclude(archived_at=None).filter(pk__in=standing)
    return sum(end_in(place, at=at, reason="The workspace was archived.") for place in left)


def in_force(rules: Sequence[AlertRule], workspace_id: int | None) -> list[AlertRule]:
    """`RuleQuerySet.in_force`, of rules that were read already. A workspace's own rule takes the
    shipped one's place even while it is switched off."""
    if workspace_id is None:
        return [rule for rule in rules if rule.scope == "installation" and rule.is_active]
    own = {rule.slug: rule for rule in rules if rule.workspace_id == workspace_id}
    shared = [
        rule
        for rule in rules
        if rule.workspace_id is None and rule.scope == "workspace" and rule.slug not in own
    ]
    return [rule for rule in (*own.values(), *shared) if rule.is_active]


def _places() -> list[Workspace | None]:
    """The installation first, then workspaces by how long they have waited."""
    last = dict(RuleReadings.objects.exclude(workspace=None).values_list("workspace_id", "at"))
    never = datetime.min.replace(tzinfo=clock.now().tzinfo)
    found = list(Workspace.objects.filter(archived_at=None))
    found.sort(key=lambda place: (last.get(place.pk, never), place.pk))
    return [None, *found]


def every(rule: AlertRule) -> timedelta:
    """How often it is looked at: a week's figure does not change in seconds."""
    share = timedelta(seconds=rule.window_s / 60)
    return min(max(share, EVERY), SLOWEST)


@dataclass(slots=True)
class _Place:
    """One workspace, or the installation, in one pass."""

    workspace: Workspace | None
    at: datetime
    lately: set[str]
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> int | None:
        return self.workspace.pk if self.workspace is not None else None

    def evaluate(self, rules: Sequence[AlertRule], done: Pass) -> None:
        began = time.monotonic()
        with transaction.atomic():
            if not self._lock():
                return
            last = RuleReadings.objects.of(self.id).first()
            seen: dict[str, Any] = dict(last.seen) if last is not None else {}
            due = [rule for rule in rules if self._is_due(rule, seen)]
            looks = looking.look(due, self.id, self.at, self.lately)
            states = self._states(due)
            for rule in due:
                self._apply(rule, looks[rule.pk], states.get(rule.pk, {}), done)
                seen[str(rule.pk)] = _kept(rule, looks[rule.pk], self.at)
            holding = {str(rule.pk) for rule in rules}
            self._keep({key: value for key, value in seen.items() if key in holding}, began)
        done.places += 1
        done.rules += len(due)
        news.report_events(self.workspace, self.events)

    def _lock(self) -> bool:
        with connection.cursor() as cursor:
            key = (self.id or 0) % _MAX_KEY
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCKS, key])
            return bool(cursor.fetchone()[0])

    def _is_due(self, rule: AlertRule, seen: Mapping[str, Any]) -> bool:
        last = seen.get(str(rule.pk))
        if last is None or last.get("version") != rule.version:
            return True
        return self.at.timestamp() - float(last["at"]) >= (every(rule) - _SLACK).total_seconds()

    def _states(self, rules: Sequence[AlertRule]) -> dict[int, dict[str, RuleState]]:
        found: dict[int, dict[str, RuleState]] = {}
        rows = RuleState.objects.of(self.id).filter(rule__in=[rule.pk for rule in rules])
        for state in rows:
            state.workspace = self.workspace
            found.setdefault(state.rule_id, {})[state.series] = state
        return found

    def _apply(
        self, rule: AlertRule, seen: Look, states: Mapping[str, RuleState], done: Pass
    ) -> None:
        """A rule that trips over something unforeseen is put into its error state, alone."""
        if seen.problem:
            done.failed += 1
        pace = pace_of(rule, every(rule))
        found = [
            (series, states.get(series), judged)
            for series, judged in self._judged(rule, seen, states).items()
            if matters(series, states.get(series), judged, self.at, pace)
        ]
        if not found:
            return
        try:
            with transaction.atomic():
                for series, state, judged in found:
                    moved = move(rule, self.workspace, series, state, judged, self.at, pace)
                    if moved is not None:
                        self._note(rule, moved, done)
        except Exception as error:
            logger.exception("rule %s could not be applied", rule.slug)
            done.failed += 1
            self._put_in_error(rule, describe(error), pace)

    def _judged(
        self, rule: AlertRule, seen: Look, states: Mapping[str, RuleState]
    ) -> dict[str, Judged]:
        """By series: what was seen, and of those that stood there before and say nothing now,
        that they do."""
        judged = {} if seen.problem else dict(seen.series)
        judged[""] = looking.own_state(rule, seen)
        gone = failed(seen.problem) if seen.problem else Judged("absent", note="No data.")
        for series, state in states.items():
            if series not in judged and state.status != RuleState.Status.OK:
                judged[series] = gone
        return judged

    def _put_in_error(self, rule: AlertRule, reason: str, pace: Pace) -> None:
        try:
            with transaction.atomic():
                own = RuleState.objects.of(self.id).filter(rule=rule, series="").first()
                move(rule, self.workspace, "", own, failed(reason), self.at, pace)
        except Exception:
            logger.exception("rule %s could not be put into its error state", rule.slug)

    def _note(self, rule: AlertRule, state: RuleState, done: Pass) -> None:
        kind = FIRED if state.status == RuleState.Status.FIRING else RESOLVED
        done.fired += kind == FIRED
        done.resolved += kind == RESOLVED
        self.events.append(news.event_of(kind, rule, state))

    def _keep(self, seen: dict[str, Any], began: float) -> None:
        took = int((time.monotonic() - began) * 1000)
        values = {"at": self.at, "took_ms": took, "seen": seen}
        if not RuleReadings.objects.of(self.id).update(**values):
            RuleReadings.objects.create(workspace=self.workspace, **values)


def _kept(rule: AlertRule, seen: Look, at: datetime) -> dict[str, Any]:
    """What lists, cockpit and `/metrics` show of it: the series that come nearest to trouble."""
    order = sorted(
        seen.series,
        key=lambda name: (seen.series[name].found != "breach", -seen.series[name].sample, name),
    )
    series = {}
    for name in sorted(order[:SHOWN_SERIES]):
        judged = seen.series[name]
        series[name] = [_short(judged.value), judged.sample, _short(judged.threshold)]
    return {"at": at.timestamp(), "version": rule.version, "series": series}


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")

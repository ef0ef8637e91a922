"""One look's effect on one alert: the state machine's answer, written down.

A move to firing or back is told in the transaction that makes it: signal, history and audit are
there if and only if the state is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet

from controlplane.access.models import Workspace
from controlplane.base.states import advance
from controlplane.lib import actors
from telemetry.models import AlertRule, RuleChange, RuleState
from telemetry.rules import news, silence
from telemetry.rules.judging import Judged
from telemetry.rules.machine import Pace, Standing, step

EVALUATOR = actors.job("telemetry.rules")
Status = RuleState.Status
_CLOCKS = ("since", "seen_at", "breached_at", "clear_since", "fired_at", "resolved_at")


def matters(series: str, state: RuleState | None, judged: Judged, at: datetime, pace: Pace) -> bool:
    """Whether this look has anything to write. Most have not."""
    if state is None:
        fresh = step(Standing.fresh(at), judged.found, at, pace)
        return not series or fresh.status not in {Status.OK, Status.NO_DATA}
    if state.status in {Status.PENDING, Status.FIRING} or state.note != judged.note:
        return True
    return step(standing_of(state), judged.found, at, pace).status != state.status


def move(
    rule: AlertRule,
    workspace: Workspace | None,
    series: str,
    state: RuleState | None,
    judged: Judged,
    at: datetime,
    pace: Pace,
) -> RuleState | None:
    """Take the step. Returns the row if it began to fire or was resolved."""
    if state is not None:
        old = standing_of(state)
    else:
        old = replace(Standing.fresh(at), episode=_told_before(rule, workspace, series))
    new = step(old, judged.found, at, pace)
    if state is None:
        if series and new.status in {Status.OK, Status.NO_DATA}:
            return None  # a series that is well needs no row
        state = _made(rule, workspace, series, at, new, old.episode)
        old = standing_of(state)
    seen = _seen(judged)
    if new.status == state.status:
        _refresh(state, old, new, seen)
        if state.quiet_by:
            _tell_after(rule, state, at)
        return None
    return _advance(rule, state, new, seen)


def standing_of(state: RuleState) -> Standing:
    return Standing(
        status=state.status,
        episode=state.episode,
        **{name: getattr(state, name) for name in _CLOCKS},
    )


def _told_before(rule: AlertRule, workspace: Workspace | None, series: str) -> int:
    """The last episode that anybody was told of. Its row may have gone with a rule that was
    switched off or removed; news is told once under its key: the same number would be silence."""
    place = workspace.pk if workspace is not None else None
    rows = RuleChange.objects.of(place).filter(slug=rule.slug, series=series)
    return int(rows.aggregate(last=Max("episode"))["last"] or 0)


def _made(
    rule: AlertRule,
    workspace: Workspace | None,
    series: str,
    at: datetime,
    new: Standing,
    episode: int,
) -> RuleState:
    """A first row. It begins where no audit is due and moves on from there."""
    quiet = new.status if new.status in {Status.PENDING, Status.NO_DATA} else Status.OK
    row = RuleState(
        rule=rule,
        workspace=workspace,
        series=series,
        status=quiet,
        since=at,
        seen_at=at,
        episode=episode,
        fingerprint=news.fingerprint(rule.slug, workspace, series),
    )
    row.save(force_insert=True)
    return row


def _seen(judged: Judged) -> dict[str, Any]:
    return {
        "value": judged.value,
        "sample": judged.sample,
        "threshold": judged.threshold,
        "note": judged.note,
    }


def _refresh(state: RuleState, old: Standing, new: Standing, seen: Mapping[str, Any]) -> None:
    """The same status still. Only what waits or fires is kept up to date: its clocks go on, and
    people look at its value. What is well, or has no data, is told by the readings."""
    moving = state.status in {Status.PENDING, Status.FIRING}
    if not moving and state.note == seen["note"]:
        return
    changes = {name: getattr(new, name) for name in _CLOCKS} if moving else {}
    rows = RuleState.objects.filter(pk=state.pk, version=state.version)
    rows.update(**changes, **seen)


def _tell_after(rule: AlertRule, state: RuleState, at: datetime) -> None:
    """It fires still. Once nobody keeps it quiet any more, whoever is to know is told."""
    before, quiet = state.quiet_by, silence.kept(rule, state, at)
    changes = _quiet(quiet)
    if changes["quiet_by"] == before:
        return
    rows = RuleState.objects.filter(pk=state.pk, version=state.version)
    if not rows.update(**changes):
        return
    state.quiet_by, state.quiet_link = changes["quiet_by"], changes["quiet_link"]
    if quiet is None:
        news.fired(rule, state, kept_quiet_by=before)
        note = f"Told late because of {before}."
        remember(rule, state, RuleChange.Kind.FIRED, at, began=state.fired_at, note=note)


def _quiet(quiet: silence.Quiet | None) -> dict[str, str]:
    return {
        "quiet_by": quiet.by if quiet is not None else "",
        "quiet_link": quiet.link if quiet is not None else "",
    }


@transaction.atomic
def _advance(
    rule: AlertRule, state: RuleState, new: Standing, seen: Mapping[str, Any]
) -> RuleState | None:
    before, began, was_quiet = state.status, state.since, state.quiet_by
    quiet = silence.kept(rule, state, new.since) if new.status == Status.FIRING else None
    changes = {name: getattr(new, name) for name in _CLOCKS}
    advance(
        state,
        new.status,
        actor=EVALUATOR,
        changes={**changes, **seen, **_quiet(quiet), "episode": new.episode},
    )
    if state.status == Status.FIRING:
        _began(rule, state, new.since, quiet)
        return state
    if before == Status.FIRING:
        _ended(rule, state, new.since, was_quiet)
        return state
    if state.status == Status.ERROR:
        remember(rule, state, RuleChange.Kind.FAILED, new.since)
    elif before == Status.ERROR:
        remember(rule, state, RuleChange.Kind.MENDED, new.since, began=began)
    return None


def _began(rule: AlertRule, state: RuleState, at: datetime, quiet: silence.Quiet | None) -> None:
    if quiet is None:
        news.fired(rule, state)
        remember(rule, state, RuleChange.Kind.FIRED, at, began=state.breached_at)
    else:
        remember(rule, state, RuleChange.Kind.QUIET, at, began=state.breached_at, note=quiet.by)


def _ended(
    rule: AlertRule, state: RuleState, at: datetime, was_quiet: str, reason: str = ""
) -> None:
    """Whoever was not told that it fired needs not be told that it is over."""
    note = f"{reason} Never told because of {was_quiet}.".strip() if was_quiet else reason
    if not was_quiet:
        news.resolved(rule, state, reason=reason)
    remember(rule, state, RuleChange.Kind.RESOLVED, at, began=state.fired_at, note=note[:300])


def remember(
    rule: AlertRule,
    state: RuleState,
    kind: str,
    at: datetime,
    *,
    began: datetime | None = None,
    note: str = "",
) -> RuleChange:
    return RuleChange.objects.create(
        rule=rule,
        workspace=state.workspace,
        slug=rule.slug,
        title=rule.title,
        severity=rule.severity,
        series=state.series,
        kind=kind,
        at=at,
        began_at=began,
        value=state.value,
        sample=state.sample,
        threshold=state.threshold,
        episode=state.episode,
        note=note or state.note,
    )


@transaction.atomic
def end(rule: AlertRule, *, at: datetime, reason: str, workspace_id: int | None = None) -> int:
    """The rule no longer asks this: what fires is resolved, with the reason, and nothing is left
    standing. `workspace_id` narrows it to one workspace."""
    rows = RuleState.objects.filter(rule=rule)
    if workspace_id is not None:
        rows = rows.filter(workspace_id=workspace_id)
    return _end(rows, at=at, reason=reason)


@transaction.atomic
def end_in(workspace: Workspace, *, at: datetime, reason: str) -> int:
    """Nobody looks at this workspace any more: nothing may go on firing there."""
    return _end(RuleState.objects.of(workspace.pk), at=at, reason=reason)


def _end(standing: QuerySet[RuleState], *, at: datetime, reason: str) -> int:
    rows = standing.select_for_update(of=("self",))
    firing = list(rows.filter(status=Status.FIRING).select_related("workspace", "rule"))
    for state in firing:
        was_quiet = state.quiet_by
        changes = {"resolved_at": at, "since": at, "clear_since": None, "breached_at": None}
        whole = {**changes, **_quiet(None)}
        advance(state, Status.OK, actor=EVALUATOR, reason=reason, changes=whole)
        _ended(state.rule, state, at, was_quiet, reason)
    rows.exclude(pk__in=[state.pk for state in firing]).delete()
    return len(firing)

"""Enabling what was killed: back to what stood before the kill, and to nothing else.

A kill asks nobody, so its undoing must not be a door: what was changed behind it (while nobody
wanted consent there, by hand, in the segments) would come into force with it. So in each
environment that wants consent a flag comes back as it was at the kill, or as it was consented to
since. Otherwise it is switched off there first, which needs nobody, enabled, and asked for.
A freeze holds an enable as it holds anything that puts something on.
"""

from __future__ import annotations

from typing import Any

from controlplane.lib.actors import Actor
from controlplane.lib.errors import GateNotMet
from deployments.flags.models import Flag, FlagChange, FlagState, Segment
from deployments.flags.services import gates

VALUES = ("value_type", "off_value", "on_value")


def pass_return(flag: Flag, *, actor: Actor, override: bool, reason: str) -> dict[str, Any]:
    """Call it with the flag held, in the workspace's turn."""
    rows = FlagState.objects.filter(flag=flag).select_related("environment")
    states = list(rows.order_by("environment__order", "pk"))
    kill = _kill_of(flag)
    for state in states:
        if gates.needs_consent(state.environment_id):
            _refuse_moved(flag, state, kill)
    frozen = (gates.frozen(flag, state.environment_id) for state in states if state.settings["on"])
    sentence = next((each for each in frozen if each), None)
    if sentence is None:
        return {}
    return gates.pass_over(flag, sentence, actor=actor, override=override, reason=reason)


def _kill_of(flag: Flag) -> FlagChange | None:
    """What switched it off, whoever and however. A flag from the archive was not killed: it comes
    back off, and nobody remembers what it does."""
    rows = FlagChange.objects.filter(flag=flag, environment=None, after__enabled=False)
    found: FlagChange | None = rows.exclude(kind=FlagChange.Kind.RESTORE).order_by("-id").first()
    return found


def _refuse_moved(flag: Flag, state: FlagState, kill: FlagChange | None) -> None:
    where = state.environment
    if state.settings["on"] and not _as_agreed(flag, state, kill):
        raise GateNotMet(
            f"It would not come back as it was before the kill in {where}, where changes need"
            " consent. Switch it off there, enable it, and ask for it to go on.",
            details={"conditions": [f"off in {where.slug}"]},
        )
    newer = [
        each.flag.flag_name
        for each in gates.waiting_for_off(flag, state.environment_id)
        if kill is None or each.changed_at > kill.at
    ]
    if newer:
        raise GateNotMet(
            f"{', '.join(newer[:5])} came to need it off in {where} since the kill, and changes"
            " there need consent. Switch that off there, enable this, and ask for it to go on.",
            details={"conditions": [f"{name} off in {where.slug}" for name in newer]},
        )


def _as_agreed(flag: Flag, state: FlagState, kill: FlagChange | None) -> bool:
    """Since the kill, or since it was last consented to there, nothing has moved. A consent signs
    the whole document, with its values and whom its segments mean."""
    in_place = FlagChange.objects.filter(flag=flag, environment=state.environment_id)
    since = in_place.filter(kind=FlagChange.Kind.APPROVED).order_by("-id").first()
    if since is None or (kill is not None and kill.pk > since.pk):
        since = kill
    if since is None:
        return False
    first = in_place.filter(id__gt=since.pk).order_by("id").first()
    if first is not None and first.before != state.settings:
        return False
    return _whole_stands(flag, since) and _segments_stand(state, since)


def _whole_stands(flag: Flag, since: FlagChange) -> bool:
    """Its values as they were, and no time in the archive."""
    then: dict[str, Any] = {}
    later = FlagChange.objects.filter(flag=flag, environment=None, id__gt=since.pk)
    for change in later.order_by("id").iterator(chunk_size=200):
        if change.kind == FlagChange.Kind.RESTORE:
            return False
        then = {**(change.before or {}), **then}
    return all(getattr(flag, name) == then[name] for name in VALUES if name in then)


def _segments_stand(state: FlagState, since: FlagChange) -> bool:
    named = {slug for rule in state.settings["rules"] for slug in rule["segments"]}
    rows = Segment.objects.of(state.workspace_id).filter(slug__in=named, changed_at__lte=since.at)
    return len(named) == rows.count()

"""A flag's page: how it stands in each environment, what waits, what was changed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments.flags.models import (
    ChangeRequest,
    Flag,
    FlagChange,
    FlagEnvironment,
    FlagState,
    ScheduledChange,
)
from deployments.flags.shown import history, links, segments, standing, usage, words

CHANGES = 8
_SIMPLE = {False: "false", True: "true", None: "nothing"}


def shown(flag: Flag, actor: Actor) -> Mapping[str, Any]:
    states = list(flag.states.all())
    names = segments.names(flag.workspace_id, (each.settings for each in states))
    weeks, apps = usage.of_flag(flag)
    asked, planned = _asked(flag), _planned(flag, names)
    places = {
        each.environment_id: each
        for each in FlagEnvironment.objects.filter(workspace=flag.workspace_id)
    }
    may = policy.can(actor, "flag.change", flag)
    return {
        "flag": flag,
        "lead": lead(flag),
        "sides": [
            _side(flag, each, names, weeks, asked, planned, places, bool(may)) for each in states
        ],
        "why_not": "" if may else may.reason,
        "may_change": bool(may) and not flag.is_archived,
        "apps": apps,
        "week": _sum(weeks.values()),
        "changes": history.lines(_changes(flag), actor, flag, names),
        "all_changes": f"{reverse('admin:feature_flags_flagchange_changelist')}?flag={flag.uid}",
        "try_url": links.trying(flag),
        "needed_by": _needed_by(flag),
    }


def lead(flag: Flag) -> str:
    """What stands under the heading: only what holds in all environments."""
    if flag.is_archived:
        return "Archived: SDKs are not told of it."
    return "" if flag.enabled else "Killed: off for everybody, in every environment."


def _side(
    flag: Flag,
    state: FlagState,
    names: Mapping[str, str],
    weeks: Mapping[int, usage.Week],
    asked: Mapping[int, list[Any]],
    planned: Mapping[int, list[Any]],
    places: Mapping[int, FlagEnvironment],
    may: bool,
) -> dict[str, Any]:
    settings, mark = state.settings, standing.place(flag, state, names)
    place = places.get(state.environment_id)
    week = weeks.get(state.environment_id) or usage.Week()
    rules = settings.get("rules") or []
    shares = words.weights(settings.get("variants"))
    return {
        "state": state,
        "environment": state.environment,
        "mark": mark,
        "sentence": words.sentence(settings, names),
        "on": bool(settings.get("on")),
        "rules": [
            {
                "title": each.get("title", ""),
                "says": words.rule(each, names),
                "off": bool(each.get("disabled")),
            }
            for each in rules
        ],
        "shares": shares,
        "week": week,
        "asked": asked.get(state.environment_id, []),
        "planned": planned.get(state.environment_id, []),
        "guarded": place is not None and place.needs_approval,
        "place_url": links.row(place) if place is not None else "",
        "edit_url": links.editing(flag, state.environment) if may else "",
        "switch_url": links.switching(flag, state.environment) if may else "",
        "try_url": links.trying(flag, state.environment),
    }


def _asked(flag: Flag) -> dict[int, list[ChangeRequest]]:
    found = defaultdict(list)
    for row in ChangeRequest.objects.filter(flag=flag).open().select_related("approval"):
        row.url = links.row(row)
        row.approval_url = links.approval(row)
        found[row.environment_id].append(row)
    return found


def _planned(flag: Flag, names: Mapping[str, str]) -> dict[int, list[ScheduledChange]]:
    found = defaultdict(list)
    for row in ScheduledChange.objects.filter(flag=flag).open():
        row.url = links.row(row)
        row.says = words.sentence(row.settings, names)
        found[row.environment_id].append(row)
    return found


def _changes(flag: Flag) -> list[FlagChange]:
    rows = FlagChange.objects.filter(flag=flag).select_related("environment", "undoes")
    return list(rows.prefetch_related("undone").order_by("-id")[:CHANGES])


def _needed_by(flag: Flag) -> list[Flag]:
    """Which others ask for this one: they go off with it."""
    states = FlagState.objects.filter(
        workspace=flag.workspace_id,
        flag__archived_at=None,
        settings__requires__contains=[{"flag": flag.flag_name}],
    )
    found = Flag.objects.filter(pk__in=states.values("flag")).order_by("flag_name")[:20]
    for each in found:
        each.url = links.row(each)
    return list(found)


def _sum(weeks: Iterable[usage.Week]) -> usage.Week:
    whole = usage.Week()
    for week in weeks:
        whole.days = [a + b for a, b in zip(whole.days, week.days, strict=True)]
        whole.yes, whole.no = whole.yes + week.yes, whole.no + week.no
        whole.last = max(filter(None, (whole.last, week.last)), default=None)
    return whole


def answers(flag: Flag) -> str:
    if flag.value_type == Flag.ValueType.BOOLEAN:
        return flag.get_value_type_display()
    on, off = _value(flag.on_value), _value(flag.off_value)
    return f"{flag.get_value_type_display()}: {on} when on, {off} when off"


def _value(value: Any) -> str:
    simple = isinstance(value, bool) or value is None
    return _SIMPLE[value] if simple else words.clipped(json.dumps(value, ensure_ascii=False))


def why_stale(flag: Flag) -> str:
    """As far as the row itself tells; the clean-up item tells the rest."""
    if flag.remove_by is not None and flag.remove_by < clock.now().date():
        return f"It was to be removed by {flag.remove_by}"
    on = [each for each in flag.states.all() if each.settings.get("on")]
    if not on:
        return "Off everywhere, and nobody changes it"
    whole = all(standing.place(flag, each).tone == "on" for each in on)
    return "On for everybody, for long" if whole else "Nobody asks for it"

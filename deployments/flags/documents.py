"""A flag as the engine and the Unleash SDKs read it.

One feature per flag and environment. What only the portal knows (values of both sides, whether it
was killed) stands under the key "portal", which the Unleash door leaves out.

A row written past the services may be of any shape. What can't be read in full is off, for nobody,
and says so under "portal": half of a rule might be on for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deployments.flags.models import Flag, FlagState, Segment

# Never the id of a segment: an SDK that misses one treats the rule as not met.
NO_SEGMENT = 0
# What a segment says that can't be read, or a rule whose segment is gone: nobody.
NEVER: Mapping[str, Any] = {
    "contextName": "",
    "operator": "MISSING_SEGMENT",
    "values": [],
    "value": "",
    "caseInsensitive": False,
    "inverted": False,
}
_UNREADABLE = (TypeError, ValueError, KeyError, AttributeError)
_TYPES = {"release": "release", "ops": "kill-switch", "mission_type": "operational"}


def to_feature(
    flag: Flag, state: FlagState | None, segments: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """One client feature. `segments` are the ids of the workspace's segments, by slug."""
    try:
        told = _told(flag, state.settings if state is not None else {}, segments or {})
    except _UNREADABLE:
        told = {"enabled": False, "strategies": [], "variants": [], "dependencies": []}
        return {**_head(flag), **told, "portal": {**_portal(flag), "unreadable": True}}
    return {**_head(flag), **told, "portal": _portal(flag)}


def is_unreadable(feature: Mapping[str, Any]) -> bool:
    return "unreadable" in feature["portal"]


def _head(flag: Flag) -> dict[str, Any]:
    return {
        "name": flag.flag_name,
        "type": _TYPES.get(flag.kind, flag.kind),
        "description": flag.description,
        "project": "default",
        "stale": flag.stale_since is not None,
        "impressionData": flag.impression_data,
    }


def _portal(flag: Flag) -> dict[str, Any]:
    return {
        "type": flag.value_type,
        "kind": flag.kind,
        "off": flag.off_value,
        "on": flag.on_value,
        "killed": not flag.enabled,
    }


def _told(flag: Flag, settings: Any, segments: Mapping[str, int]) -> dict[str, Any]:
    strategies = _strategies(flag, settings, segments)
    reachable = bool(strategies) or not _is_narrowed(settings)
    return {
        "enabled": flag.enabled and settings.get("on") is True and reachable,
        "strategies": strategies,
        "variants": [_variant(each) for each in _list(settings, "variants")],
        "dependencies": [
            {
                "feature": each["flag"],
                "enabled": each.get("enabled", True),
                "variants": _list(each, "variants"),
            }
            for each in _list(settings, "requires")
        ],
    }


def to_segment(segment: Segment) -> dict[str, Any]:
    try:
        constraints = [_constraint(each) for each in _list({"own": segment.constraints}, "own")]
    except _UNREADABLE:
        constraints = [dict(NEVER)]
    return {"id": segment.pk, "name": segment.slug, "constraints": constraints}


def to_document(
    flags: Iterable[tuple[Flag, FlagState | None]], segments: Iterable[Segment]
) -> dict[str, Any]:
    """All that an SDK of one environment reads."""
    segments = list(segments)
    ids = {each.slug: each.pk for each in segments}
    return {
        "version": 2,
        "features": [to_feature(flag, state, ids) for flag, state in flags],
        "segments": [to_segment(each) for each in segments],
    }


def document_of(environment_id: int, workspace_id: int) -> dict[str, Any]:
    """The living flags of an environment, as they stand now, by name."""
    states = FlagState.objects.filter(environment_id=environment_id, flag__archived_at=None)
    rows = states.select_related("flag").order_by("flag__flag_name")
    return to_document(
        ((row.flag, row) for row in rows),
        Segment.objects.filter(workspace_id=workspace_id).order_by("pk"),
    )


def _is_narrowed(settings: Mapping[str, Any]) -> bool:
    """Whether somebody said for whom it is on. A feature without strategies is on for all, so one
    whose rules are all switched off must not become that."""
    return bool(settings.get("rules") or settings.get("allow"))


def _strategies(
    flag: Flag, settings: Mapping[str, Any], segments: Mapping[str, int]
) -> list[dict[str, Any]]:
    denied = _list(settings, "deny", of=str)
    allowed = [each for each in _list(settings, "allow", of=str) if each not in set(denied)]
    found = []
    if allowed:
        found.append(_strategy("userWithId", {"userIds": ",".join(allowed)}, title="Always on"))
    rules = [each for each in _list(settings, "rules") if not each.get("disabled")]
    found += [_rollout(flag, each, denied, segments) for each in rules]
    if denied and not _is_narrowed(settings):
        everybody = {"rollout": "100", "stickiness": "default", "groupId": flag.flag_name}
        found.append(_strategy("flexibleRollout", everybody, constraints=[_not_in(denied)]))
    return [{**each, "sortOrder": place} for place, each in enumerate(found)]


def _rollout(
    flag: Flag, rule: Mapping[str, Any], denied: list[str], segments: Mapping[str, int]
) -> dict[str, Any]:
    parameters = {
        "rollout": str(rule.get("percent", 100)),
        "stickiness": _text(rule, "stickiness") or "default",
        # Stable, never a row's id: whoever was in stays in when the percentage grows.
        "groupId": _text(rule, "group") or flag.flag_name,
    }
    constraints = [_constraint(each) for each in _list(rule, "constraints")]
    return _strategy(
        "flexibleRollout",
        parameters,
        title=_text(rule, "title"),
        constraints=[*constraints, _not_in(denied)] if denied else constraints,
        segments=[segments.get(slug, NO_SEGMENT) for slug in _list(rule, "segments")],
        variants=[_variant(each) for each in _list(rule, "variants")],
    )


def _strategy(
    name: str,
    parameters: dict[str, str],
    *,
    title: str = "",
    constraints: list[dict[str, Any]] | None = None,
    segments: list[int] | None = None,
    variants: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "parameters": parameters,
        "constraints": constraints or [],
        "segments": segments or [],
        "variants": variants or [],
    }


def _not_in(ids: list[str]) -> dict[str, Any]:
    return _constraint({"contextName": "userId", "operator": "NOT_IN", "values": ids})


def _constraint(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every key there: SDKs differ in what they make of a missing one."""
    return {
        "contextName": given.get("contextName", ""),
        "operator": given.get("operator", ""),
        "values": _list(given, "values"),
        "value": given.get("value", ""),
        "caseInsensitive": bool(given.get("caseInsensitive", False)),
        "inverted": bool(given.get("inverted", False)),
    }


def _variant(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "name": _text(given, "name"),
        "weight": int(given["weight"]),
        "weightType": given.get("weightType", "variable"),
        "stickiness": _text(given, "stickiness") or "default",
        "overrides": _list(given, "overrides"),
    }
    if given.get("payload") is not None:
        found["payload"] = dict(given["payload"])
    return found


def _list(told: Mapping[str, Any], key: str, *, of: type = object) -> list[Any]:
    """A missing list is empty; anything else that is none can't be read. `{}` or `""` would pass
    for "no rules", and a flag without rules is on for everybody."""
    found = told.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, of) for each in found):
        raise TypeError(key)
    return list(found)


def _text(told: Mapping[str, Any], key: str) -> str:
    found = told.get(key)
    if found is not None and not isinstance(found, str):
        raise TypeError(key)
    return found or ""

"""A flag as the engine and the Unleash SDKs read it.

One feature per flag and environment. What only the portal knows (values of both sides, whether it
was killed) stands under the key "portal", which the Unleash door leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deployments.flags.models import Flag, FlagState, Segment

# Never the id of a segment: an SDK that misses one treats the rule as not met.
NO_SEGMENT = 0
_TYPES = {"release": "release", "ops": "kill-switch", "mission_type": "operational"}


def to_feature(
    flag: Flag, state: FlagState | None, segments: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """One client feature. `segments` are the ids of the workspace's segments, by slug."""
    settings = state.settings if state is not None else {}
    strategies = _strategies(flag, settings, segments or {})
    reachable = bool(strategies) or not _is_narrowed(settings)
    return {
        "name": flag.flag_name,
        "type": _TYPES.get(flag.kind, flag.kind),
        "description": flag.description,
        "project": "default",
        "stale": flag.stale_since is not None,
        "impressionData": flag.impression_data,
        "enabled": flag.enabled and bool(settings.get("on")) and reachable,
        "strategies": strategies,
        "variants": [_variant(each) for each in settings.get("variants", ())],
        "dependencies": [
            {
                "feature": each["flag"],
                "enabled": each.get("enabled", True),
                "variants": list(each.get("variants", ())),
            }
            for each in settings.get("requires", ())
        ],
        "portal": {
            "type": flag.value_type,
            "kind": flag.kind,
            "off": flag.off_value,
            "on": flag.on_value,
            "killed": not flag.enabled,
        },
    }


def to_segment(segment: Segment) -> dict[str, Any]:
    return {
        "id": segment.pk,
        "name": segment.slug,
        "constraints": [_constraint(each) for each in segment.constraints],
    }


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
    denied = list(settings.get("deny", ()))
    allowed = [each for each in settings.get("allow", ()) if each not in set(denied)]
    found = []
    if allowed:
        found.append(_strategy("userWithId", {"userIds": ",".join(allowed)}, title="Always on"))
    rules = [each for each in settings.get("rules", ()) if not each.get("disabled")]
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
        "stickiness": rule.get("stickiness") or "default",
        # Stable, never a row's id: whoever was in stays in when the percentage grows.
        "groupId": rule.get("group") or flag.flag_name,
    }
    constraints = [_constraint(each) for each in rule.get("constraints", ())]
    return _strategy(
        "flexibleRollout",
        parameters,
        title=rule.get("title", ""),
        constraints=[*constraints, _not_in(denied)] if denied else constraints,
        segments=[segments.get(slug, NO_SEGMENT) for slug in rule.get("segments", ())],
        variants=[_variant(each) for each in rule.get("variants", ())],
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
        "values": list(given.get("values", ())),
        "value": given.get("value", ""),
        "caseInsensitive": bool(given.get("caseInsensitive", False)),
        "inverted": bool(given.get("inverted", False)),
    }


def _variant(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "name": given["name"],
        "weight": given["weight"],
        "weightType": given.get("weightType", "variable"),
        "stickiness": given.get("stickiness") or "default",
        "overrides": list(given.get("overrides", ())),
    }
    if given.get("payload") is not None:
        found["payload"] = dict(given["payload"])
    return found

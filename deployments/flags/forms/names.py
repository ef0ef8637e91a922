"""What settings name: segments and other flags of the same workspace, as they stand now.

The SDKs follow prerequisites one level deep: a flag whose prerequisite has one of its own is off
for them. So that depth is all that is taken, and no circle can come about.
"""

from __future__ import annotations

from typing import Any

from deployments.flags.forms.problems import Problems
from deployments.flags.models import Flag, FlagState, Segment


def check_names(settings: dict[str, Any], flag: Flag, environment_id: int) -> None:
    """Call it under the workspace's lock: two edits may each be right and wrong together."""
    problems = Problems()
    _segments(settings, flag, problems)
    _required(settings, flag, environment_id, problems)
    problems.done()


def _segments(settings: dict[str, Any], flag: Flag, problems: Problems) -> None:
    named = {slug for rule in settings["rules"] for slug in rule["segments"]}
    rows = Segment.objects.of(flag.workspace_id).filter(slug__in=named)
    known = set(rows.values_list("slug", flat=True))
    for n, rule in enumerate(settings["rules"]):
        for m, slug in enumerate(rule["segments"]):
            if slug not in known:
                problems.add(f"rules.{n}.segments.{m}", f"There is no segment {slug}.")


def _required(
    settings: dict[str, Any], flag: Flag, environment_id: int, problems: Problems
) -> None:
    if not settings["requires"]:
        return
    names = [each["flag"] for each in settings["requires"]]
    rows = FlagState.objects.filter(
        environment_id=environment_id, flag__flag_name__in=names, flag__archived_at=None
    )
    standing = {row.flag.flag_name: row.settings for row in rows.select_related("flag")}
    for n, name in enumerate(names):
        sentence = _refusal(name, flag, standing)
        if sentence:
            problems.add(f"requires.{n}.flag", sentence)
    dependent = dependents(flag, environment_id)
    if dependent:
        problems.add(
            "requires",
            f"{', '.join(dependent[:5])} requires this flag; one that is required requires none.",
        )


def _refusal(name: str, flag: Flag, standing: dict[str, dict[str, Any]]) -> str:
    if name == flag.flag_name:
        return "A flag cannot require itself."
    if name not in standing:
        return f"There is no flag {name}."
    onward = [each["flag"] for each in standing[name].get("requires", ())]
    if flag.flag_name in onward:
        return f"A circle: {name} requires {flag.flag_name}."
    if onward:
        return f"{name} requires {', '.join(onward)}; prerequisites go one level deep."
    return ""


def dependents(flag: Flag, environment_id: int | None = None) -> list[str]:
    """Names of the living flags that require this one, there or anywhere."""
    rows = FlagState.objects.filter(
        flag__workspace_id=flag.workspace_id,
        flag__archived_at=None,
        settings__requires__contains=[{"flag": flag.flag_name}],
    ).exclude(flag=flag)
    if environment_id is not None:
        rows = rows.filter(environment_id=environment_id)
    return sorted(set(rows.values_list("flag__flag_name", flat=True)))

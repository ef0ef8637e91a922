"""The steps of a rollout, and what a flag's settings are in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deployments.services.reading import refuse

MOST_STEPS = 10
LONGEST_HOLD = 14 * 1440
Steps = list[tuple[int, int]]  # percent, minutes

PRESETS: dict[str, Steps] = {
    "standard": [(10, 30), (50, 30), (100, 60)],
    "cautious": [(10, 60), (50, 120), (100, 1440)],
}


def steps_of(preset: str, given: Any = None) -> Steps:
    """A preset's, or one's own: rising, ending with everybody."""
    if preset != "custom":
        if given:
            raise refuse("steps", "Only a custom plan has steps of its own.")
        return PRESETS[preset]
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise refuse("steps", "A list of percent and hold_minutes.")
    if len(given) > MOST_STEPS:
        raise refuse("steps", f"At most {MOST_STEPS}.")
    found = [_step(place, each) for place, each in enumerate(given)]
    percents = [percent for percent, _ in found]
    if percents != sorted(set(percents)):
        raise refuse("steps", "Each step reaches more than the one before.")
    if percents[-1] != 100:
        raise refuse("steps", "The last step is 100 percent.")
    return found


def _step(place: int, given: Any) -> tuple[int, int]:
    name = f"steps[{place}]"
    if not isinstance(given, dict) or set(given) != {"percent", "hold_minutes"}:
        raise refuse(name, "An object of percent and hold_minutes.")
    percent = _whole(f"{name}.percent", given["percent"], 1, 100)
    return percent, _whole(f"{name}.hold_minutes", given["hold_minutes"], 1, LONGEST_HOLD)


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise refuse(name, f"A whole number from {least} to {most}.")
    return value


def settings_at(base: dict[str, Any], percent: int, *, title: str) -> dict[str, Any]:
    """The flag's settings in a step: on, and its rules for so many percent of those they mean.

    Group and stickiness stay as they are, so whoever is in at 10 percent is in at 50. A flag
    without rules, which is on for everybody when it is on, gets one rule for the time of the
    rollout; at 100 percent the settings are its own again.
    """
    rules = [dict(rule, percent=min(rule["percent"], percent)) for rule in base["rules"]]
    if not rules and percent < 100:
        rules = [_rule(title, percent)]
    return {**base, "on": True, "rules": rules}


def _rule(title: str, percent: int) -> dict[str, Any]:
    return {
        "title": title,
        "percent": percent,
        "stickiness": "default",
        "group": "",
        "constraints": [],
        "segments": [],
        "variants": [],
        "disabled": False,
    }


# Where chance is by person, or by less. Of what people share, like a company, some are large.
BY_PERSON = ("default", "userId", "sessionId", "random")


def is_for_everybody(base: dict[str, Any]) -> bool:
    """Nobody is let in or kept out by name, by rule or by the bundle, so the cohort is the step's
    share of all people who are asked about: elsewhere the two can't be compared."""
    return not (
        base["allow"]
        or base["deny"]
        or base["requires"]
        or any(
            rule["constraints"]
            or rule["segments"]
            or rule["disabled"]
            or rule["percent"] < 100
            or rule["stickiness"] not in BY_PERSON
            for rule in base["rules"]
        )
        or len(base["rules"]) > 1
    )

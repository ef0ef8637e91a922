"""The settings of a flag in one environment.

`clean` looks at the document alone; `check_names` at what it names: segments, other flags. Both
answer with the place of each fault.
"""

from __future__ import annotations

from typing import Any

from deployments.flags.forms.constraints import constraints
from deployments.flags.forms.problems import Problems, refuse_large
from deployments.flags.forms.variants import stickiness, variants

KEYS = ("on", "allow", "deny", "rules", "variants", "requires")
_RULE = (
    "title",
    "percent",
    "stickiness",
    "group",
    "constraints",
    "segments",
    "variants",
    "disabled",
)
MOST_RULES = 50
MOST_NEEDS = 20


def clean(given: Any, *, value_type: str = "boolean") -> dict[str, Any]:
    """The document with every key there, or `Invalid`."""
    problems = Problems()
    refuse_large(given, "settings", problems)
    problems.done()
    told = problems.keys(given, "", KEYS)
    found = {
        "on": problems.flag(told.get("on", False), "on"),
        "allow": _ids(told.get("allow", []), "allow", problems),
        "deny": _ids(told.get("deny", []), "deny", problems),
        "rules": [
            _rule(each, f"rules.{n}", value_type, problems)
            for n, each in enumerate(problems.items(told.get("rules", []), "rules", MOST_RULES))
        ],
        "variants": variants(told.get("variants", []), "variants", value_type, problems),
        "requires": _requires(told.get("requires", []), problems),
    }
    problems.done()
    return found


def _ids(given: Any, place: str, problems: Problems) -> list[str]:
    """Ids of users. They travel to the SDKs in one text with commas between them."""
    found = problems.values(given, place, empty=False)
    for n, each in enumerate(found):
        if "," in each or each != each.strip():
            problems.add(f"{place}.{n}", "An id has no commas and no blanks around it.")
    return found


def _rule(given: Any, place: str, value_type: str, problems: Problems) -> dict[str, Any]:
    told = problems.keys(given, place, _RULE)
    return {
        "title": problems.text(told.get("title", ""), f"{place}.title", most=120),
        "percent": problems.whole(told.get("percent", 100), f"{place}.percent", least=0, most=100),
        "stickiness": stickiness(
            told.get("stickiness", "default"), f"{place}.stickiness", problems
        ),
        "group": problems.name(told.get("group", ""), f"{place}.group"),
        "constraints": constraints(told.get("constraints", []), f"{place}.constraints", problems),
        "segments": problems.texts(told.get("segments", []), f"{place}.segments", most=20),
        "variants": variants(told.get("variants", []), f"{place}.variants", value_type, problems),
        "disabled": problems.flag(told.get("disabled", False), f"{place}.disabled"),
    }


def _requires(given: Any, problems: Problems) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for n, each in enumerate(problems.items(given, "requires", MOST_NEEDS)):
        place = f"requires.{n}"
        told = problems.keys(each, place, ("flag", "enabled", "variants"))
        name = problems.text(told.get("flag", ""), f"{place}.flag", most=200, empty=False)
        if name in [row["flag"] for row in found]:
            problems.add(f"{place}.flag", "It is required already.")
        needed = {
            "flag": name,
            "enabled": problems.flag(told.get("enabled", True), f"{place}.enabled"),
            "variants": problems.texts(told.get("variants", []), f"{place}.variants", most=50),
        }
        if needed["variants"] and not needed["enabled"]:
            problems.add(f"{place}.variants", "A flag that must be off gives no variant.")
        found.append(needed)
    return found

"""The draft as the templates draw it: names of fields, what is wrong beside what it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from deployments.flags.editing.fields import to_settings
from deployments.flags.editing.parts import ConstraintDraft, Draft, RuleDraft, VariantDraft
from deployments.flags.shown import words

PAYLOADS = (
    ("", "carries nothing"),
    ("string", "carries text"),
    ("number", "carries a number"),
    ("json", "carries JSON"),
    ("csv", "carries CSV"),
)
OPERATORS = [(name, says) for name, (says, _) in words.OPERATORS.items()]
# Fields every SDK knows; what else rules ask for is added by the page.
FIELDS = ("userId", "sessionId", "appName", "environment", "remoteAddress", "currentTime")
_STEP = re.compile(r"[.\[\]]+")
Wrong = dict[tuple[str, ...], str]


def wrong_of(details: Mapping[str, Any]) -> Wrong:
    """A service's refusals by the place they are about: `rules[0].percent`, `rules.0.percent`."""
    found: Wrong = {}
    for name, said in details.items():
        sentences = said if isinstance(said, list | tuple) else [said]
        path = tuple(part for part in _STEP.split(str(name)) if part)
        found[path] = " ".join(str(each) for each in sentences)
    return found


def form(
    draft: Draft, wrong: Wrong, segments: Iterable[Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the template draws, and by name the sentences that stand at no single part."""
    left = dict(wrong)
    known = {each.slug: each.name for each in segments}
    stored = to_settings(draft)
    rules = [
        _rule(each, place, draft, stored["rules"][place], known, left)
        for place, each in enumerate(draft.rules)
    ]
    drawn = {
        "on": draft.on,
        "allow": draft.allow,
        "deny": draft.deny,
        "kept": draft.kept,
        "rules": rules,
        "variants": _variants(draft.variants, "v", "variant", "", ("variants",), left),
        "requires": [
            {
                "at": f"q{n}",
                "flag": each.flag,
                "enabled": each.enabled,
                "variants": each.variants,
                "fresh": each.fresh,
                "remove": f"require.remove.{n}",
                "wrong": _take(left, ("requires", str(n))),
            }
            for n, each in enumerate(draft.requires)
        ],
    }
    named = {name: _take(left, (name,)) for name in ("allow", "deny", "variants", "requires")}
    named |= {name: _take(left, (name,)) for name in ("reason", "item", "at")}
    named["rest"] = "\n".join(left.values())
    return drawn, named


def _rule(
    draft: RuleDraft,
    place: int,
    whole: Draft,
    stored: Mapping[str, Any],
    known: Mapping[str, str],
    left: Wrong,
) -> dict[str, Any]:
    at, here = f"r{place}", ("rules", str(place))
    constraints = conditions(
        draft.constraints, f"{at}-c", f"{place}.", (*here, "constraints"), left
    )
    variants = _variants(draft.variants, f"{at}-v", "split", f"{place}.", (*here, "variants"), left)
    said = words.rule(stored, known)
    return {
        "at": at,
        "place": place,
        "number": place + 1,
        "anchor": f"rule-{place}",
        "first": place == 0,
        "last": place == len(whole.rules) - 1,
        "title": draft.title,
        "percent": draft.percent,
        "stickiness": draft.stickiness,
        "off": draft.off,
        "fresh": draft.fresh,
        "kept": draft.kept,
        "says": f"Set aside: {said}" if draft.off else f"For {said}",
        "segments": _segments(draft.segments, known),
        "constraints": constraints,
        "variants": variants,
        "add_variant": f"split.add.{place}",
        "wrong": [text for text in [_take(left, here)] if text],
    }


def _segments(chosen: list[str], known: Mapping[str, str]) -> list[dict[str, Any]]:
    found = [
        {"slug": slug, "name": name, "chosen": slug in chosen, "gone": False}
        for slug, name in known.items()
    ]
    gone = [slug for slug in chosen if slug not in known]
    return [*found, *({"slug": s, "name": s, "chosen": True, "gone": True} for s in gone)]


def conditions(
    drafts: list[ConstraintDraft], at: str, place: str, here: tuple[str, ...], left: Wrong
) -> list[dict[str, Any]]:
    return [
        {
            "at": f"{at}{n}",
            "place": f"{place}{n}",
            "name": each.name,
            "operator": each.operator,
            "known": each.operator in words.OPERATORS,
            "values": each.values,
            "rows": min(max(1, each.values.count("\n") + 1), 8),
            "inverted": each.inverted,
            "loose": each.loose,
            "fresh": each.fresh,
            "wrong": _take(left, (*here, str(n))),
        }
        for n, each in enumerate(drafts)
    ]


def _variants(
    drafts: list[VariantDraft], at: str, step: str, place: str, here: tuple[str, ...], left: Wrong
) -> list[dict[str, Any]]:
    numbers = [
        int(each.weight) if re.fullmatch(r"[0-9]{1,9}", each.weight) else 0 for each in drafts
    ]
    whole = sum(numbers)
    return [
        {
            "at": f"{at}{n}",
            "name": each.name,
            "weight": each.weight,
            "share": f"{numbers[n] * 100 / whole:.4g}" if whole else "",
            "kind": each.kind,
            "payload": each.payload,
            "kept": each.kept,
            "fresh": each.fresh,
            "remove": f"{step}.remove.{place}{n}",
            "wrong": _take(left, (*here, str(n))),
        }
        for n, each in enumerate(drafts)
    ]


def _take(left: Wrong, path: tuple[str, ...]) -> str:
    """The sentences about this part and what is inside it; each is said once."""
    mine = [key for key in left if key[: len(path)] == path]
    return " ".join(dict.fromkeys(left.pop(key) for key in mine))


def fields_of(draft: Draft) -> list[str]:
    """What fields of the context to offer: the usual ones, and those asked for already."""
    used = [part.name for rule in draft.rules for part in rule.constraints]
    used += [rule.stickiness for rule in draft.rules if rule.stickiness != "random"]
    return [name for name in dict.fromkeys([*FIELDS, *used]) if name and name != "default"]

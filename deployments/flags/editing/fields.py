"""Between the stored document, the draft and the names of the form's fields.

A field is named by its place: `r0-title`, `r0-c1-values`, `v2-weight`. Places need not be without
gaps; their order is what counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from deployments.flags.editing.parts import (
    ConstraintDraft,
    Draft,
    RequireDraft,
    RuleDraft,
    VariantDraft,
    kept_of,
    rest_of,
)
from deployments.flags.shown import words

MOST_RULES, MOST_PARTS = 50, 40
LONGEST_LINE, LONGEST_LIST = 300, 100_000
_TOP = frozenset({"on", "allow", "deny", "rules", "variants", "requires"})
_RULE = frozenset(
    {"title", "percent", "stickiness", "constraints", "segments", "variants", "disabled"}
)
_VARIANT = frozenset({"name", "weight", "payload"})
_PLACE = re.compile(r"([0-9]{1,4})-")


# --- From what is stored ----------------------------------------------------------------------


def from_settings(settings: Mapping[str, Any]) -> Draft:
    return Draft(
        on=bool(settings.get("on")),
        allow=_lines(settings.get("allow")),
        deny=_lines(settings.get("deny")),
        rules=[_rule(each) for each in _maps(settings.get("rules"))],
        variants=[_variant(each) for each in _maps(settings.get("variants"))],
        requires=[
            RequireDraft(
                str(each.get("flag", "")),
                each.get("enabled") is not False,
                ", ".join(str(name) for name in each.get("variants") or ()),
            )
            for each in _maps(settings.get("requires"))
        ],
        kept=rest_of(settings, _TOP),
    )


def _rule(given: Mapping[str, Any]) -> RuleDraft:
    return RuleDraft(
        title=str(given.get("title", "")),
        percent=f"{words.share(given):g}",
        stickiness=str(given.get("stickiness", "")),
        constraints=constraints_from(given.get("constraints")),
        segments=[str(slug) for slug in given.get("segments") or ()],
        variants=[_variant(each) for each in _maps(given.get("variants"))],
        off=bool(given.get("disabled")),
        kept=rest_of(given, _RULE),
    )


def constraints_from(given: Any) -> list[ConstraintDraft]:
    return [_constraint(each) for each in _maps(given)]


def _constraint(given: Mapping[str, Any]) -> ConstraintDraft:
    operator = str(given.get("operator", ""))
    values = given.get("values") if operator in words.LISTS else [given.get("value", "")]
    return ConstraintDraft(
        name=str(given.get("contextName", "")),
        operator=operator,
        values=_lines(values),
        inverted=bool(given.get("inverted")),
        loose=bool(given.get("caseInsensitive")),
    )


def _variant(given: Mapping[str, Any]) -> VariantDraft:
    payload = given.get("payload")
    payload = payload if isinstance(payload, Mapping) else {}
    value = payload.get("value", "")
    return VariantDraft(
        name=str(given.get("name", "")),
        weight=f"{given.get('weight', '')}",
        kind=str(payload.get("type", "")),
        payload=value if isinstance(value, str) else json.dumps(value),
        kept=rest_of(given, _VARIANT),
    )


def _lines(given: Any) -> str:
    return "\n".join(str(each) for each in given) if isinstance(given, list) else ""


def _maps(given: Any) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


# --- From the form ----------------------------------------------------------------------------


def from_post(post: Mapping[str, Any]) -> Draft:
    """`post` is a QueryDict. Only so many parts are read: more is no form of ours."""
    return Draft(
        on=_text(post, "on") == "1",
        allow=_text(post, "allow", LONGEST_LIST),
        deny=_text(post, "deny", LONGEST_LIST),
        rules=[_posted_rule(post, f"r{n}-") for n in _places(post, "r")[:MOST_RULES]],
        variants=_posted_variants(post, "v"),
        requires=[
            RequireDraft(
                _text(post, f"q{n}-flag").strip(),
                _text(post, f"q{n}-enabled") != "0",
                _text(post, f"q{n}-variants"),
            )
            for n in _places(post, "q")[:MOST_PARTS]
        ],
        kept=_text(post, "kept", LONGEST_LIST),
    )


def _posted_rule(post: Mapping[str, Any], at: str) -> RuleDraft:
    chosen = post.getlist(f"{at}segments")[:200]  # type: ignore[attr-defined]
    return RuleDraft(
        title=_text(post, f"{at}title").strip(),
        percent=_text(post, f"{at}percent").strip(),
        stickiness=_text(post, f"{at}stickiness").strip(),
        constraints=posted_constraints(post, f"{at}c"),
        segments=[str(slug).replace("\x00", "")[:LONGEST_LINE] for slug in chosen],
        variants=_posted_variants(post, f"{at}v"),
        off=_text(post, f"{at}off") == "1",
        kept=_text(post, f"{at}kept", LONGEST_LIST),
    )


def posted_constraints(post: Mapping[str, Any], at: str) -> list[ConstraintDraft]:
    return [
        ConstraintDraft(
            name=_text(post, f"{at}{n}-name").strip(),
            operator=_text(post, f"{at}{n}-operator").strip(),
            values=_text(post, f"{at}{n}-values", LONGEST_LIST),
            inverted=_text(post, f"{at}{n}-inverted") == "1",
            loose=_text(post, f"{at}{n}-loose") == "1",
        )
        for n in _places(post, at)[:MOST_PARTS]
    ]


def _posted_variants(post: Mapping[str, Any], at: str) -> list[VariantDraft]:
    return [
        VariantDraft(
            name=_text(post, f"{at}{n}-name").strip(),
            weight=_text(post, f"{at}{n}-weight").strip(),
            kind=_text(post, f"{at}{n}-kind").strip(),
            payload=_text(post, f"{at}{n}-payload", LONGEST_LIST),
            kept=_text(post, f"{at}{n}-kept", LONGEST_LIST),
        )
        for n in _places(post, at)[:MOST_PARTS]
    ]


def _places(post: Mapping[str, Any], at: str) -> list[int]:
    """The numbers that stand after this beginning, in order."""
    found = set()
    for name in post:
        if name.startswith(at) and (match := _PLACE.match(name, len(at))):
            found.add(int(match[1]))
    return sorted(found)


def _text(post: Mapping[str, Any], name: str, most: int = LONGEST_LINE) -> str:
    """NUL is the one character the database refuses."""
    given = str(post.get(name, "")).replace("\x00", "").replace("\r\n", "\n")
    return given[:most]


# --- To what is stored ------------------------------------------------------------------------


def to_settings(draft: Draft) -> dict[str, Any]:
    """As far as the text goes: what is no number stays text, and the service says so."""
    return {
        **kept_of(draft.kept),
        "on": draft.on,
        "allow": _list(draft.allow),
        "deny": _list(draft.deny),
        "rules": [_stored_rule(each) for each in draft.rules],
        "variants": [_stored_variant(each) for each in draft.variants],
        "requires": [
            {
                "flag": each.flag,
                "enabled": each.enabled,
                "variants": [name.strip() for name in each.variants.split(",") if name.strip()],
            }
            for each in draft.requires
        ],
    }


def _stored_rule(draft: RuleDraft) -> dict[str, Any]:
    return {
        **kept_of(draft.kept),
        "title": draft.title,
        "percent": _number(draft.percent),
        "stickiness": draft.stickiness or "default",
        "constraints": stored_constraints(draft.constraints),
        "segments": draft.segments,
        "variants": [_stored_variant(each) for each in draft.variants],
        "disabled": draft.off,
    }


def stored_constraints(drafts: list[ConstraintDraft]) -> list[dict[str, Any]]:
    return [_stored_constraint(each) for each in drafts]


def _stored_constraint(draft: ConstraintDraft) -> dict[str, Any]:
    found: dict[str, Any] = {
        "contextName": draft.name,
        "operator": draft.operator,
        "inverted": draft.inverted,
        "caseInsensitive": draft.loose,
    }
    if draft.is_list:
        found["values"] = draft.lines()
    else:
        found["value"] = "\n".join(draft.lines()).strip()
    return found


def _stored_variant(draft: VariantDraft) -> dict[str, Any]:
    found = {**kept_of(draft.kept), "name": draft.name, "weight": _number(draft.weight)}
    if draft.kind:
        found["payload"] = {"type": draft.kind, "value": draft.payload}
    return found


def _number(text: str) -> Any:
    """A whole number where it is one; ASCII digits only, and no more than anybody means."""
    if re.fullmatch(r"-?[0-9]{1,9}", text):
        return int(text)
    return text


def _list(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]

"""Why a flag says what it says to one context: each rule, each of its conditions, which bucket.

The decision is the engine's own over the document as the SDKs get it; this tells the same rules
one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployments.flags.documents import to_document
from deployments.flags.engine import Decision, Ruleset, compile
from deployments.flags.engine.buckets import hashed, sticky
from deployments.flags.engine.constraints import compiled
from deployments.flags.engine.fields import flattened
from deployments.flags.models import Flag, FlagState, Segment
from deployments.flags.shown import words

SPECIAL = {"default": "the user, else the session", "random": "chance"}


@dataclass(frozen=True, slots=True)
class Part:
    """A condition, a segment, a share: what it says and whether it holds."""

    text: str
    holds: bool
    inside: Sequence[Part] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A rule and what became of it. `result`: yes, no, or over: one before it decided."""

    title: str
    says: str
    result: str
    parts: Sequence[Part]

    @property
    def word(self) -> str:
        return {"yes": "decides", "no": "does not fit", "over": "not reached", "off": "set aside"}[
            self.result
        ]


@dataclass(frozen=True, slots=True)
class Answer:
    decision: Decision
    needs: Sequence[Part]
    lines: Sequence[Line]


def ruleset_of(state: FlagState) -> tuple[Ruleset, dict[str, Segment]]:
    """This flag and those it needs, as they stand: nothing of a cache."""
    wanted = [
        str(each.get("flag", ""))
        for each in state.settings.get("requires") or ()
        if isinstance(each, Mapping)
    ]
    rows: list[FlagState] = [state]
    if wanted:
        others = FlagState.objects.filter(
            environment=state.environment_id, flag__flag_name__in=wanted, flag__archived_at=None
        )
        rows += others.exclude(pk=state.pk).select_related("flag")
    segments = list(Segment.objects.filter(workspace=state.workspace_id))
    document = to_document(((row.flag, row) for row in rows), segments)
    return compile(document), {each.slug: each for each in segments}


def answer(state: FlagState, context: Mapping[str, Any], *, now: datetime) -> Answer:
    ruleset, segments = ruleset_of(state)
    context = {"currentTime": now.isoformat(), **context}
    decision = ruleset.decide(state.flag.flag_name, context)
    flat = flattened(context)
    return Answer(
        decision,
        _needs(state, ruleset, flat),
        _lines(state, segments, flat),
    )


def _needs(state: FlagState, ruleset: Ruleset, context: Mapping[str, Any]) -> list[Part]:
    found = []
    for each in state.settings.get("requires") or ():
        told = ruleset.decide(str(each.get("flag", "")), context)
        holds = told.known and told.enabled == (each.get("enabled") is not False)
        if holds and each.get("variants"):
            holds = (told.variant or "disabled") in each["variants"]
        found.append(Part(f"Needs that {words.prerequisite(each)}", holds))
    return found


def _lines(
    state: FlagState, segments: Mapping[str, Segment], context: Mapping[str, Any]
) -> list[Line]:
    flag, settings = state.flag, state.settings
    user = sticky("userId")
    who = user(context) if user is not None else None
    denied = who is not None and who in (settings.get("deny") or ())
    found: list[Line] = []
    if settings.get("allow"):
        named = who in settings["allow"] and not denied
        said = Part(f"{who or 'nobody'} is {'' if named else 'not '}on the list", named)
        found.append(Line("Always on", "for those who are named", _result(named, found), [said]))
    names = {slug: each.name for slug, each in segments.items()}
    for number, rule in enumerate(settings.get("rules") or (), 1):
        parts = [Part(f"{who} is on the deny list", holds=False)] if denied else []
        parts += _parts(flag, rule, segments, context)
        result = "off" if rule.get("disabled") else _result(all(p.holds for p in parts), found)
        title = str(rule.get("title") or f"Rule {number}")
        found.append(Line(title, f"For {words.rule(rule, names)}", result, parts))
    if denied and not settings.get("rules"):
        said = Part(f"{who} is on the deny list", holds=False)
        found.append(Line("Everybody else", "For everybody but those who are denied", "no", [said]))
    return found


def _result(holds: bool, before: Sequence[Line]) -> str:
    if any(line.result == "yes" for line in before):
        return "over"
    return "yes" if holds else "no"


def _parts(
    flag: Flag,
    rule: Mapping[str, Any],
    segments: Mapping[str, Segment],
    context: Mapping[str, Any],
) -> list[Part]:
    found = []
    for slug in rule.get("segments") or ():
        segment = segments.get(slug)
        if segment is None:
            found.append(Part(f"There is no segment {slug}", holds=False))
            continue
        inside = [_constraint(each, context) for each in segment.constraints]
        holds = all(part.holds for part in inside)
        found.append(Part(f"{'In' if holds else 'Not in'} {segment.name}", holds, inside))
    found += [_constraint(each, context) for each in rule.get("constraints") or ()]
    share = _share(flag, rule, context)
    return [*found, share] if share is not None else found


def _constraint(given: Mapping[str, Any], context: Mapping[str, Any]) -> Part:
    holds = bool(compiled(dict(given))(context))
    return Part(f"{words.constraint(given)}{_has(given, context)}", holds)


def _has(given: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """What the context says of that field."""
    read = sticky(str(given.get("contextName", "")))
    value = read(context) if read is not None else None
    return " (the context does not say)" if value is None else f" (it is {words.clipped(value)})"


def _share(flag: Flag, rule: Mapping[str, Any], context: Mapping[str, Any]) -> Part | None:
    percent, by = int(words.share(rule)), str(rule.get("stickiness") or "default")
    read = sticky(by)
    if percent >= 100 and by in SPECIAL:
        return None
    value = read(context) if read is not None else None
    if value is None:
        if by in SPECIAL:
            return Part(f"{percent} %, by chance each time", holds=percent > 0)
        return Part(f"{percent} % counted by {by}, which the context does not say", holds=False)
    group = str(rule.get("group") or flag.flag_name)
    bucket = hashed(f"{group}:{value}") % 100 + 1
    within = bucket <= percent
    side = "within" if within else "outside"
    return Part(f"{words.clipped(value)} is number {bucket} of 100: {side} the {percent} %", within)

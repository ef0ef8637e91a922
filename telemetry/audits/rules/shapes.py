"""Rules over what events hold: T3, T4."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from controlplane.lib.redaction import MARK, redact_counted
from telemetry import catalogue
from telemetry.audits.kinds import Answer, Found, Window, answer, rule
from telemetry.catalogue import Key, Kind
from telemetry.models import Flag

# What jsonb_typeof says of a value that a key may hold.
_JSON_TYPES = {
    "int": "number",
    "number": "number",
    "bool": "boolean",
    "list": "array",
    "object": "object",
    "text": "string",
    "time": "string",
}
# Fields of an event that tell what a key of its context would: a sender may write either, and
# ingest stores the field in this column. The span of a kind is one too, under its own name.
_FIELDS = {
    "toolkit": "toolkit",
    "toolkit_slug": "toolkit",
    "agent_name": "agent",
    "session_id": "session",
    "mission_id": "mission",
    "bd_issue": "work_item",
}
_COLUMNS = ", ".join(sorted(set(_FIELDS.values())))


@rule("T3", "Context keys are there and of the right type")
def contexts(window: Window) -> Answer:
    names = [str(name) for (name,) in window.rows("SELECT DISTINCT event_type FROM {events}")]
    found: list[Found] = []
    for name in sorted(names):
        kind = catalogue.KINDS.get(name)
        if kind is not None and kind.keys:
            found += _of_kind(window, kind)
    found += [
        Found(f"{name} meta_tool", f"{total:,} {name} name no operation of the Tool Router.", total)
        for name, total in window.rows(
            "SELECT event_type, count(*) FROM {events} AND flags & %s <> 0 GROUP BY 1 ORDER BY 1",
            int(Flag.OPERATION),
        )
    ]
    return answer(found)


def _of_kind(window: Window, kind: Kind) -> list[Found]:
    parts: list[str] = []
    params: list[Any] = []
    for key in kind.keys:
        missing, wrong = _conditions(key, _field(key, kind))
        parts += [f"count(*) FILTER (WHERE {missing[0]})", f"count(*) FILTER (WHERE {wrong[0]})"]
        params += [*missing[1], *wrong[1]]
    counts = _count(window, kind, ", ".join(parts), params)
    total = counts[0]
    lacks: dict[str, dict[str, int]] = {}
    for place, key in enumerate(kind.keys):
        missing_n, wrong_n = counts[1 + 2 * place : 3 + 2 * place]
        if missing_n and key.required:
            lacks.setdefault(key.name, {})["missing"] = missing_n
        if wrong_n:
            lacks.setdefault(key.name, {})["wrong"] = wrong_n
    if not lacks:
        return []
    said = "; ".join(
        f"{name} " + ", ".join(f"{what} in {number:,}" for what, number in sorted(faults.items()))
        for name, faults in lacks.items()
    )
    text = f"{kind.name}, of {total:,}: {said}."
    worst = max(number for faults in lacks.values() for number in faults.values())
    return [Found(kind.name, text[:399], worst, {"keys": lacks, "looked_at": total})]


def _count(window: Window, kind: Kind, parts: str, params: list[Any]) -> list[int]:
    """Over all events of this kind in a check; over the newest in a spot."""
    limit = "ORDER BY occurred_at DESC LIMIT %s" if window.mode == "spot" else "LIMIT ALL"
    sample = [window.sample] if window.mode == "spot" else []
    rows = window.rows(
        f"WITH mine AS (SELECT context, duration_ms, stage, {_COLUMNS}"  # noqa: S608
        f" FROM {{events}} AND event_type = %s {limit})"
        f" SELECT count(*), {parts} FROM mine",
        kind.name,
        *sample,
        *params,
    )
    return [int(number) for number in rows[0]]


def _field(key: Key, kind: Kind) -> str:
    """The column that holds this key's value where it was sent as a field of the event. A kind
    of one stage has that stage whether it was sent or not, so there it proves nothing."""
    if key.name == kind.ms:
        return "duration_ms"
    if key.name == "stage":
        return "" if kind.stage else "stage"
    return _FIELDS.get(key.name, "")


def _conditions(key: Key, field: str) -> tuple[tuple[str, list[Any]], tuple[str, list[Any]]]:
    """(missing, wrong) as SQL over the event. The marker may stand for anything."""
    present = "context ->> %s IS NOT NULL"
    missing = ("context ->> %s IS NULL", [key.name])
    if field:
        told = f"{field} IS NULL" if field == "duration_ms" else f"coalesce({field}, '') = ''"
        missing = (f"{missing[0]} AND {told}", missing[1])
    marked: list[Any] = [key.name, MARK]
    wanted = _JSON_TYPES.get(key.type)
    tests: list[str] = []
    params: list[Any] = []
    if wanted is not None:
        tests.append("jsonb_typeof(context -> %s) <> %s")
        params += [key.name, wanted]
    if key.options:
        tests.append("NOT (context ->> %s = ANY(%s))")
        params += [key.name, list(key.options)]
    if not tests:
        return missing, ("false", [])
    wrong = f"{present} AND NOT (context ->> %s = %s) AND ({' OR '.join(tests)})"
    return missing, (wrong, [key.name, *marked, *params])


_SAMPLE = """
    SELECT id, event_type, jsonb_build_array(context, message, mission, work_item, correlation_id,
        session, service, agent, toolkit, operation, code)
    FROM {events} ORDER BY hashtext(id::text || %s) LIMIT %s
"""
_OF_A_PART = _SAMPLE.replace(
    "{events}", "{events} AND get_byte(uuid_send(id), 15) = ANY(%s::int[])"
)
LARGE = 200_000


@rule("T4", "Nothing personal and no secret is stored")
def redacted(window: Window) -> Answer:
    """The redactor looks at stored rows again, a sample chosen anew each time."""
    looked = 0
    found: dict[str, list[dict[str, int]]] = {}
    part = _part(window)
    asked = [str(window.rng.random()), window.sample]
    rows = window.rows(_OF_A_PART, part, *asked) if part else window.rows(_SAMPLE, *asked)
    for _, name, values in rows:
        looked += 1
        _, counts = redact_counted(_parsed(values))
        if counts:
            found.setdefault(name, []).append(counts)
    gaps = [
        Found(
            name,
            f"{len(all_)} of the {name} looked at hold {', '.join(sorted(set().union(*all_)))}.",
            len(all_),
            {"kinds": sorted(set().union(*all_)), "looked_at": looked},
        )
        for name, all_ in sorted(found.items())
    ]
    found_some = answer(gaps, fine=f"{looked:,} events looked at")
    return replace(found_some, whole=not part and looked < window.sample)


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _part(window: Window) -> list[int]:
    """Sorting millions by a hash takes long: of many, those are looked at whose ids end in one of
    two bytes, other ones each time. Nothing where they are few."""
    few = "SELECT count(*) FROM (SELECT 1 FROM {events} LIMIT %s) AS part"
    [(total,)] = window.rows(few, LARGE)
    return window.rng.sample(range(256), 2) if total >= LARGE else []

"""Rules over names and fields: T1, T2, T8, T9, T12, T13."""

from __future__ import annotations

from datetime import timedelta

from controlplane.lib.defaults import define
from controlplane.lib.redaction.keys import classify
from telemetry import catalogue
from telemetry.audits.kinds import BOOK, CHECKS, Answer, Found, Window, answer, rule
from telemetry.models import Flag, RollupDay

QUIET = timedelta(days=30)
MANY = define(
    "telemetry.audit_stage_missions",
    30,
    unit="missions",
    why="the playbook's throughput of a week: of fewer missions in a stage none may have undone or "
    "changed anything, and no event of that is no gap",
)


def _flagged(window: Window, flag: Flag) -> list[tuple[str, int]]:
    return [
        (str(name), int(total))
        for name, total in window.rows(
            "SELECT event_type, count(*) FROM {events} AND flags & %s <> 0 GROUP BY 1 ORDER BY 1",
            int(flag),
        )
    ]


@rule("T1", "Every event stands in the catalogue")
def unknown(window: Window) -> Answer:
    return answer(
        Found(name, f"{name} is no event of the catalogue; it came {total:,} times.", total)
        for name, total in _flagged(window, Flag.UNKNOWN)
    )


_MISSING = """
    SELECT event_type, count(*), count(*) FILTER (WHERE mission IS NULL),
        count(*) FILTER (WHERE correlation_id IS NULL), count(*) FILTER (WHERE stage = '')
    FROM {events} AND flags & %s <> 0 GROUP BY 1 ORDER BY 1
"""


@rule("T2", "Mission, stage and correlation id are given where they belong")
def incomplete(window: Window) -> Answer:
    found = []
    for name, total, missions, correlations, stages in window.rows(_MISSING, int(Flag.INCOMPLETE)):
        kind = catalogue.find(name)
        lacks = {
            "mission_id": missions if kind and kind.mission else 0,
            "correlation_id": correlations if kind and kind.mission else 0,
            "stage": stages if kind and kind.stage else 0,
        }
        lacks = {field: number for field, number in lacks.items() if number}
        what = ", ".join(f"{field} in {number:,}" for field, number in lacks.items())
        found.append(Found(name, f"{name} lacks {what} of {total:,} events.", total, lacks))
    return answer(found)


@rule("T8", "What a visited stage should report does come", modes=CHECKS)
def never_seen(window: Window) -> Answer:
    seen = seen_events(window)
    wanted = wanted_events(window, seen)
    if not wanted:
        return Answer("insufficient", "No stage was visited in 30 days.")
    found = []
    for stage, names in wanted.items():
        absent = [name for name in names if name not in seen]
        if absent:
            text = f"{stage} was visited and never reported {', '.join(absent)}"[:399]
            found.append(Found(stage, text + ".", len(absent), {"events": absent}))
    return answer(found)


def visited_stages(seen: set[str]) -> set[str]:
    """Stages that some of these events are told in and in no other."""
    kinds = (catalogue.KINDS[name] for name in seen - catalogue.ANYWHERE if name in catalogue.KINDS)
    return {kind.stage for kind in kinds} - {""}


def seen_events(window: Window) -> set[str]:
    """Events of the last 30 days, from sums."""
    days = RollupDay.objects.of(window.workspace_id).between(window.until - QUIET, window.until)
    stored = set(days.values_list("event_type", flat=True).distinct().order_by())
    # Days are summed with some delay; what came since is in the events themselves.
    recent = window.rows("SELECT DISTINCT event_type FROM {events}")
    return stored | {str(name) for (name,) in recent}


def wanted_events(window: Window, seen: set[str]) -> dict[str, list[str]]:
    """What the catalogue wants of each stage that was visited. Failures are not wished for, and
    what happens by chance is wanted of many missions only."""
    visited = visited_stages(seen)
    asked = "SELECT stage, count(DISTINCT mission) FROM {events} GROUP BY stage"
    many = {stage for stage, missions in window.rows(asked) if missions >= MANY.value}
    return {
        stage: [
            kind.name
            for kind in catalogue.KINDS.values()
            if kind.stage == stage
            and kind.statuses[0] in {"info", "success"}
            and (stage in many or kind.name not in catalogue.BY_CHANCE)
        ]
        for stage in catalogue.STAGES
        if stage in visited
    }


@rule("T9", "Ids come once, clocks agree, stages are known", modes=CHECKS)
def clocks(window: Window) -> Answer:
    found = [
        Found(name, f"{total:,} {name} from a sender whose clock is off.", total)
        for name, total in _flagged(window, Flag.SKEW)
    ]
    found += [
        Found(f"{name} stage", f"{total:,} {name} name a stage nobody knows.", total)
        for name, total in _flagged(window, Flag.STAGE)
    ]
    twice = window.rows(
        "SELECT event_type, count(*) FROM (SELECT min(event_type) AS event_type FROM {events}"
        " GROUP BY id HAVING count(*) > 1) AS again GROUP BY 1 ORDER BY 1"
    )
    found += [
        Found(f"{name} id", f"{total:,} ids of {name} were used for several times.", total)
        for name, total in twice
    ]
    return answer(found, fine="" if BOOK.added.get("T9") else NOT_COMPARED)


# Where a mission stood then only the app that keeps missions knows: it adds that question.
NOT_COMPARED = "With the stage that a mission was in nothing is compared yet."


@rule("T12", "Old names that are still sent", modes=CHECKS, info=True)
def aliases(window: Window) -> Answer:
    rows = window.rows(
        "SELECT received_name, count(*) FROM {events} AND flags & %s <> 0 GROUP BY 1 ORDER BY 1",
        int(Flag.ALIAS),
    )
    if not rows:
        return Answer("ok")
    said = ", ".join(
        f"{old} ({total:,}, now {catalogue.ALIASES.get(old, '?')})" for old, total in rows
    )
    return Answer("info", said)


_TEXTS = """
    SELECT e.event_type, c.key, count(*)
    FROM (SELECT event_type, context FROM {events} ORDER BY occurred_at DESC LIMIT %s) e,
        jsonb_each(e.context) c
    WHERE jsonb_typeof(c.value) = 'string' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
NAMED = 8  # so many are told by name


@rule("T13", "Texts under names that nobody described", modes=CHECKS, info=True)
def undescribed(window: Window) -> Answer:
    """What is in them is found by its form alone: say in the catalogue what the name holds, or
    to the redactor."""
    described = {key.name for kind in catalogue.KINDS.values() for key in kind.keys}
    found = [
        f"{name} {key} ({total:,})"
        for name, key, total in window.rows(_TEXTS, window.sample)
        if name in catalogue.KINDS and key not in described and not classify(key)
    ]
    if not found:
        return Answer("ok")
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return Answer("info", f"{', '.join(found[:NAMED])}{more}")

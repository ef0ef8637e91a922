"""What was found of a mission, and what is let pass, as its page shows it."""

from __future__ import annotations

from typing import Any

from controlplane.lib.actors import Actor
from missions.models import Finding, Mission, Override, Violation
from missions.shown.deciding import Act, Ask, Tried, first_is_primary, refusal_of, with_trial
from missions.shown.guard_exceptions import ask_gate, decisions, gates_and_gaps

MOST = 100
_WORDS = {
    "open": ("Open", "warn"), "excepted": ("Let pass", "warn"), "resolved": ("Resolved", "good"),
    "noted": ("Noted", "neutral"),
}  # fmt: skip
_RESULTS = {"passed": "good", "failed": "warn", "skipped": "neutral", "auto_fixed": "good"}
COLUMNS = (
    ("what", "Finding"),
    ("result", "Result", "state"),
    ("severity", "Severity", "severity"),
    ("state", "State", "state"),
    ("found_at", "Found", "when"),
    ("by", "By", "person"),
    ("said", "What was said"),
)


def page(mission: Mission, actor: Actor, tried: Tried | None = None) -> dict[str, Any]:
    rows = mission.findings.select_related("safeguard", "violation").order_by("-pk")
    open_ = list(rows.filter(status__in=["open", "excepted"])[:MOST])
    asked = _asked(open_)
    shown = [_row(each, mission, actor, asked, tried) for each in open_]
    shown.sort(key=lambda row: (row["finding"].status != "open", not row["finding"].unhandled))
    exceptions = gates_and_gaps(mission, actor, tried)
    first_is_primary([*shown, *exceptions])
    done = list(rows.exclude(status__in=["open", "excepted"])[:MOST])
    violation = Violation.objects.open().filter(mission=mission).select_related("item").first()
    left = sum(each.unhandled and each.status == "open" for each in open_)
    return {
        "rows": shown,
        "columns": COLUMNS,
        "done": [_line(each) for each in done],
        "cut": len(done) == MOST,
        "exceptions": exceptions,
        "ask": ask_gate(mission, actor, tried),
        "violation": violation,
        "left": left,
        "settled": not left and violation is None and mission.paused_cause == "safeguard",
        "api": f"POST /api/v1/missions/{mission.ref}/findings",
    }


def _asked(rows: list[Finding]) -> dict[int, Override]:
    found = Override.objects.filter(
        finding__in=rows, status__in=["requested", "granted"]
    ).select_related("mission__workspace", "finding__safeguard")
    return {each.finding_id: each for each in found if each.finding_id is not None}


def _row(
    row: Finding, mission: Mission, actor: Actor, asked: dict[int, Override], tried: Tried | None
) -> dict[str, Any]:
    row.mission = mission
    word, tone = _WORDS[row.status]
    override = asked.get(row.pk)
    return {
        "finding": row,
        "at": str(row.uid),
        "title": row.called,
        "state": word,
        "tone": tone,
        "override": override,
        "details": ", ".join(f"{name}: {value}" for name, value in row.details.items())[:600],
        "acts": with_trial(_acts(row, actor, override), tried),
    }


def _acts(row: Finding, actor: Actor, override: Override | None) -> list[Act]:
    at = str(row.uid)
    version = Ask("version", kind="hidden", value=row.version)
    stops = row.unhandled and row.status == "open"
    resolve = Act("resolve", at, "Resolve…", "It is resolved", (
        version, Ask("reason", "How it was put right", required=True),
    ), refusal_of(actor, "mission.resolve", row), primary=stops)  # fmt: skip
    if override is not None:
        return [*decisions(override, actor, at=at), resolve]
    found = [resolve]
    if row.status == "open":
        found.append(
            Act("ask_pass", at, "Ask to let it pass…", "Ask", (
                Ask("reason", "It may pass, because", required=True),
            ), refusal_of(actor, "mission.except", row))
        )  # fmt: skip
    return found


def _line(row: Finding) -> dict[str, Any]:
    word, tone = _WORDS[row.status]
    return {
        "what": row.called,
        "result": {"value": row.get_result_display(), "tone": _RESULTS[row.result]},
        "severity": row.severity,
        "state": {"value": word, "tone": tone},
        "found_at": row.found_at,
        "by": row.reported_by,
        "said": row.resolution or row.message,
    }

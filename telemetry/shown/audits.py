"""Audits and gaps in words: how a rule stands, which events a gap is made of, what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.base.admin import addresses
from telemetry.audits import RULES
from telemetry.audits.kinds import OTHERS
from telemetry.audits.reporting import WORDS
from telemetry.models import AuditRun, Gap
from telemetry.shown.times import linked, stamp
from telemetry.shown.words import STAGE_WORDS

# tone of the kit, icon: a shape for each, so that colour is never alone.
_MARKS: Mapping[str, tuple[str, str]] = {
    "ok": ("good", "check"),
    "gaps": ("warn", "alert"),
    "info": ("info", "info"),
    "insufficient": ("neutral", "more"),
    "not_applicable": ("neutral", "minus"),
    "failed": ("bad", "siren"),
}
BLOCKS = "Open gaps keep the next deployment of this workspace from starting."
HOUR = timedelta(hours=1)
QUIET = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class GapLine:
    """Something one audit found."""

    about: str
    text: str
    total: int
    events_url: str
    url: str = ""  # of the gap it became
    item: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class RuleLine:
    """What one rule answered."""

    code: str
    title: str
    status: str
    text: str
    gaps: Sequence[GapLine]
    events_url: str = ""

    @property
    def word(self) -> str:
        if self.status == "gaps":
            return f"{len(self.gaps)} found"
        return WORDS.get(self.status, self.status).capitalize()

    @property
    def tone(self) -> str:
        return _MARKS.get(self.status, _MARKS["info"])[0]

    @property
    def icon(self) -> str:
        return _MARKS.get(self.status, _MARKS["info"])[1]


def rule_lines(run: AuditRun) -> list[RuleLine]:
    """All twelve, in their order: those that this mode leaves out say so."""
    told = {str(line.get("rule")): line for line in run.rules}
    gaps = {
        (gap.rule, gap.about): gap
        for gap in Gap.objects.of(run.workspace_id).filter(
            rule__in=[code for code, line in told.items() if line.get("gaps")]
        )
    }
    return [
        _line(run, code, told[code], gaps) if code in told else _left_out(code)
        for code in sorted({*RULES, *told}, key=number_of)
    ]


def number_of(code: str) -> int:
    text = code.removeprefix("T")
    return int(text) if text.isdecimal() else 0


def _left_out(code: str) -> RuleLine:
    return RuleLine(code, RULES[code].title, "not_applicable", "Not asked in this mode.", ())


def _line(
    run: AuditRun, code: str, told: Mapping[str, Any], gaps: Mapping[tuple[str, str], Gap]
) -> RuleLine:
    found = [_gap_line(run, code, each, gaps) for each in told.get("gaps", ())]
    return RuleLine(
        code, str(told.get("title", "")), str(told.get("status", "")), str(told.get("text", "")),
        found, _told_url(run, code, str(told.get("status", ""))),
    )  # fmt: skip


def _told_url(run: AuditRun, code: str, status: str) -> str:
    """What is told and is no gap: events under old names."""
    if code != "T12" or status != "info":
        return ""
    query = {"from": stamp(run.since), "to": stamp(run.until), "workspace": run.workspace.slug}
    return linked(reverse("admin:telemetry_event_changelist"), {**query, "noticed": "alias"})


def _gap_line(
    run: AuditRun, code: str, found: Mapping[str, Any], gaps: Mapping[tuple[str, str], Gap]
) -> GapLine:
    about = str(found.get("about", ""))
    gap = gaps.get((code, about[:120]))
    return GapLine(
        about=about,
        text=str(found.get("text", "")),
        total=int(found.get("total", 0)),
        events_url=events_url(code, about, run.workspace, run.since, run.until),
        url=gap_url(gap) if gap else "",
        item=gap.item if gap else "",
        state=str(gap.get_status_display()) if gap else "",
    )


def gap_url(gap: Gap) -> str:
    return addresses.of_row("admin:telemetry_gap_change", gap.uid)


def run_url(run: AuditRun) -> str:
    return reverse("admin:telemetry_auditrun_change", args=(run.uid,))


# --- Drill-down ---------------------------------------------------------------------------------

# What stands after the event's name in what a gap is about, and what the list is asked for then.
_AFTER: Mapping[str, Mapping[str, str]] = {
    "meta_tool": {"noticed": "operation"},
    "stage": {"noticed": "stage"},
    "id": {},
}
_NOTICED = {"T1": "unknown", "T2": "incomplete", "T9": "skew"}


def events_url(
    rule: str, about: str, workspace: Workspace, since: datetime, until: datetime
) -> str:
    """The list of the events that a gap was found in: the same stretch of time."""
    asked = _asked(rule, about, since, until)
    if not asked:
        return ""
    query = {"from": stamp(since), "to": stamp(until), "workspace": workspace.slug} | asked
    return linked(reverse("admin:telemetry_event_changelist"), query)


def _asked(rule: str, about: str, since: datetime, until: datetime) -> dict[str, str]:
    if rule == "T6":
        end = until.replace(minute=0, second=0, microsecond=0)
        return {"from": stamp(end - HOUR), "to": stamp(end)}
    if rule == "T7":
        midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
        return {"event": "composio_discovery,composio_tool_call", "from": stamp(midnight)}
    if rule == "T8":
        return {"stage": about, "from": stamp(until - QUIET)}
    if rule in {"T5", "T10", "T11"}:
        return {"mission": about}
    name, _, after = about.rpartition(" ")
    if rule in {"T3", "T9"} and after in _AFTER:
        return {"event": name, **_AFTER[after]}
    noticed = _NOTICED.get(rule, "")
    if about == OTHERS:
        return {"noticed": noticed} if noticed else {}
    return {"event": about, "noticed": noticed} if noticed else {"event": about}


# --- Coverage -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """Events that a visited stage should report and never did."""

    stage: str
    events: Sequence[str]

    @property
    def title(self) -> str:
        return STAGE_WORDS.get(self.stage, self.stage)


def absent(run: AuditRun) -> list[Absent]:
    found = [
        Absent(str(gap.get("about", "")), gap.get("details", {}).get("events", ()))
        for line in run.rules
        if line.get("rule") == "T8"
        for gap in line.get("gaps", ())
    ]
    return [each for each in found if each.events]


def coverage_words(run: AuditRun) -> str:
    if run.coverage is None:
        return "no stage visited"
    return f"{run.coverage:.0%}"

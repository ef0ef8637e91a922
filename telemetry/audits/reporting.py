"""An audit as Markdown and as JSON."""

from __future__ import annotations

import re
from typing import Any

from telemetry import catalogue
from telemetry.audits.kinds import Window
from telemetry.audits.rules import names
from telemetry.models import AuditRun

WORDS = {
    "ok": "ok",
    "gaps": "gaps",
    "info": "for information",
    "insufficient": "not enough data",
    "not_applicable": "not applicable yet",
    "failed": "could not be asked",
}


def as_data(run: AuditRun) -> dict[str, Any]:
    return {
        "uid": str(run.uid),
        "workspace": run.workspace.slug,
        "mode": run.mode,
        "result": run.result,
        "since": run.since.isoformat(),
        "until": run.until.isoformat(),
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat(),
        "events": run.events,
        "coverage": run.coverage,
        "expected_events": run.known,
        "seen_events": run.seen,
        "findings": run.gaps,
        "rules": run.rules,
        "error": run.error,
        "subject": run.subject,
        "signed_by": run.signed_by,
        "signed_at": run.signed_at.isoformat() if run.signed_at else None,
        "note": run.note,
    }


def as_markdown(run: AuditRun) -> str:
    lines = [
        f"# Telemetry audit of {_cell(run.workspace.slug)}",
        "",
        f"- {run.get_mode_display()}, {run.since:%Y-%m-%d %H:%M} to {run.until:%Y-%m-%d %H:%M} UTC",
        f"- {run.events:,} events",
        f"- Coverage: {_coverage(run)}",
        f"- Result: {run.get_result_display().lower()}",
        "",
        "| Rule | Question | Result |",
        "| --- | --- | --- |",
    ]
    for line in run.rules:
        said = WORDS[line["status"]] + (f": {line['text']}" if line["text"] else "")
        lines.append(f"| {line['rule']} | {_cell(line['title'])} | {_cell(said)} |")
    found = [(line["rule"], gap) for line in run.rules for gap in line["gaps"]]
    if found:
        lines += ["", "## Found", ""]
        lines += [f"- **{rule}** {_cell(gap['text'])}" for rule, gap in found]
    return "\n".join([*lines, ""])


def _coverage(run: AuditRun) -> str:
    if run.coverage is None:
        return "no stage was visited in 30 days"
    return f"{run.coverage:.1%}, {run.seen} of {run.known} events of the stages visited in 30 days"


# An underscore within a word is none of Markdown's, and names of events are full of them.
_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|])")


def _cell(text: str) -> str:
    """Missions are called whatever their senders like: no link, no picture, no other column."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def absent(window: Window) -> list[str]:
    """Events of the catalogue that never came in 30 days, whatever was visited."""
    seen = names.seen_events(window)
    return [name for name in catalogue.KINDS if name not in seen]

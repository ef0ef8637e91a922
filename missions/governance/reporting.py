"""A check told outside the console."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from missions import stages
from missions.governance.kinds import BOOK, MISSIONS, WHOLE
from missions.models import GovernanceRun

WORDS = {
    "ok": "ok",
    "gaps": "found",
    "not_applicable": "-",
    "insufficient": "too little",
    "info": "told",
    "failed": "could not be asked",
}


def as_data(run: GovernanceRun) -> dict[str, Any]:
    return {
        "workspace": run.workspace.slug,
        "scope": run.scope,
        "result": run.result,
        "started_at": run.started_at.isoformat(),
        "missions": run.missions,
        "found": run.found,
        "lines": list(lines_of(run)),
        "error": run.error,
    }


def lines_of(run: GovernanceRun) -> Iterator[dict[str, str]]:
    """One for each mission and rule, with the stage's label; then those of the workspace."""
    texts = {
        (line["rule"], each["about"]): each["text"] for line in run.rules for each in line["found"]
    }
    titles = {line["rule"]: line["title"] for line in run.rules}
    for row in run.marks:
        for rule, status in row["marks"].items():
            yield {
                "mission": row["ref"],
                "stage": stages.get(row["stage"]).label,
                "rule": rule,
                "title": titles.get(rule, ""),
                "status": status,
                "text": texts.get((rule, row["ref"]), ""),
            }
    shown = {row["ref"] for row in run.marks}
    for line in run.rules:
        for each in line["found"]:
            if each["about"] != WHOLE and each["about"] not in shown:
                yield {"mission": each["about"], "stage": "", "rule": line["rule"],
                       "title": line["title"], "status": "gaps", "text": each["text"]}  # fmt: skip
        if not _of_missions(line["rule"]):
            text = texts.get((line["rule"], WHOLE), line["text"])
            yield {"mission": "", "stage": "", "rule": line["rule"], "title": line["title"],
                   "status": line["status"], "text": text}  # fmt: skip


def _of_missions(rule: str) -> bool:
    return rule in BOOK.rules and MISSIONS in BOOK.rules[rule].modes


def as_lines(run: GovernanceRun) -> Iterator[str]:
    yield (
        f"{run.workspace.slug}: {run.get_result_display().lower()}, {run.missions:,} missions,"
        f" {run.found} found"
    )
    if run.error:
        yield f"  {run.error}"
    if run.missions > len(run.marks):
        yield f"  Of {run.missions - len(run.marks):,} more only what was found is told:"
    for line in lines_of(run):
        about = f"{line['mission']} {line['stage']}" if line["mission"] else "workspace"
        text = f": {line['text']}" if line["text"] else ""
        yield f"  {about:<28} {line['rule']:<4} {WORDS[line['status']]}{text}"

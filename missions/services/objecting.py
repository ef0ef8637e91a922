"""What is said against a step that was reported: it did something else than it was let go for, or
nobody let it go and it would not have been.

The report is taken all the same, for it happened. What it did against the rules is a finding that
stops the mission, and stands in the step's marks, so that it is told once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from missions.execution import merging
from missions.models import RunStep, UndoPlan, UndoStep
from missions.services import dispatching, findings
from missions.services.noting import PORTAL

MARK = "objections"
_MOST = 10  # of one step
_NAMED = 20  # steps that a finding names
_DID = ("running", "failed", "succeeded")


def otherwise(step: RunStep, told: Mapping[str, Any]) -> list[str]:
    """What is told differs in this from what the step was let go for. `told`: toolkit, action,
    play_step by position, mutating and `raw` arguments; nothing means that it does not say."""
    found = [
        f"{words} {told[name]} instead of {getattr(step, name) or 'none'}"
        for name, words in (("toolkit", "the toolkit"), ("action", "the action"))
        if told[name] and told[name] != getattr(step, name)
    ]
    place = step.play_step.position if step.play_step is not None else None
    if told["play_step"] is not None and told["play_step"] != place:
        found.append(f"step {told['play_step']} of the play instead of {place or 'none'}")
    if told["mutating"] and not step.mutating:
        found.append("a change instead of a look")
    mark = step.marks.get("arguments")
    pinned = mark is not None and mark[0] == merging.LET_GO
    if told["raw"] and pinned and dispatching.digest_of(step.uid, told["raw"]) != mark[3]:
        found.append("other arguments")
    return found


def as_sentence(differs: Iterable[str]) -> str:
    return f"It was let go for something else: {', '.join(differs)}."


class Unasked:
    """Against steps that nobody let go: what would have been said, had it been asked."""

    def __init__(self, run: Any, undo: UndoPlan | None) -> None:
        self.run, self.undo = run, undo
        self.answers: dict[tuple[Any, ...], list[str]] = {}

    def of(self, step: RunStep, cover: UndoStep | None) -> list[str]:
        if step.status not in _DID:
            return []
        key = (step.toolkit, step.mutating, step.play_step_id, cover is None)
        if key not in self.answers:
            asked = dispatching.Asked(
                self.run.mission, self.run, step.toolkit, step.action, step.mutating, step.play_step
            )
            points = dispatching.objections(asked, self.undo, cover)
            self.answers[key] = [
                f"Nobody let it go, and it would not have been: {words}"
                for _, holds, words in points
                if not holds
            ]
        return self.answers[key]


def news(step: RunStep, said: Iterable[str]) -> list[str]:
    """What was not said of it yet; it is kept with the step."""
    known = list(step.marks.get(MARK, ()))
    fresh = [each for each in dict.fromkeys(said) if each not in known][: _MOST - len(known)]
    if fresh:
        step.marks = {**step.marks, MARK: known + fresh}
    return fresh


def report(run: Any, told: list[tuple[RunStep, list[str]]]) -> None:
    """One finding for each thing that is said, whatever the number of steps. Callers hold the
    graph of work, then the mission."""
    by_words: dict[str, list[RunStep]] = {}
    for step, words in told:
        for each in words:
            by_words.setdefault(each, []).append(step)
    given = [
        _finding(run, words, steps) for words, steps in list(by_words.items())[: findings.MOST]
    ]
    findings.report_findings(run.mission, given, actor=PORTAL)


def _finding(run: Any, words: str, steps: list[RunStep]) -> dict[str, Any]:
    names = [step.external_id for step in steps]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    of_words = hashlib.sha256(words.encode()).hexdigest()[:12]
    return {
        "external_id": f"step:{steps[0].uid}:{of_words}",
        "phase": "run",
        "result": "failed",
        "severity": "high",
        "toolkit": steps[0].toolkit,
        "message": f"{run}, {', '.join(names[:_NAMED])}{more}: {words}"[:4_000],
        "details": {"run": run.external_id, "steps": names[:_NAMED], "number": len(names)},
    }

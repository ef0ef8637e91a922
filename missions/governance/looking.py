"""The look itself: every rule asked, nothing written."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import DatabaseError, transaction

from controlplane.access.models import Workspace
from controlplane.base.rulebook import Answer, Rule
from controlplane.lib import clock
from missions import reads, stages
from missions.gates.looking import Look
from missions.governance.kinds import BOOK, MISSIONS, WHOLE, WORKSPACE, Scope
from missions.governance.rules.workspace import registered
from missions.models import Mission

logger = logging.getLogger(__name__)
BATCH = 250  # missions that are read together: few statements, and not all of them in memory


@dataclass(frozen=True, slots=True)
class Line:
    """What one rule says of one mission, or of the workspace."""

    about: str
    stage: str  # its label
    rule: str
    title: str
    status: str  # ok, gaps, not_applicable, failed
    text: str = ""


@dataclass(frozen=True)
class Report:
    """`answers` by rule, in the order they were asked."""

    scope: Scope
    rules: Sequence[Rule[Scope]]
    answers: Mapping[str, Answer]

    @property
    def failed(self) -> list[str]:
        return [code for code, answer in self.answers.items() if answer.status == "failed"]

    @property
    def found(self) -> int:
        return sum(len(answer.gaps) for answer in self.answers.values())

    @cached_property
    def _texts(self) -> dict[tuple[str, str], str]:
        """What was found first, by rule and what it is about."""
        found: dict[tuple[str, str], str] = {}
        for code, answer in self.answers.items():
            for gap in answer.gaps:
                found.setdefault((code, gap.about), gap.text)
        return found

    def lines(self) -> list[Line]:
        """One for each mission and rule, then those of the workspace."""
        return [*self._of_missions(self.scope.missions), *self._of_the_whole()]

    def _of_missions(self, missions: Sequence[Mission]) -> Iterator[Line]:
        own = [rule for rule in self.rules if MISSIONS in rule.modes]
        for mission in missions:
            for rule in own:
                yield self._line(rule, mission.ref, stages.get(mission.stage).label)

    def _of_the_whole(self) -> Iterator[Line]:
        for rule in self.rules:
            if MISSIONS not in rule.modes:
                yield self._line(rule, WHOLE, "")

    def _line(self, rule: Rule[Scope], about: str, stage: str) -> Line:
        answer = self.answers[rule.code]
        said = self._texts.get((rule.code, about), "")
        if said:
            return Line(about, stage, rule.code, rule.title, "gaps", said)
        asked = about == WHOLE or about in self.scope.asked.get(rule.code, ())
        if not asked and answer.status != "failed":
            return Line(about, stage, rule.code, rule.title, "not_applicable")
        status = "ok" if answer.status == "gaps" else answer.status
        return Line(about, stage, rule.code, rule.title, status, answer.text if asked else "")

    def marks(self, most: int) -> list[dict[str, Any]]:
        """A line for each mission: how each rule stands, for a table."""
        shown = self.scope.missions[:most]
        found: dict[str, dict[str, str]] = {}
        for line in self._of_missions(shown):
            found.setdefault(line.about, {})[line.rule] = line.status
        return [
            {"ref": each.ref, "title": each.title, "stage": each.stage, "marks": found[each.ref]}
            for each in shown
        ]


def look(
    workspace: Workspace,
    missions: Sequence[Mission],
    *,
    whole: bool = False,
    looks: Iterable[Look] = (),
) -> Report:
    """`whole`: what is asked of the workspace too, beside its missions. `looks` are those that
    were begun already: what they read is not read again."""
    now, own = clock.now(), BOOK.of_mode(MISSIONS)
    begun = {each.mission.pk: each for each in looks}
    scope, parts = Scope(workspace, missions, now), []
    for place in range(0, max(len(missions), 1), BATCH):
        batch = missions[place : place + BATCH]
        known = {each.pk: begun[each.pk] for each in batch if each.pk in begun}
        with reads.together(batch):
            parts.append(_answers(own, Scope(workspace, batch, now, known, scope.asked)))
    answers = {rule.code: _merged([part[rule.code] for part in parts]) for rule in own}
    shared = [*BOOK.of_mode(WORKSPACE), *registered()] if whole else []
    return Report(scope, [*own, *shared], answers | _answers(shared, scope))


def _answers(rules: Sequence[Rule[Scope]], scope: Scope) -> dict[str, Answer]:
    """All of them in one transaction. Where a statement spoilt it, each in one of its own, so that
    what one could not be asked is not said of the others."""
    try:
        with transaction.atomic():
            return {rule.code: _ask(rule, scope) for rule in rules}
    except DatabaseError:
        return {rule.code: _ask_alone(rule, scope) for rule in rules}


def _ask_alone(rule: Rule[Scope], scope: Scope) -> Answer:
    try:
        with transaction.atomic():
            return _ask(rule, scope)
    except DatabaseError as error:
        logger.exception("governance rule %s could not be asked", rule.code)
        return _failed(error)


def _ask(rule: Rule[Scope], scope: Scope) -> Answer:
    check = rule.check if rule.code not in BOOK.rules else BOOK.check_of(rule)
    if check is None:
        return Answer("not_applicable", "Nobody answers this yet.")
    try:
        return check(scope)
    except DatabaseError:
        raise  # the transaction is spoilt: nothing more can be asked in it
    except Exception as error:  # rules and gates are answered by many packages
        logger.exception("governance rule %s could not be asked", rule.code)
        return _failed(error)


def _failed(error: Exception) -> Answer:
    return Answer("failed", f"Could not be asked: {type(error).__name__}.")


def _merged(answers: Sequence[Answer]) -> Answer:
    """Of the batches as of one."""
    if len(answers) == 1:
        return answers[0]
    failed = next((each for each in answers if each.status == "failed"), None)
    gaps = tuple(gap for each in answers for gap in each.gaps)
    if failed is not None:
        return Answer("failed", failed.text, gaps)
    if gaps:
        return Answer("gaps", f"{len(gaps)} found", gaps)
    return next((each for each in answers if each.status == "ok"), answers[0])

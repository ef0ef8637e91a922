"""The look itself: every rule asked, nothing written."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from controlplane.access.models import Workspace
from controlplane.base.rulebook import Answer, Rule
from controlplane.lib import clock
from missions import stages
from missions.gates.looking import Look
from missions.governance.kinds import BOOK, MISSIONS, WHOLE, WORKSPACE, Scope
from missions.governance.rules.workspace import registered
from missions.models import Mission

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """What one rule says of one mission, or of the workspace."""

    about: str
    stage: str  # its label
    rule: str
    title: str
    status: str  # ok, gaps, not_applicable, failed
    text: str = ""


@dataclass(frozen=True, slots=True)
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

    def lines(self) -> list[Line]:
        """One for each mission and rule, then those of the workspace."""
        own = [rule for rule in self.rules if MISSIONS in rule.modes]
        shared = [rule for rule in self.rules if MISSIONS not in rule.modes]
        of_missions = [
            self._line(rule, mission.ref, stages.get(mission.stage).label)
            for mission in self.scope.missions
            for rule in own
        ]
        return of_missions + [self._line(rule, WHOLE, "") for rule in shared]

    def _line(self, rule: Rule[Scope], about: str, stage: str) -> Line:
        answer = self.answers[rule.code]
        said = next((gap.text for gap in answer.gaps if gap.about == about), "")
        if said:
            return Line(about, stage, rule.code, rule.title, "gaps", said)
        asked = about == WHOLE or about in self.scope.asked.get(rule.code, ())
        if not asked and answer.status != "failed":
            return Line(about, stage, rule.code, rule.title, "not_applicable")
        status = "ok" if answer.status == "gaps" else answer.status
        return Line(about, stage, rule.code, rule.title, status, answer.text if asked else "")

    def marks(self, most: int) -> list[dict[str, Any]]:
        """A line for each mission: how each rule stands, for a table."""
        found: dict[str, dict[str, str]] = {}
        for line in self.lines():
            found.setdefault(line.about, {})[line.rule] = line.status
        return [
            {"ref": each.ref, "title": each.title, "stage": each.stage, "marks": found[each.ref]}
            for each in self.scope.missions[:most]
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
    scope = Scope(workspace, missions, clock.now(), {each.mission.pk: each for each in looks})
    rules = BOOK.of_mode(MISSIONS)
    if whole:
        rules += [*BOOK.of_mode(WORKSPACE), *registered()]
    return Report(scope, rules, {rule.code: _ask(rule, scope) for rule in rules})


def _ask(rule: Rule[Scope], scope: Scope) -> Answer:
    check = rule.check if rule.code not in BOOK.rules else BOOK.check_of(rule)
    if check is None:
        return Answer("not_applicable", "Nobody answers this yet.")
    try:
        with transaction.atomic():
            return check(scope)
    except Exception as error:  # rules and gates are answered by many packages
        logger.exception("governance rule %s could not be asked", rule.code)
        return Answer("failed", f"Could not be asked: {type(error).__name__}.")

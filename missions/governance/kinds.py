"""What a rule is asked with, and the book the rules stand in.

    @each("G4", "Coverage is enough, or a gap was accepted", since("prepare"))
    def coverage(look: Look) -> Iterable[str]:
        ...

answers, mission by mission, a sentence for each thing that is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from controlplane.access.models import Workspace
from controlplane.base.rulebook import Answer, Found, RuleBook
from missions import stages
from missions.gates.kinds import NOT_THERE
from missions.gates.looking import Look
from missions.gates.registry import answer as ask_gate
from missions.models import Mission

MISSIONS, WORKSPACE = "missions", "workspace"
WHOLE = "workspace"  # what a finding is about that is about no mission


@dataclass
class Scope:
    """Whose missions, and when. What one rule read of a mission the next finds read."""

    workspace: Workspace
    missions: Sequence[Mission]
    now: datetime
    looks: dict[int, Look] = field(default_factory=dict)
    asked: dict[str, set[str]] = field(default_factory=dict)  # rule -> refs it was asked of

    def look_at(self, mission: Mission) -> Look:
        if mission.pk not in self.looks:
            self.looks[mission.pk] = Look(mission, now=self.now)
        return self.looks[mission.pk]


BOOK: RuleBook[Scope] = RuleBook(frozenset({MISSIONS}))
Applies = Callable[[Mission], bool]
Lacks = Callable[[Look], Iterable[str]]


def each(code: str, title: str, applies: Applies) -> Callable[[Lacks], Lacks]:
    """A rule that is asked of one mission after the other."""

    def add(lacks: Lacks) -> Lacks:
        BOOK.rule(code, title)(lambda scope: _asked(code, scope, applies, lacks))
        return lacks

    return add


def more(code: str, applies: Applies) -> Callable[[Lacks], Lacks]:
    """Beside what the rule asks already, from an app above."""

    def add(lacks: Lacks) -> Lacks:
        BOOK.add_to(code)(lambda scope: _asked(code, scope, applies, lacks))
        return lacks

    return add


def _asked(code: str, scope: Scope, applies: Applies, lacks: Lacks) -> Answer:
    found, nobody, asked = [], False, scope.asked.setdefault(code, set())
    for mission in scope.missions:
        if not applies(mission):
            continue
        look = scope.look_at(mission)
        try:
            said = list(lacks(look))
        except NobodyAnswersError:
            nobody = True
            continue
        asked.add(mission.ref)
        if said:
            details = {"stage": look.stage.label, "mission": str(mission.uid)}
            found.append(Found(mission.ref, " ".join(said)[:400], len(said), details))
    if nobody and not asked:
        return Answer("not_applicable", "Nobody answers this yet.")
    if found:
        return Answer("gaps", f"{len(found)} found", tuple(found))
    return Answer("ok") if asked else Answer("not_applicable", "No mission is that far.")


# --- Words that rules are made of ----------------------------------------------------------------


class NobodyAnswersError(Exception):
    """A gate that the rule rests on has nobody who answers it."""


def gates(look: Look, stage: str, *slugs: str) -> Iterator[str]:
    """What these gates of a stage lack now, whichever stage the mission is in."""
    there = look.at(stage)
    titles = {gate.slug: gate.title for gate in (*there.stage.entry, *there.stage.exit_gates)}
    for slug in slugs:
        found = ask_gate(slug, there)
        if found.state == NOT_THERE:
            raise NobodyAnswersError(slug)
        if found.state not in {"passed", "not_applicable"}:
            yield f"{titles[slug]}: {found.detail}"


def since(stage: str) -> Applies:
    """Missions under way that left this stage behind."""
    return lambda mission: mission.is_under_way and _place(mission.stage) > _place(stage)


def within(stage: str) -> Applies:
    return lambda mission: mission.is_under_way and mission.stage == stage


def begun(mission: Mission) -> bool:
    return mission.status != Mission.Status.DRAFT


def under_way(mission: Mission) -> bool:
    return mission.is_under_way


def _place(stage: str) -> int:
    return stages.SLUGS.index(stage)

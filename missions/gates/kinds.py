"""What a look at a gate finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from missions.stages import Gate

if TYPE_CHECKING:
    from missions.gates.looking import Look

Evidence = list[dict[str, str]]
PASSED, FAILED, WAITING, NOT_APPLICABLE = "passed", "failed", "waiting", "not_applicable"
# Nothing answers this gate: it does not pass, and nobody can say that it does.
NOT_THERE = "not_there"
STATES = (PASSED, FAILED, WAITING, NOT_APPLICABLE, NOT_THERE)
ENTRY, EXIT = "entry", "exit"


@dataclass(frozen=True, slots=True)
class Found:
    """`evidence` is where it can be seen; `mend`, where given, says more than the table does."""

    state: str
    detail: str
    evidence: Evidence = field(default_factory=list)
    mend: str = ""


Compute = Callable[["Look"], Found]


@dataclass(frozen=True, slots=True)
class Check:
    """One gate of one stage, as it was found."""

    stage: str
    phase: str  # entry, exit
    gate: Gate
    found: Found

    @property
    def slug(self) -> str:
        return self.gate.slug

    @property
    def title(self) -> str:
        return self.gate.title

    @property
    def state(self) -> str:
        return self.found.state

    @property
    def detail(self) -> str:
        return self.found.detail

    @property
    def evidence(self) -> Evidence:
        return self.found.evidence

    @property
    def mend(self) -> str:
        return "" if self.is_settled else self.found.mend or self.gate.mend

    @property
    def is_settled(self) -> bool:
        return self.state in {PASSED, NOT_APPLICABLE}

    @property
    def sentence(self) -> str:
        return f"{self.title}: {self.detail}"


def passed(detail: str, *evidence: tuple[str, str]) -> Found:
    return Found(PASSED, detail, listed(evidence))


def failed(detail: str, *evidence: tuple[str, str], mend: str = "") -> Found:
    return Found(FAILED, detail, listed(evidence), mend)


def waiting(detail: str, *evidence: tuple[str, str], mend: str = "") -> Found:
    return Found(WAITING, detail, listed(evidence), mend)


def not_applicable(detail: str) -> Found:
    return Found(NOT_APPLICABLE, detail)


def listed(evidence: tuple[tuple[str, str], ...]) -> Evidence:
    return [{"label": label[:300], "link": link[:500]} for label, link in evidence if link]

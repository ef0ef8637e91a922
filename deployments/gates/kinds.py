"""What a gate is, as data, and what a look at one finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployments.gates.looking import Look

Evidence = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found. `ask`: nobody reports this here, so a person may say."""

    state: str  # passed, failed, waiting, not_applicable, ask
    detail: str
    evidence: Evidence = field(default_factory=list)


Compute = Callable[["Look"], Found]
Applies = Callable[["Look"], bool]


def always(look: Look) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Definition:
    """One gate. Without `compute` only a person can say that it holds.

    `at_start`: asked when the deployment starts, and does not keep it from being declared ready.
    `optional`: shown and recorded, but nothing waits for it. `waivable`: "role" for those who
    hold `deployment.override`; "hotfix" for whoever ticks, but in a hotfix only (its lane may
    skip extended validation); "" never. `mend`: who can mend it, and where. `about`: fields of the
    deployment that a person's word rests on; when one changes, it is asked again. `shown`: a tick
    says what shows it.
    """

    slug: str
    title: str
    phase: str
    group: str
    applies: Applies = always
    compute: Compute | None = None
    waivable: str = "role"
    mend: str = ""
    command: str = ""
    at_start: bool = False
    optional: bool = False
    debt: bool = False  # skipped in a hotfix, it is owed afterwards
    about: frozenset[str] = frozenset()
    shown: bool = False


def passed(detail: str, *evidence: tuple[str, str]) -> Found:
    return Found("passed", detail, _listed(evidence))


def failed(detail: str, *evidence: tuple[str, str]) -> Found:
    return Found("failed", detail, _listed(evidence))


def waiting(detail: str, *evidence: tuple[str, str]) -> Found:
    return Found("waiting", detail, _listed(evidence))


def ask(detail: str) -> Found:
    return Found("ask", detail)


def not_applicable(detail: str) -> Found:
    return Found("not_applicable", detail)


def _listed(evidence: tuple[tuple[str, str], ...]) -> Evidence:
    return [{"label": label[:300], "link": link[:500]} for label, link in evidence]

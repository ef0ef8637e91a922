"""What a rule is asked with and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Literal

from django.db import connection

Status = Literal["ok", "gaps", "info", "insufficient", "not_applicable", "failed"]


@dataclass(frozen=True, slots=True)
class Window:
    """Whose events, from when until when, and how hard to look."""

    workspace_id: int
    since: datetime
    until: datetime
    sample: int  # rows looked at where not all are
    mode: str = "check"
    rng: Random = field(default_factory=Random)

    @property
    def bounds(self) -> list[Any]:
        return [self.workspace_id, self.since, self.until]

    def rows(self, select: str, *params: Any) -> list[tuple[Any, ...]]:
        """Ask over the window's events. `select` holds `{events}` where they are to stand."""
        events = (
            "telemetry_events WHERE workspace_id = %s AND occurred_at >= %s AND occurred_at < %s"
        )
        with connection.cursor() as cursor:
            cursor.execute(select.format(events=events), [*self.bounds, *params])
            return list(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Found:
    """One gap: what it is about, in a sentence, how often."""

    about: str
    text: str
    total: int = 1
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    status: Status
    text: str = ""
    gaps: tuple[Found, ...] = ()
    whole: bool = True  # False: only a part was looked at, and silence proves nothing


OK = Answer("ok")
OTHERS = "others"  # the gap that stands for many more of one rule
NOT_APPLICABLE = Answer("not_applicable", "Nobody reports what this needs yet.")


def answer(gaps: Iterable[Found], *, fine: str = "") -> Answer:
    found = tuple(gaps)
    if not found:
        return Answer("ok", fine)
    return Answer("gaps", f"{len(found)} found", found)


Check = Callable[[Window], Answer]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the table. `check` None: answered by whoever knows about missions."""

    code: str
    title: str
    check: Check | None
    modes: frozenset[str]
    info: bool = False  # told, never a gap


RULES: dict[str, Rule] = {}
PROVIDERS: dict[str, Check] = {}
ADDED: dict[str, list[Check]] = {}
ALWAYS = frozenset({"check", "spot", "report"})
CHECKS = frozenset({"check", "report"})


def rule(
    code: str, title: str, *, modes: frozenset[str] = ALWAYS, info: bool = False
) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        RULES[code] = Rule(code, title, check, modes, info)
        return check

    return add


def reserved(code: str, title: str, *, modes: frozenset[str] = ALWAYS) -> None:
    """A rule that needs to know missions: `not_applicable` until an app above answers it."""
    RULES[code] = Rule(code, title, None, modes)


def provide(code: str) -> Callable[[Check], Check]:
    """Answer a reserved rule, from an app above."""
    if RULES[code].check is not None:
        raise ValueError(f"rule {code} is answered here already")

    def add(check: Check) -> Check:
        if PROVIDERS.setdefault(code, check) is not check:
            raise ValueError(f"rule {code} is answered twice")
        return check

    return add


def add_to(code: str) -> Callable[[Check], Check]:
    """Ask more under a rule that is answered here, from an app above."""
    if RULES[code].check is None:
        raise ValueError(f"rule {code} is answered by nobody here: provide it")

    def add(check: Check) -> Check:
        known = ADDED.setdefault(code, [])
        if check not in known:
            known.append(check)
        return check

    return add


def check_of(entry: Rule) -> Check | None:
    own, more = entry.check or PROVIDERS.get(entry.code), ADDED.get(entry.code)
    if own is None or not more:
        return own
    checks = (own, *more)
    return lambda window: _together([check(window) for check in checks])


def _together(answers: Sequence[Answer]) -> Answer:
    """All that was found, and as sure as the least sure of them."""
    gaps = tuple(gap for each in answers for gap in each.gaps)
    whole = all(each.whole for each in answers)
    said = "; ".join(dict.fromkeys(each.text for each in answers if each.text))
    if gaps:
        return Answer("gaps", f"{len(gaps)} found", gaps, whole)
    worst = min(answers, key=lambda each: each.status == "ok")
    return Answer(worst.status, said, (), whole)

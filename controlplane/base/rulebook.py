"""Books of rules: questions that a check asks regularly, some of them answered by other apps.

An app opens a book for what it checks (`RuleBook[Window]`), writes the rules it can answer and
reserves those it can't; an app above provides these, or adds to what is answered already. A
reserved rule that nobody provides is not applicable, which is not green.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

Status = Literal["ok", "gaps", "info", "insufficient", "not_applicable", "failed"]
Scope = TypeVar("Scope")
Ask = Callable[[Scope], "Answer"]


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is not as it should be: what it is about, in a sentence, how often."""

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
NOT_APPLICABLE = Answer("not_applicable", "Nobody reports what this needs yet.")


def answer(gaps: Iterable[Found], *, fine: str = "") -> Answer:
    found = tuple(gaps)
    if not found:
        return Answer("ok", fine)
    return Answer("gaps", f"{len(found)} found", found)


@dataclass(frozen=True, slots=True)
class Rule(Generic[Scope]):
    """A line of a book. `check` None: answered by an app above."""

    code: str
    title: str
    check: Ask[Scope] | None
    modes: frozenset[str]
    info: bool = False  # told, never a gap


class RuleBook(Generic[Scope]):
    """`usual`: the modes of a rule that names none."""

    def __init__(self, usual: frozenset[str]) -> None:
        self.usual = usual
        self.rules: dict[str, Rule[Scope]] = {}
        self.providers: dict[str, Ask[Scope]] = {}
        self.added: dict[str, list[Ask[Scope]]] = {}

    def rule(
        self, code: str, title: str, *, modes: frozenset[str] | None = None, info: bool = False
    ) -> Callable[[Ask[Scope]], Ask[Scope]]:
        def add(check: Ask[Scope]) -> Ask[Scope]:
            self.rules[code] = Rule(code, title, check, modes or self.usual, info)
            return check

        return add

    def reserved(self, code: str, title: str, *, modes: frozenset[str] | None = None) -> None:
        """A rule about what this app doesn't know."""
        self.rules[code] = Rule(code, title, None, modes or self.usual)

    def provide(self, code: str) -> Callable[[Ask[Scope]], Ask[Scope]]:
        """Answer a reserved rule, from an app above."""
        if self.rules[code].check is not None:
            raise ValueError(f"rule {code} is answered here already")

        def add(check: Ask[Scope]) -> Ask[Scope]:
            if self.providers.setdefault(code, check) is not check:
                raise ValueError(f"rule {code} is answered twice")
            return check

        return add

    def add_to(self, code: str) -> Callable[[Ask[Scope]], Ask[Scope]]:
        """Ask more under a rule that is answered here, from an app above."""
        if self.rules[code].check is None:
            raise ValueError(f"rule {code} is answered by nobody here: provide it")

        def add(check: Ask[Scope]) -> Ask[Scope]:
            known = self.added.setdefault(code, [])
            if check not in known:
                known.append(check)
            return check

        return add

    def check_of(self, entry: Rule[Scope]) -> Ask[Scope] | None:
        own, more = entry.check or self.providers.get(entry.code), self.added.get(entry.code)
        if own is None or not more:
            return own
        checks = (own, *more)
        return lambda scope: together([check(scope) for check in checks])

    def of_mode(self, mode: str) -> list[Rule[Scope]]:
        """In the order of their numbers: G2 before G10."""
        ordered = sorted(self.rules.values(), key=_number)
        return [entry for entry in ordered if mode in entry.modes]


def _number(entry: Rule[Any]) -> tuple[int, str]:
    digits = entry.code.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return (int(digits) if digits.isdecimal() else 0, entry.code)


def together(answers: Sequence[Answer]) -> Answer:
    """All that was found, and as sure as the least sure of them."""
    gaps = tuple(gap for each in answers for gap in each.gaps)
    whole = all(each.whole for each in answers)
    said = "; ".join(dict.fromkeys(each.text for each in answers if each.text))
    if gaps:
        return Answer("gaps", f"{len(gaps)} found", gaps, whole)
    worst = min(answers, key=lambda each: each.status == "ok")
    return Answer(worst.status, said, (), whole)

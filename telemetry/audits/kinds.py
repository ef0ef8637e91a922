"""What a rule is asked with, and the book the rules stand in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from django.db import connection

from controlplane.base.rulebook import NOT_APPLICABLE, OK, Answer, Found, Rule, RuleBook, answer

__all__ = [
    "BOOK",
    "CHECKS",
    "NOT_APPLICABLE",
    "OK",
    "OTHERS",
    "PROVIDERS",
    "RULES",
    "Answer",
    "Found",
    "Rule",
    "Window",
    "add_to",
    "answer",
    "provide",
    "reserved",
    "rule",
]
OTHERS = "others"  # the gap that stands for many more of one rule


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


ALWAYS = frozenset({"check", "spot", "report"})
CHECKS = frozenset({"check", "report"})
BOOK: RuleBook[Window] = RuleBook(ALWAYS)
RULES, PROVIDERS = BOOK.rules, BOOK.providers
rule, reserved, provide, add_to = BOOK.rule, BOOK.reserved, BOOK.provide, BOOK.add_to

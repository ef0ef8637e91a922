"""Rules for tests, and time that passes as the test says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.base.models import Signal
from telemetry import partitions, rollups
from telemetry.models import AlertRule, RuleState
from telemetry.rules import usual
from telemetry.rules.services import Pass, create_rule, evaluate
from telemetry.rules.vocabulary import FIRED, RESOLVED
from tests import make
from tests.kit.telemetry import event, tell


def _last_friday() -> datetime:
    """At noon. Tables of events are open for some weeks around the database's own day, and a fixed
    one would be past them some day; which day of the week it is, usual values depend on."""
    today = datetime.now(UTC)
    before = timedelta(days=(today.weekday() - 4) % 7 or 7)
    return (today - before).replace(hour=12, minute=0, second=0, microsecond=0)


START = _last_friday()
ERRORS = "composio_tool_call_error"


class World:
    """One workspace with one rule, a clock, and calls that succeed or fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        self.workspace: Workspace = make.workspace()
        AlertRule.objects.all().update(is_active=False)
        monkeypatch.setattr("controlplane.lib.clock.now", lambda: self.now)
        partitions.look_again()
        usual.forget()

    def rule(self, **fields: Any) -> AlertRule:
        """By default: more than 5 % of tool calls fail, for five minutes."""
        given: dict[str, Any] = {
            "slug": "failing",
            "title": "Calls fail",
            "measure": "tool.error_rate",
            "threshold": 5.0,
            "for_s": 300,
            **fields,
        }
        return create_rule(self.workspace, actor=make.JOB, **given)

    def calls(
        self, good: int = 0, bad: int = 0, *, at: datetime | None = None, **more: Any
    ) -> None:
        """Calls that are reported as of now."""
        moment = at or self.now
        toolkit = more.pop("toolkit", "hubspot")
        told = []
        for number, outcome in ((good, "success"), (bad, "error")):
            context = {"toolkit": toolkit, "action": "create", "duration_ms": 50}
            context |= {"outcome": outcome}
            if number:
                told.append(event(at=moment, context=context, count=number, **more))
        tell(more.get("workspace", self.workspace), told)
        rollups.settle()

    def gauge(self, name: str, value: float, of: str = "", **fields: Any) -> None:
        context = {"name": name, "value": value, "of": of}
        place = fields.pop("workspace", self.workspace)
        tell(
            place,
            [event("gauge_reported", at=self.now, context=context, mission_id=None, **fields)],
        )
        rollups.settle()

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def look(self) -> Pass:
        return evaluate(self.now)

    def watch(self, seconds: int, *, good: int = 0, bad: int = 0, every: int = 15) -> list[str]:
        """Let time pass with calls once a minute and a look each `every` seconds; the states
        after each look."""
        found = []
        for second in range(0, seconds, every):
            if second % 60 == 0 and (good or bad):
                self.calls(good, bad)
            self.look()
            found.append(self.status())
            self.passes(every)
        return found

    def status(self, series: str = "") -> str:
        row = RuleState.objects.filter(workspace=self.workspace, series=series).first()
        return row.status if row is not None else "-"

    def state(self, series: str = "") -> RuleState:
        return RuleState.objects.get(workspace=self.workspace, series=series)


def signals(kind: str = FIRED) -> list[Signal]:
    return list(Signal.objects.filter(kind=kind).order_by("id"))


__all__ = ["FIRED", "RESOLVED", "World", "signals"]

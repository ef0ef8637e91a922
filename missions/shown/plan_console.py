"""What plans and runs hand to the console's shared parts."""

from __future__ import annotations

from missions.shown import plan, plan_undo, runs
from missions.shown.sections import section


def register() -> None:
    section("plan", "Plan", stages=("prepare", "plan_approve"), order=40, read=plan.card,
            url=plan.card_url)  # fmt: skip
    section("runs", "Runs", stages=("execute_observe",), order=50, read=runs.card,
            url=runs.card_url)  # fmt: skip
    section("undo", "Undo plan", stages=("plan_approve", "execute_observe"), order=70,
            read=plan_undo.card, url=plan_undo.card_url)  # fmt: skip

"""The state table of an alert. Only the evaluation makes a move; whoever is asked about pays no
attention to what is pending, so those moves leave no audit row: a measure that hovers at its
limit would fill the log."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable

FIRE = Step(None, "Fire")
RESOLVE = Step(None, "Resolve")
CALM = Step(None, "Is well", audited=False)
BREACH = Step(None, "Is breached", audited=False)
LOSE = Step(None, "Has no data", audited=False)
FAIL = Step(None, "Can't be evaluated", audited=False)

RULE_STATE = TransitionTable(
    "telemetry.RuleState",
    initial="ok",
    steps={
        "ok": {"pending": BREACH, "firing": FIRE, "no_data": LOSE, "error": FAIL},
        "pending": {"ok": CALM, "firing": FIRE, "no_data": LOSE, "error": FAIL},
        "firing": {"ok": RESOLVE},
        "no_data": {"ok": CALM, "pending": BREACH, "firing": FIRE, "error": FAIL},
        "error": {"ok": CALM, "pending": BREACH, "firing": FIRE, "no_data": LOSE},
    },
)

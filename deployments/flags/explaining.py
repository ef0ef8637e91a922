"""What a flag would say in a context, and why: for people who wonder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.flags.documents import document_of
from deployments.flags.engine import Decision, compile
from deployments.flags.models import Flag, FlagState
from deployments.flags.serving.values import Unfit, value_of


def explain(state: FlagState, context: Any) -> dict[str, Any]:
    """The decision as the flag stands now in the database, whatever a process still remembers."""
    flag = state.flag
    if not isinstance(context, Mapping):
        context = {}
    ruleset = compile(document_of(state.environment_id, state.workspace_id))
    told = ruleset.explain(flag.flag_name, context)
    decision = told.decision
    return {
        "flag": flag.flag_name,
        "environment": state.environment.slug,
        "enabled": decision.enabled,
        "value": _value(flag, decision),
        "variant": decision.variant or None,
        "reason": decision.reason,
        "detail": decision.detail,
        "rule": decision.rule,
        "requires": [{"text": each.text, "holds": each.holds} for each in told.needs],
        "rules": [
            {
                "number": rule.number,
                "title": rule.title,
                "outcome": rule.outcome,
                "why": rule.why,
                "conditions": [{"text": each.text, "holds": each.holds} for each in rule.parts],
            }
            for rule in told.rules
        ],
    }


def _value(flag: Flag, decision: Decision) -> Any:
    portal = {"type": flag.value_type, "on": flag.on_value, "off": flag.off_value}
    try:
        return value_of(portal, decision)
    except Unfit:
        return None

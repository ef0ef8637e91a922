"""The evaluation of feature flags: pure functions over a document, no database, no network.

ruleset = compile({"version": 2, "features": [...], "segments": [...]})
ruleset.is_enabled("new-planner", {"userId": "42", "properties": {"region": "eu"}})
ruleset.decide("new-planner", context).reason
"""

from deployments.flags.engine.decisions import REASONS, UNKNOWN, Decision
from deployments.flags.engine.explaining import Explanation, Part, RuleView
from deployments.flags.engine.ruleset import Ruleset, compile

__all__ = [
    "REASONS",
    "UNKNOWN",
    "Decision",
    "Explanation",
    "Part",
    "RuleView",
    "Ruleset",
    "compile",
]

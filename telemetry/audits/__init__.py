"""The telemetry audit: twelve questions over a workspace's events, weekly and around deployments.

What it finds becomes a gap, with one work item each, and open gaps keep the next deployment from
starting. A question nobody can answer yet is `not_applicable`, which is not green.
"""

from telemetry.audits import rules as _rules  # noqa: F401  (fills the table)
from telemetry.audits.gaps import blocking_gaps
from telemetry.audits.kinds import PROVIDERS, RULES, Answer, Found, Window, add_to, provide
from telemetry.audits.running import audit, sign

__all__ = [
    "PROVIDERS",
    "RULES",
    "Answer",
    "Found",
    "Window",
    "add_to",
    "audit",
    "blocking_gaps",
    "provide",
    "sign",
]

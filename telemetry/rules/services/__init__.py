"""What changes rules and alerts. Doors and jobs call these, nothing else writes."""

from telemetry.rules.services.adopting import adopt
from telemetry.rules.services.changing import (
    FIELDS,
    change_rule,
    copy_rule,
    create_rule,
    remove_rule,
    reset_rule,
    switch_rule,
)
from telemetry.rules.services.evaluating import Pass, evaluate
from telemetry.rules.services.trying import try_rule

__all__ = [
    "FIELDS",
    "Pass",
    "adopt",
    "change_rule",
    "copy_rule",
    "create_rule",
    "evaluate",
    "remove_rule",
    "reset_rule",
    "switch_rule",
    "try_rule",
]

"""Verbs of this package. Doors and other packages call these and nothing else."""

from controlplane.approvals.services.asking import ask, revise
from controlplane.approvals.services.closing import expire, supersede, void, withdraw
from controlplane.approvals.services.commenting import comment
from controlplane.approvals.services.deciding import decide
from controlplane.approvals.services.delegating import delegate, end_delegation
from controlplane.approvals.services.exporting import exported
from controlplane.approvals.services.owning import ask_again, stands, take_back
from controlplane.approvals.services.policies import (
    change_policy,
    define_policy,
    ensure_policies,
    policy_of,
    retire_policy,
)
from controlplane.approvals.signing import SlotView, waiting_for
from controlplane.approvals.signing import slots_for as may_sign

__all__ = [
    "SlotView",
    "ask",
    "ask_again",
    "change_policy",
    "comment",
    "decide",
    "define_policy",
    "delegate",
    "end_delegation",
    "ensure_policies",
    "expire",
    "exported",
    "may_sign",
    "policy_of",
    "retire_policy",
    "revise",
    "stands",
    "supersede",
    "take_back",
    "void",
    "waiting_for",
    "withdraw",
]

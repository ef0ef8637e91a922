"""Verbs of this package. Doors and other packages call these and nothing else."""

from deployments.services.adapters import (
    add_adapter,
    change_adapter,
    rotate_secret,
    switch_adapter,
)
from deployments.services.checking import ask_again, look_at_gates, tick_gate, waive_gate
from deployments.services.closing import close, roll_back
from deployments.services.consent import back_to_preparing, declare_ready
from deployments.services.freezes import change_freeze, end_freeze, make_freeze
from deployments.services.going import (
    begin_watch,
    block,
    give_up,
    start,
    steps_done,
    unblock,
)
from deployments.services.hotfixes import plan_hotfix, skippable
from deployments.services.launch_reviewing import sign_review
from deployments.services.launches import (
    ask_sign_off,
    cancel_launch,
    change_launch,
    plan_launch,
    reopen_launch,
    settle_line,
)
from deployments.services.next_action import Next, next_action
from deployments.services.papers import settle
from deployments.services.planning import (
    Ensured,
    cancel,
    change_deployment,
    create_deployment,
    ensure_deployment,
    prepare,
    running_in,
)
from deployments.services.reviewing import take_snapshot
from deployments.services.steps import (
    begin_step,
    finish_step,
    run_step,
    set_step,
    skip_step,
    stop_step,
    try_again,
)

__all__ = [
    "Ensured",
    "Next",
    "add_adapter",
    "ask_again",
    "ask_sign_off",
    "back_to_preparing",
    "begin_step",
    "begin_watch",
    "block",
    "cancel",
    "cancel_launch",
    "change_adapter",
    "change_deployment",
    "change_freeze",
    "change_launch",
    "close",
    "create_deployment",
    "declare_ready",
    "end_freeze",
    "ensure_deployment",
    "finish_step",
    "give_up",
    "look_at_gates",
    "make_freeze",
    "next_action",
    "plan_hotfix",
    "plan_launch",
    "prepare",
    "reopen_launch",
    "roll_back",
    "rotate_secret",
    "run_step",
    "running_in",
    "set_step",
    "settle",
    "settle_line",
    "sign_review",
    "skip_step",
    "skippable",
    "start",
    "steps_done",
    "stop_step",
    "switch_adapter",
    "take_snapshot",
    "tick_gate",
    "try_again",
    "unblock",
    "waive_gate",
]

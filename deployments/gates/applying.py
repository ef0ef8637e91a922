"""When a gate applies."""

from __future__ import annotations

from deployments.gates.kinds import Applies
from deployments.gates.looking import Look


def forward(look: Look) -> bool:
    return not look.is_rollback


def guarded(look: Look) -> bool:
    return look.guarded and not look.is_rollback


def hotfix(look: Look) -> bool:
    return look.is_hotfix


def with_parts(*kinds: str) -> Applies:
    return lambda look: forward(look) and look.has(*kinds)


def all_of(*asked: Applies) -> Applies:
    return lambda look: all(each(look) for each in asked)


def no_hotfix(look: Look) -> bool:
    return forward(look) and not look.is_hotfix


def under_flag(look: Look) -> bool:
    return forward(look) and look.deployment.flag_id is not None and look.deployment.tier >= 2


def canary(look: Look) -> bool:
    return look.kind == "canary" or under_flag(look)

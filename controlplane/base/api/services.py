"""Setting and lifting temporary rate limits."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Agent, User, Workspace
from controlplane.audit.services import record
from controlplane.base.api import throttles
from controlplane.base.models import ThrottleRule
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Conflict, Invalid

LONGEST_MINUTES = define(
    "api.throttle_longest_minutes",
    7 * 24 * 60,
    unit="minutes",
    why="A limit needed for more than a week is a default to change, not a mitigation.",
)
_SHOWN = ("actor_ref", "path", "shared", "limit", "period_s", "expires_at")


def set_throttle(
    workspace: Workspace,
    *,
    actor: Actor,
    limit: int,
    period_s: int = 60,
    minutes: int,
    reason: str,
    whom: Agent | User | None = None,
    path: str = "",
    shared: bool = False,
) -> ThrottleRule:
    """Limit one caller, or everybody, on a path or all paths, until it ends by itself.

    It binds within `api.throttle_rules_seconds` in every web process.
    """
    policy.require(actor, "throttle.manage", workspace)
    _check(workspace, limit, period_s, minutes, reason, whom, path)
    with transaction.atomic():
        now = clock.now()
        rule = ThrottleRule.objects.create(
            workspace=workspace,
            actor_ref=_ref_of(whom),
            actor_label=str(whom) if whom else "",
            path=path,
            shared=shared,
            limit=limit,
            period_s=period_s,
            reason=reason.strip(),
            created_at=now,
            created_by=str(actor),
            expires_at=now + timedelta(minutes=minutes),
        )
        record(actor, "throttle.set", rule, after=_state(rule), reason=rule.reason)
        throttles.forget()
    return rule


def lift_throttle(rule: ThrottleRule, *, actor: Actor, reason: str = "") -> ThrottleRule:
    """End a limit before its time."""
    policy.require(actor, "throttle.manage", rule)
    with transaction.atomic():
        now = clock.now()
        open_still = ThrottleRule.objects.filter(pk=rule.pk, lifted_at=None, expires_at__gt=now)
        if not open_still.update(lifted_at=now, lifted_by=str(actor)):
            raise Conflict("This limit has ended already.")
        rule.refresh_from_db()
        record(actor, "throttle.lift", rule, before=_state(rule), reason=reason)
        throttles.forget()
    return rule


def _check(
    workspace: Workspace,
    limit: int,
    period_s: int,
    minutes: int,
    reason: str,
    whom: Agent | User | None,
    path: str,
) -> None:
    longest = LONGEST_MINUTES.value
    faults = {
        "limit": not 0 <= limit <= 1_000_000 and "From 0 to 1,000,000.",
        "period_s": not 1 <= period_s <= 3_600 and "From 1 to 3,600 seconds.",
        "minutes": not 1 <= minutes <= longest and f"From 1 to {longest} minutes.",
        "reason": not reason.strip() and "Say why.",
        "path": bool(path)
        and not (path.startswith("/") and "*" not in path[:-1] and path.isprintable())
        and "A path, or the start of one followed by *.",
        "agent": isinstance(whom, Agent)
        and whom.workspace_id != workspace.pk
        and "No agent of this workspace.",
    }
    details = {name: sentence for name, sentence in faults.items() if sentence}
    if details:
        raise Invalid("The limit is not valid.", details=details)


def _ref_of(whom: Agent | User | None) -> str:
    if whom is None:
        return ""
    return f"{'agent' if isinstance(whom, Agent) else 'user'}:{whom.pk}"


def _state(rule: ThrottleRule) -> dict[str, object]:
    return {name: getattr(rule, name) for name in _SHOWN}

"""Whom a thread that is stuck calls: the workspace's rules, and the shipped ones where it keeps
none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import refuse
from controlplane.notify.models import Channel
from controlplane.notify.services.news import To
from controlplane.oncall.duty import on_duty
from missions.threads.models import Thread, ThreadEscalationPolicy
from missions.threads.services.creating import member_of

What = ThreadEscalationPolicy.What
Whom = ThreadEscalationPolicy.Whom
_FALLBACK = "operations_command"
_WEEK = 7 * 24 * 60
# What holds where a workspace says nothing: what, after how many minutes, whom, role, whether a
# work item stands for it.
SHIPPED: tuple[tuple[str, int, str, str, bool], ...] = (
    (What.NO_PROGRESS, 0, Whom.OWNER, "", True),
    (What.LOOP, 0, Whom.OWNER, "", True),
    (What.BLOCKED, 0, Whom.OWNER, "", False),
    (What.BLOCKED, 60, Whom.ROLE, _FALLBACK, False),
    (What.DEAD_WAKE, 0, Whom.OWNER, "", False),
    (What.UNREAD, 120, Whom.OWNER, "", False),
)


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody to be told, so long after it began."""

    to: To
    after_minutes: int
    pages: bool


def rules_for(workspace_id: int, kind: str, what: str) -> list[ThreadEscalationPolicy]:
    """Those of this type of thread, else those of all, else the shipped ones."""
    rows = ThreadEscalationPolicy.objects.kept().select_related("item_owner")
    rows = rows.filter(workspace_id=workspace_id, what=what)
    kept = list(rows.filter(kind__in=["", kind]))
    own = [row for row in kept if row.kind == kind]
    return own or kept or shipped(workspace_id, what)


def shipped(workspace_id: int, what: str = "") -> list[ThreadEscalationPolicy]:
    """As rows that nobody kept."""
    return [
        ThreadEscalationPolicy(
            workspace_id=workspace_id, what=each, after_minutes=after, whom=to, role=role,
            opens_item=opens,
        )
        for each, after, to, role, opens in SHIPPED
        if not what or each == what
    ]  # fmt: skip


def whom(thread: Thread, what: str) -> list[Call]:
    """Who is called about this, each with when. Nobody in sight: whoever leads operations."""
    return [call_of(thread, row) for row in rules_for(thread.workspace_id, thread.kind, what)]


def call_of(thread: Thread, row: ThreadEscalationPolicy) -> Call:
    return Call(_to(thread, row), row.after_minutes, row.pages)


def key_of(row: ThreadEscalationPolicy) -> str:
    """The same rule, told once."""
    return f"{row.after_minutes}:{row.whom}:{row.role}:{row.channel_id or ''}"


def _to(thread: Thread, row: ThreadEscalationPolicy) -> To:
    if row.whom == Whom.CHANNEL:
        return To(channels=[row.channel_id] if row.channel_id is not None else [])
    # Of its own rules a workspace says which channel hears; the shipped ones reach each.
    channels: Sequence[int] | None = None if row._state.adding else ()
    if row.whom == Whom.ROLE:
        return To(roles=[row.role], channels=channels)
    if row.whom == Whom.ON_DUTY:
        found = [one.person.pk for one in on_duty(row.role, workspace=thread.workspace_id)]
        roles = [] if found else [row.role]
        return To(users=found, roles=roles, channels=channels)
    person = thread.escalation_owner_id or thread.owner_id
    if person is None:
        return To(roles=[_FALLBACK], channels=channels)
    return To(users=[person], channels=channels)


# --- Keeping the rules ----------------------------------------------------------------------------


@transaction.atomic
def add_rule(
    workspace: Workspace, *, actor: Actor, what: str, whom: str, kind: str = "",
    after_minutes: int = 0, role: str = "", channel: Channel | None = None, pages: bool = False,
    opens_item: bool = False, item_owner: User | None = None,
) -> ThreadEscalationPolicy:  # fmt: skip
    """From then on the workspace's own rules hold for this, in place of the shipped ones."""
    row = ThreadEscalationPolicy(
        workspace=workspace, what=what, whom=whom, kind=kind, after_minutes=after_minutes,
        role=role if whom in {Whom.ROLE, Whom.ON_DUTY} else "",
        channel=channel if whom == Whom.CHANNEL else None, pages=pages, created_by=actor.ref[:80],
        opens_item=opens_item, item_owner=item_owner if opens_item else None,
    )  # fmt: skip
    policy.require(actor, "thread.policy", row)
    _check(row)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "thread_escalation_once" not in str(error):
            raise
        raise Conflict("There is such a rule already.") from None
    record(actor, "thread.policy", row, after=_said(row))
    return row


@transaction.atomic
def remove_rule(rule: ThreadEscalationPolicy, *, actor: Actor) -> ThreadEscalationPolicy:
    """Where it was the last for this, the shipped ones hold again."""
    policy.require(actor, "thread.policy", rule)
    rows = ThreadEscalationPolicy.objects.select_for_update(of=("self",))
    row: ThreadEscalationPolicy = rows.get(pk=rule.pk)
    if row.removed_at is not None:
        return row
    row.removed_at = clock.now()
    row.version += 1
    row.save(update_fields=["removed_at", "version"])
    record(actor, "thread.policy:off", row, before=_said(row))
    return row


def _check(row: ThreadEscalationPolicy) -> None:
    for field, known in (("what", What.values), ("whom", Whom.values)):
        if getattr(row, field) not in known:
            raise refuse(field, f"One of {', '.join(known)}.")
    if row.kind and row.kind not in Thread.Kind.values:
        raise refuse("kind", f"One of {', '.join(Thread.Kind.values)}, or nothing.")
    if not 0 <= row.after_minutes <= _WEEK:
        raise refuse("after_minutes", f"Between 0 and {_WEEK:,}.")
    if row.what == What.UNREAD and not row.after_minutes:
        raise refuse("after_minutes", "Say after how many minutes unread is too long.")
    if row.whom in {Whom.ROLE, Whom.ON_DUTY} and row.role not in _people():
        raise refuse("role", "Choose a role of people.")
    if row.whom == Whom.CHANNEL and (
        row.channel is None or row.channel.workspace_id != row.workspace_id
    ):
        raise refuse("channel", "Choose a channel of this workspace.")
    member_of(row.item_owner, row.workspace, "item_owner")


def _people() -> Iterable[str]:
    return policy.PEOPLE


def _said(row: ThreadEscalationPolicy) -> dict[str, Any]:
    return {
        "what": row.what, "kind": row.kind, "after_minutes": row.after_minutes, "whom": row.whom,
        "role": row.role, "channel": str(row.channel or ""), "pages": row.pages,
        "opens_item": row.opens_item,
        "item_owner": f"user:{row.item_owner_id}" if row.item_owner_id else "",
    }  # fmt: skip

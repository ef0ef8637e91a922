"""Threads begun and changed, and who takes part in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Agent, User, Workspace
from controlplane.base import refs
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.lib.given import line, refuse
from controlplane.work.models import Item
from missions.threads import fanout, numbers
from missions.threads.drafts import ROLE
from missions.threads.models import Participant, Thread
from missions.threads.services.common import hold, note
from missions.threads.services.sessions import agent_of
from missions.threads.services.walking import say

_ROLE_MOST = 40


@transaction.atomic
def create_thread(
    workspace: Workspace,
    *,
    actor: Actor,
    title: str,
    kind: str = "conversation",
    participants: Iterable[tuple[Agent, str]] = (),
    owner: User | None = None,
    escalation_owner: User | None = None,
    item: Item | None = None,
) -> Thread:
    """Begin a thread. An agent that begins one takes part in it. A participant's role is what
    messages may be addressed to; empty: the agent's own."""
    policy.require(actor, "thread.create", workspace_place(workspace))
    if kind not in Thread.Kind.values:
        raise refuse("type", f"One of {', '.join(Thread.Kind.values)}.")
    if item is not None and item.workspace_id != workspace.pk:
        raise refuse("item", "No such work item in this workspace.")
    wanted = list(participants)
    if actor.kind == "agent" and all(agent.pk != actor.agent_id for agent, _ in wanted):
        wanted.insert(0, (agent_of(actor), ""))
    if not wanted:
        raise refuse("participants", "At least one agent takes part.")
    row = Thread.objects.create(
        workspace=workspace,
        ref=str(refs.allocate(workspace.pk, "THR")),
        title=line("title", title, 200, required=True),
        kind=kind,
        owner=member_of(owner, workspace, "owner"),
        escalation_owner=member_of(escalation_owner, workspace, "escalation_owner"),
        item=item,
        created_by=actor.ref[:80],
    )
    joined = _join(row, wanted, actor)
    note(
        row,
        "thread.create",
        actor=actor,
        after={"title": row.title, "kind": kind, "participants": [str(p.agent) for p in joined]},
    )
    return row


def workspace_place(workspace: Workspace) -> Any:
    """What the policy asks about where there is no row yet."""
    return Thread(workspace=workspace)


def member_of(user: User | None, workspace: Workspace, field: str) -> User | None:
    here = {"workspace": workspace, "left_at": None}
    if user is not None and not user.memberships.filter(**here).exists():
        raise refuse(field, "Not a member of this workspace.")
    return user


def _join(thread: Thread, wanted: list[tuple[Agent, str]], actor: Actor) -> list[Participant]:
    here = Participant.objects.present().filter(thread=thread).count()
    if here + len(wanted) > numbers.PARTICIPANTS_MAX.value:
        raise refuse("participants", f"At most {numbers.PARTICIPANTS_MAX.value} take part.")
    if len({agent.pk for agent, _ in wanted}) < len(wanted):
        raise refuse("participants", "Each agent once.")
    return [_joined(thread, agent, role, actor) for agent, role in wanted]


def _joined(thread: Thread, agent: Agent, role: str, actor: Actor) -> Participant:
    if agent.workspace_id != thread.workspace_id:
        raise refuse("participants", f"{agent.name} belongs to another workspace.")
    if not agent.is_active:
        raise refuse("participants", f"{agent.name} was switched off.")
    row, made = Participant.objects.get_or_create(
        thread=thread,
        agent=agent,
        defaults={"role": _role(role, agent), "added_by": actor.ref[:80]},
    )
    if not made:
        if row.left_at is None:
            raise Conflict(f"{agent.name} takes part already.")
        row.left_at, row.role, row.added_by = None, _role(role, agent), actor.ref[:80]
        row.joined_at = clock.now()
        row.save(update_fields=["left_at", "role", "added_by", "joined_at"])
    return row


def _role(given: str, agent: Agent) -> str:
    text = line("role", given or agent.role or "participant", _ROLE_MOST).lower()
    if not ROLE.fullmatch(text):
        raise refuse("role", "Letters, digits, - and _, and a letter or digit first.")
    return text


@transaction.atomic
def add_participant(thread: Thread, agent: Agent, *, actor: Actor, role: str = "") -> Participant:
    policy.require(actor, "thread.people", thread)
    row = hold(thread)
    if not row.is_open:
        raise InvalidTransition("The thread is closed.", details={"status": row.status})
    joined = _join(row, [(agent, role)], actor)[0]
    note(row, "thread.people:add", actor=actor, after={"agent": str(agent), "role": joined.role})
    say(row, f"{agent.name} takes part now, as {joined.role}.", actor=actor)
    return joined


@transaction.atomic
def remove_participant(
    thread: Thread, agent: Agent, *, actor: Actor, reason: str = ""
) -> Participant:
    """They no longer read, write or are woken there. What they said stays."""
    policy.require(actor, "thread.people", thread)
    row = hold(thread)
    rows = Participant.objects.filter(thread=row, agent=agent, left_at=None)
    gone: Participant | None = rows.first()
    if gone is None:
        raise Conflict(f"{agent.name} takes no part in it.")
    gone.left_at = clock.now()
    gone.save(update_fields=["left_at"])
    note(row, "thread.people:remove", actor=actor, before={"agent": str(agent)}, reason=reason)
    say(row, f"{agent.name} no longer takes part.", actor=actor)
    return gone


_CHANGES: Mapping[str, str] = {"title": "title", "owner": "owner",
                               "escalation_owner": "escalation_owner", "item": "item"}  # fmt: skip


@transaction.atomic
def change_thread(
    thread: Thread,
    *,
    actor: Actor,
    version: int | None = None,
    reason: str = "",
    **given: Any,
) -> Thread:
    """Its title, owner, whom to ask when it is stuck, and its work item."""
    policy.require(actor, "thread.change", thread)
    row = hold(thread)
    if version is not None and version != row.version:
        raise Conflict("Somebody changed it since you looked. Look again.",
                       details={"seen_version": version, "version": row.version})  # fmt: skip
    unknown = sorted(set(given) - _CHANGES.keys())
    if unknown:
        raise refuse(unknown[0], "Can't be changed.")
    new = _checked(row, given)
    before = {name: str(getattr(row, name) or "") for name in new}
    if all(getattr(row, name) == value for name, value in new.items()):
        return row
    for name, value in new.items():
        setattr(row, name, value)
    Thread.objects.filter(pk=row.pk).update(**new, version=F("version") + 1)
    row.refresh_from_db()
    after = {name: str(getattr(row, name) or "") for name in new}
    note(row, "thread.change", actor=actor, before=before, after=after, reason=reason)
    fanout.after_commit(row.uid, row.last_seq, "thread")
    return row


def _checked(row: Thread, given: Mapping[str, Any]) -> dict[str, Any]:
    new = dict(given)
    if "title" in new:
        new["title"] = line("title", new["title"], 200, required=True)
    for name in ("owner", "escalation_owner"):
        if new.get(name) is not None:
            member_of(new[name], row.workspace, name)
    item = new.get("item")
    if item is not None and item.workspace_id != row.workspace_id:
        raise refuse("item", "No such work item in this workspace.")
    return new

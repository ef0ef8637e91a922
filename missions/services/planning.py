"""Missions made, found and changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Agent, User, Workspace
from controlplane.audit.refs import subject_ref
from controlplane.base import refs
from controlplane.base.states import plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.work import services as work
from controlplane.work.models import Item
from missions import stages
from missions.models import Brief, Mission
from missions.services import reading
from missions.services.briefs import put_fields, wrote
from missions.services.checkpoints import packet_moved
from missions.services.holding import brief_of, hold, require_status
from missions.services.noting import PORTAL, emit, note, tell
from missions.services.safeguards import standing_acks

_READ: dict[str, Callable[[Any], Any]] = {
    "title": lambda value: reading.kept_line("title", value, 200, required=True),
    "intent": lambda value: reading.kept("intent", value),
    "mission_type": reading.mission_type,
    "persona": lambda value: reading.kept_line("persona", value, 100),
    "priority": reading.priority,
    "tags": reading.tags,
    "due_on": lambda value: reading.day("due_on", value),
    "owner": lambda value: value,
}
FIELDS = frozenset(_READ)
# What is signed at the end of Define: to change it the brief is opened again.
SIGNED = frozenset({"title", "intent", "mission_type", "persona", "due_on"})
OPEN = ("draft", "active", "paused")


class Ensured(NamedTuple):
    mission: Mission
    created: bool


@transaction.atomic
def create_mission(
    workspace: Workspace,
    *,
    actor: Actor,
    title: str,
    owner: User | None = None,
    external_ref: str = "",
    source: str = "console",
    brief: dict[str, Any] | None = None,
    item: Item | None = None,
    **given: Any,
) -> Mission:
    """A draft with its brief and its work item. Without an owner it is whoever makes it; of an
    agent, whoever answers for that."""
    policy.require(actor, "mission.create", workspace)
    values = read_fields({"title": title, **given})
    if item is not None and item.workspace_id != workspace.pk:
        raise reading.refuse("item", "It belongs to another workspace.")
    row = Mission(
        workspace=workspace,
        owner=owner_for(workspace, owner, actor),
        external_ref=reading.line("external_ref", external_ref, 200),
        source=reading.choice("source", source, ("console", "api", "desk")),
        created_by=actor.ref[:80],
        **values,
    )
    insert(row)
    made = Brief.objects.create(mission=row)
    put_fields(made, brief or {}, actor=actor)
    row.item = item or open_item(row, actor=actor)
    Mission.objects.filter(pk=row.pk).update(item=row.item)
    note(
        row,
        "mission.create",
        actor=actor,
        said=f"{row.ref} is planned: {row.title}",
        after={name: plain(value) for name, value in values.items()} | {"owner": row.owner_id},
    )
    emit(row, "created")
    tell(row, "mission_created", {"source": row.source}, actor=actor)
    _tell_intent(row, actor)
    return row


def _tell_intent(row: Mission, actor: Actor) -> None:
    if row.intent:
        said = {"intent_length": len(row.intent), "source": "freeform"}
        tell(row, "intent_submitted", said, actor=actor)


def insert(row: Mission) -> None:
    row.ref = str(refs.allocate(row.workspace_id, "MSN"))
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "mission_external_ref_once" not in str(error):
            raise
        raise Conflict(
            f"There is a mission {row.external_ref} already.",
            details={"external_ref": "Taken. Ask for that one."},
        ) from None


def owner_for(workspace: Workspace, owner: User | None, actor: Actor) -> User:
    if owner is None and actor.kind == "person" and actor.user_id is not None:
        owner = User.objects.filter(pk=actor.user_id).first()
    if owner is None and actor.kind == "agent" and actor.agent_id is not None:
        agent = Agent.objects.filter(pk=actor.agent_id).select_related("owner").first()
        owner = agent.owner if agent is not None else None
    if owner is None:
        raise reading.refuse("owner", "Name who answers for it.")
    return reading.owner(workspace.pk, owner)


def open_item(row: Mission, *, actor: Actor) -> Item:
    """The work item that stands for the mission among everything else people do."""
    project = work.ensure_operations_project(row.workspace, actor=PORTAL)
    by = actor if policy.can(actor, "work.create", project) else PORTAL
    return work.open_item(
        project,
        subject=subject_ref(row),
        actor=by,
        title=row.title,
        item_type="mission",
        priority=row.priority,
        labels=["mission"],
        description=row.intent,
    )


def read_fields(given: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - FIELDS)
    if unknown:
        raise reading.refuse(unknown[0], "A mission has no such field.")
    return {name: _READ[name](value) for name, value in given.items()}


@transaction.atomic
def ensure_mission(
    workspace: Workspace, *, actor: Actor, external_ref: str, **given: Any
) -> Ensured:
    """The mission of this outside reference, or a new one, however often and by whomever asked."""
    policy.require(actor, "mission.create", workspace)
    name = reading.line("external_ref", external_ref, 200, required=True)
    found = find(workspace, name)
    if found is not None:
        return Ensured(found, created=False)
    try:
        with transaction.atomic():
            made = create_mission(workspace, actor=actor, external_ref=name, **given)
    except Conflict:
        found = find(workspace, name)  # somebody was quicker
        if found is None:
            raise
        return Ensured(found, created=False)
    return Ensured(made, created=True)


def find(workspace: Workspace, external_ref: str) -> Mission | None:
    rows = Mission.objects.of(workspace).select_related("workspace", "item", "owner")
    found: Mission | None = rows.filter(external_ref=external_ref).first()
    return found


def _not_who_validated(row: Mission, owner: User) -> None:
    """The two who know the safeguards stay two, as long as that counts."""
    known = standing_acks(row).get("gv") if row.stage == stages.FIRST else None
    if known is not None and known.person_id == owner.pk:
        raise reading.refuse(
            "owner", "They acknowledged its safeguards as Governance Validator: somebody else."
        )


@transaction.atomic
def change_mission(
    mission: Mission, *, actor: Actor, version: int | None = None, reason: str = "", **given: Any
) -> Mission:
    """Say what it is. What is signed in Define changes only while its brief is open."""
    policy.require(actor, "mission.change", mission)
    row = hold(mission, version=version)
    require_status(row, *OPEN)
    values = read_fields(given)
    if "owner" in values:
        values["owner"] = reading.owner(row.workspace_id, values["owner"])
    values = {name: value for name, value in values.items() if getattr(row, name) != value}
    if "owner" in values:
        _not_who_validated(row, values["owner"])
    if not values:
        return row
    signed = sorted(set(values) & SIGNED)
    if signed and brief_of(row).is_locked:
        raise InvalidTransition(
            f"{row.ref} is locked with its brief: open that first.",
            details=dict.fromkeys(signed, "Signed with the brief."),
        )
    before, owner = {name: plain(getattr(row, name)) for name in values}, f"user:{row.owner_id}"
    new = {**values, "changed_at": clock.now()}
    Mission.objects.filter(pk=row.pk).update(**new, version=F("version") + 1)
    for name, value in new.items():
        setattr(row, name, value)
    row.version += 1
    if signed or "owner" in values:
        wrote(row, actor=actor, owner_before=owner)
    note(
        row,
        "mission.change",
        actor=actor,
        before=before,
        after={name: plain(value) for name, value in values.items()},
        reason=reading.kept_line("reason", reason, reading.REASON),
    )
    if "intent" in values:
        _tell_intent(row, actor)
    packet_moved(row, actor=actor, why="The mission was changed.")
    return row

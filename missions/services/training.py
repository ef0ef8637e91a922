"""The training backlog: what people and agents of a role should learn, by whom and until when."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.access.role_table import ROLES
from controlplane.audit.services import record
from controlplane.base.states import advance, plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from missions.models import Mission, TrainingItem
from missions.services import reading
from missions.services.checkpoints import packet_moved
from missions.services.holding import hold

Status = TrainingItem.Status
MOVES = ("in_progress", "done", "dropped", "open")


@transaction.atomic
def add_training(
    workspace: Workspace,
    *,
    actor: Actor,
    title: str,
    role: str,
    detail: str = "",
    mission: Mission | None = None,
    owner: User | None = None,
    due_on: date | None = None,
) -> TrainingItem:
    """Something to learn, from a mission or because somebody saw the need."""
    policy.require(actor, "mission.training", workspace)
    values = _read(
        workspace.pk, {"title": title, "role": role, "detail": detail, "owner": owner,
                       "due_on": due_on}
    )  # fmt: skip
    if mission is not None:
        if mission.workspace_id != workspace.pk:
            raise reading.refuse("mission", "It belongs to another workspace.")
        mission = hold(mission)
    made = TrainingItem.objects.create(
        workspace=workspace, mission=mission, created_by=actor.ref[:80], **values
    )
    record(
        actor,
        "mission.training",
        made,
        after={name: plain(value) for name, value in values.items()},
        details={"transition": "-> added"},
    )
    if mission is not None:
        packet_moved(mission, actor=actor, why="The training backlog of the mission was changed.")
    return made


def _read(workspace_id: int, given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name == "title":
            found[name] = reading.kept_line(name, value, 200, required=True)
        elif name == "detail":
            found[name] = reading.kept(name, value, 4_000)
        elif name == "role":
            found[name] = reading.choice(name, value, ROLES)
        elif name == "owner":
            found[name] = None if value is None else reading.owner(workspace_id, value)
        elif name == "due_on":
            found[name] = reading.day(name, value)
        else:
            raise reading.refuse(name, "A training item has no such field.")
    return found


def _hold(item: TrainingItem, version: int | None) -> TrainingItem:
    rows = TrainingItem.objects.select_for_update(of=("self",), no_key=True)
    row: TrainingItem = rows.select_related("workspace", "mission", "owner").get(pk=item.pk)
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    return row


@transaction.atomic
def change_training(
    item: TrainingItem, *, actor: Actor, version: int | None = None, **given: Any
) -> TrainingItem:
    """Say what it is, who sees to it, until when."""
    policy.require(actor, "mission.training", item)
    row = _hold(item, version)  # before its mission: a form holds it already
    mission = hold(row.mission) if row.mission is not None else None
    values = _read(row.workspace_id, given)
    values = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not values:
        return row
    if not row.is_open:
        raise InvalidTransition(
            "It is closed: open it again first.", details={"status": row.status}
        )
    if row.status == Status.IN_PROGRESS:
        for name in ("owner", "due_on"):
            if name in values and values[name] is None:
                raise reading.refuse(name, "It has begun: somebody sees to it until a day.")
    before = {name: plain(getattr(row, name)) for name in values}
    new = {**values, "changed_at": clock.now()}
    TrainingItem.objects.filter(pk=row.pk).update(**new, version=F("version") + 1)
    for name, value in new.items():
        setattr(row, name, value)
    row.version += 1
    record(
        actor,
        "mission.training",
        row,
        before=before,
        after={name: plain(value) for name, value in values.items()},
        details={"transition": "-> changed"},
    )
    if mission is not None and "title" in values:
        packet_moved(mission, actor=actor, why="The training backlog of the mission was changed.")
    return row


@transaction.atomic
def move_training(
    item: TrainingItem, to: str, *, actor: Actor, reason: str = "", version: int | None = None
) -> TrainingItem:
    """Begin it, finish it, drop it with a reason, open it again. There already, it stays."""
    policy.require(actor, "mission.training", item)
    wanted = reading.choice("status", to, MOVES)
    row = _hold(item, version)
    if row.status == wanted:
        return row
    why = reading.kept_line("reason", reason, reading.REASON, required=wanted == Status.DROPPED)
    changes: dict[str, Any] = {"changed_at": clock.now(), "reason": why}
    if wanted == Status.IN_PROGRESS:
        for name, words in (("owner", "Who sees to it?"), ("due_on", "Until when?")):
            if getattr(row, name) is None:
                raise reading.refuse(name, words)
    changes["closed_at"] = clock.now() if wanted in {Status.DONE, Status.DROPPED} else None
    return advance(row, wanted, actor=actor, reason=why, changes=changes)

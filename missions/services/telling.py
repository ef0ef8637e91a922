"""Who is told what becomes of a mission. News are rows, written with the change; sending is the
outbox's. Whoever did it knows already."""

from __future__ import annotations

from controlplane.audit.refs import subject_ref
from controlplane.lib.actors import Actor
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from missions import links, stages
from missions.models import Mission

wording.register(
    "mission.event",
    "A mission came to another state",
    subject="{ref} {what}: {title}",
    body="{why}",
)

_WHAT = {
    "paused": "is paused",
    "completed": "is completed",
    "cancelled": "is cancelled",
    "failed": "is given up",
}
# Who watches over what runs hears of it when it stops.
_ROLES = {"paused": (stages.kinds.OPERATIONS,), "failed": (stages.kinds.OPERATIONS,)}


def tell_status(mission: Mission, actor: Actor, why: str) -> None:
    what = _WHAT.get(mission.status)
    if what is not None:
        _send(mission, actor, what, why, _ROLES.get(mission.status, ()))


def tell_back(mission: Mission, actor: Actor, why: str) -> None:
    _send(mission, actor, f"goes back to {stages.get(mission.stage).label}", why)


def _send(mission: Mission, actor: Actor, what: str, why: str, roles: tuple[str, ...] = ()) -> None:
    users = [mission.owner_id] if mission.owner_id != actor.user_id else []
    if not users and not roles:
        return
    notify(
        workspace_id=mission.workspace_id,
        kind="mission.event",
        to=To(users=users, roles=list(roles), channels=()),
        key=f"mission:{mission.uid}:{mission.version}",
        values={"ref": mission.ref, "title": mission.title, "what": what, "why": why},
        link=links.page_of(mission),
        about=subject_ref(mission),
    )

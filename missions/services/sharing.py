"""Missions shown to people of other houses, one by one."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from controlplane.access import policy
from controlplane.access.models import Grant, User, Workspace
from controlplane.access.role_table import OUTSIDE
from controlplane.audit.refs import subject_ref
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from missions import links
from missions.models import Mission, MissionShare
from missions.services import reading
from missions.services.holding import hold
from missions.services.noting import note

MOST = 50
_ACTION = "mission.share"
wording.register(
    "mission.shared",
    "A mission is shown to you",
    subject="{ref} is shown to you: {title}",
    body="{why}",
)


def guests_of(workspace: Workspace) -> QuerySet[User]:
    """Everybody of another house who has a role here, by name."""
    held = Grant.objects.held().of_active_people().filter(membership__workspace=workspace)
    own = held.exclude(role__in=OUTSIDE).values("membership__user_id")
    guests = held.filter(role__in=OUTSIDE).exclude(membership__user_id__in=own)
    return User.objects.filter(pk__in=guests.values("membership__user_id")).order_by(
        "name", "email"
    )


@transaction.atomic
def share_mission(
    mission: Mission, person: User | Any, *, actor: Actor, reason: str
) -> MissionShare:
    """From now on they read it on the desk, and of its evidence what may leave the house. Shown
    already, it stays as it is."""
    policy.require(actor, _ACTION, mission)
    why = reading.reason(reason)
    reader = reading.owner(mission.workspace_id, person)
    if not guests_of(mission.workspace).filter(pk=reader.pk).exists():
        raise reading.refuse("person", "They are of this house: they see every mission.")
    row = hold(mission)
    standing = MissionShare.objects.standing().filter(mission=row)
    there: MissionShare | None = standing.filter(person=reader).first()
    if there is not None:
        return there
    if standing.count() >= MOST:
        raise reading.refuse("person", f"At most {MOST} at once.")
    made = MissionShare.objects.create(
        mission=row, person=reader, reason=why, shared_by=actor.ref[:80]
    )
    note(row, _ACTION, actor=actor, after={"shown_to": f"user:{reader.pk}"}, reason=why,
         details={"transition": "-> on"})  # fmt: skip
    notify(
        workspace_id=row.workspace_id,
        kind="mission.shared",
        to=To(users=[reader.pk], channels=()),
        key=f"mission-shared:{made.uid}",
        values={"ref": row.ref, "title": row.title, "why": why},
        link=links.page_of(row),
        about=subject_ref(row),
    )
    return made


@transaction.atomic
def end_share(share: MissionShare, *, actor: Actor, reason: str) -> MissionShare:
    """They see it no longer. Ended already, it stays as it is."""
    policy.require(actor, _ACTION, share.mission)
    why = reading.reason(reason)
    mission = hold(share.mission)
    rows = MissionShare.objects.select_for_update(of=("self",))
    row: MissionShare = rows.select_related("person").get(pk=share.pk)
    row.mission = mission
    if row.ended_at is not None:
        return row
    row.ended_at, row.ended_by, row.end_reason = clock.now(), actor.ref[:80], why
    row.save(update_fields=["ended_at", "ended_by", "end_reason"])
    note(mission, _ACTION, actor=actor, before={"shown_to": f"user:{row.person_id}"},
         after={"shown_to": ""}, reason=why, details={"transition": "-> off"})  # fmt: skip
    return row

"""What waits for one person: shifts they are asked to take or asked for, notes to read or write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.lib.actors import Actor
from controlplane.oncall.links import request_url
from controlplane.oncall.models import HandoffNote, SwapRequest
from controlplane.oncall.services.overrides import serving_many
from controlplane.oncall.walls import local_of, zone_of

MOST = 10


@dataclass(frozen=True, slots=True)
class Asked:
    one: SwapRequest
    who: str
    whom: str
    span: str
    mine: bool
    by_name: bool
    url: str


def asked(actor: Actor, workspace_id: int | None, zone: str) -> Sequence[Asked]:
    """Open ones this person may take, and their own."""
    me = actor.user_id or 0
    rows = SwapRequest.objects.visible_to(actor).select_related("schedule", "asker", "asked")
    if workspace_id is not None:
        rows = rows.of(workspace_id)
    own = list(rows.open().filter(asker=me).order_by("starts")[:MOST])
    others = list(rows.for_person(me).order_by("starts")[: 3 * MOST])
    among = serving_many([one.schedule for one in others if one.asked_id is None])
    for_me = [one for one in others if one.asked_id == me or me in among.get(one.schedule_id, ())][
        :MOST
    ]
    return [_told(one, me, zone) for one in [*for_me, *own]]


def _told(one: SwapRequest, me: int, zone: str) -> Asked:
    where = zone_of(zone)
    starts, ends = (f"{local_of(at, where):%a %d %b %H:%M}" for at in (one.starts, one.ends))
    named = "you" if one.asked_id == me else ""
    if one.asked is not None and not named:
        named = one.asked.name or one.asked.email
    return Asked(
        one=one,
        who=one.asker.name or one.asker.email,
        whom=named or "whoever is on call",
        span=f"{starts} to {ends}",
        mine=one.asker_id == me,
        by_name=one.asked_id == me,
        url=request_url(one),
    )


def to_read(actor: Actor, workspace_id: int | None) -> Any:
    return _notes(actor, workspace_id).to_read(actor.user_id or 0).order_by("-handed_at")[:MOST]


def to_write(actor: Actor, workspace_id: int | None) -> Any:
    """Those of the last days: what nobody wrote for a month nobody will."""
    return _notes(actor, workspace_id).to_write(actor.user_id or 0).order_by("-handed_at")[:MOST]


def _notes(actor: Actor, workspace_id: int | None) -> Any:
    rows = HandoffNote.objects.visible_to(actor).select_related("schedule", "person")
    return rows if workspace_id is None else rows.of(workspace_id)

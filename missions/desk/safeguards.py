"""A mission's safeguards on the desk: decided one by one or together, and known by two people. The
same decisions as in the console, with the rest of what is signed beside them."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.approvals import packets as canonical
from controlplane.approvals.desk.frame import page, show
from controlplane.approvals.links import DESK
from controlplane.approvals.shown import packet as packet_read
from controlplane.approvals.shown import people
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from missions import packets, stages
from missions.desk.asking import mission_of
from missions.desk.reading import reads_packets
from missions.desk.sections import sections
from missions.desk.terms import of_mission
from missions.gates.looking import Look
from missions.models import Mission, Safeguard
from missions.services.safeguards import slot_of, standing_acks
from missions.shown import guard_safeguards
from missions.web.guarding import SAFEGUARDS, carry_out

_SETTLES = frozenset({stages.kinds.OWNER, stages.kinds.VALIDATOR})
_PLAIN = frozenset({"accept", "accept_all", "acknowledge"})
_MOST = 10


def url_of(mission: Mission) -> str:
    return reverse("mission_desk:safeguards", args=(mission.uid,))


@require_http_methods(["GET", "HEAD", "POST"])
@page
def safeguards(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    row = _mission_of(actor, uid)
    tried, status = None, 200
    if request.method == "POST":
        done = carry_out(request, row, SAFEGUARDS, actor)
        if done.error is None:
            messages.success(request, done.said)
            return HttpResponseRedirect(url_of(row) + done.place)
        tried, status = done.tried, done.error.status
        row = _mission_of(actor, uid)
    look = Look(row)
    asked = look.approval
    context = {
        "title": "Safeguards",
        "mission": row,
        "asked": asked if asked is not None and asked.is_open else None,
        "asked_url": DESK.url("packet", asked) if asked is not None else "",
        **_around(look),
        "error": tried.message if tried is not None else "",
        # Beside the fields where there are some.
        "above": tried is not None and tried.do in _PLAIN,
        **guard_safeguards.page(row, actor, tried),
    }
    return show(request, "missions/safeguards.html", context, status=status)


def _mission_of(actor: Actor, uid: uuid.UUID) -> Mission:
    """What is signed is read by those who sign it: to a guest who doesn't, it is not there."""
    row = mission_of(actor, uid)
    policy.require(actor, "mission.view", row)
    if not reads_packets(actor, row, Look(row)):
        raise NotFound("No such mission.")
    return row


def _around(look: Look) -> dict[str, Any]:
    """What else is signed at the checkpoint they belong to, as it stands now."""
    if look.visit is None:
        return {}
    packet = {**packets.packet_of(look.visit), "safeguards": None}
    text = canonical.clean(packet)
    return {
        "checkpoint": look.visit.definition.checkpoint.label,
        "around": packet_read.read(packet, sections(), of_mission(look.mission, True)).sections,
        "people": people.names_of(text, look.mission.workspace_id),
    }


# --- What the inbox says ------------------------------------------------------------------------


def to_settle(actor: Actor, workspace_id: int | None) -> list[tuple[str, str, str]]:
    """Missions in Define whose safeguards this person decides, or has not said they know."""
    places = [
        each for each in actor.workspace_ids
        if actor.roles_in(each) & _SETTLES and workspace_id in {None, each}
    ]  # fmt: skip
    rows = Mission.objects.visible_to(actor).filter(
        workspace__in=places, stage=stages.FIRST, status__in=("active", "paused"),
        safeguards__isnull=False,
    )  # fmt: skip
    undecided = Count("safeguards", filter=Q(safeguards__status=Safeguard.Status.SUGGESTED))
    rows = rows.select_related("workspace").annotate(undecided=undecided).order_by("pk")
    found: list[tuple[str, str, str]] = []
    for row in rows[: 5 * _MOST]:
        if len(found) == _MOST:
            break
        if note := _waits(row, actor):
            found.append((f"{row.ref} {row.title}", url_of(row), note))
    return found


def _waits(row: Any, actor: Actor) -> str:
    """In words, or nothing: a draft's owner decides, and a validator; both say that they know."""
    slot = slot_of(actor, row)
    if not slot or not policy.can(actor, "mission.safeguards", row):
        return ""
    if slot == "mo" and row.owner_id != actor.user_id:
        return ""  # another owner's
    if row.undecided:
        return f"{row.undecided} to decide"
    acks: dict[str, Any] = standing_acks(row)
    if slot in acks or any(each.person_id == actor.user_id for each in acks.values()):
        return ""
    return "Decided: say that you know them"

"""Missions paused for an incident: by type, by toolkit, or all of the workspace. However many they
are, they come in small transactions, and what was paused is kept by name, to go on later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, NotFound
from controlplane.lib.given import line, refuse
from incidents import links
from incidents.models import Incident
from incidents.response.kinds import Ask, Came, Kind, Made, register
from missions.models import Mission, MissionToolkit
from missions.services.pausing import pause_mission, resume_mission

EACH = 50
ALL = "all"
_TOLD = 20


def meant(workspace_id: int, target: str) -> QuerySet[Any]:
    """Missions at work that a target names."""
    rows: QuerySet[Any] = Mission.objects.of(workspace_id).filter(status=Mission.Status.ACTIVE)
    kind, _, name = target.partition(":")
    if kind == "type":
        return rows.filter(mission_type=name)
    if kind == "toolkit":
        used = MissionToolkit.objects.filter(integration__slug__iexact=name).exclude(
            status=MissionToolkit.Status.DROPPED
        )
        return rows.filter(pk__in=used.values("mission"))
    return rows


def _read(
    incident: Incident, target: str, given: Mapping[str, Any], actor: Actor
) -> tuple[str, Made]:
    """`all`, `type:outreach` or `toolkit:mail`."""
    wanted = line("target", target, 200, required=True)
    kind, _, name = wanted.partition(":")
    if wanted != ALL and (kind not in {"type", "toolkit"} or not name):
        raise refuse("target", "all, type:… or toolkit:….")
    policy.require(actor, "mission.pause", Mission(workspace=incident.workspace))
    if wanted != ALL and not meant(incident.workspace_id, wanted).exists():
        raise NotFound(f"No mission at work is of {kind} {name}.")
    return wanted, {}


def _pause(ask: Ask, actor: Actor) -> Came:
    after = int(ask.made.get("cursor", 0))
    rows = meant(ask.incident.workspace_id, ask.target).filter(pk__gt=after).order_by("pk")
    found = list(rows[:EACH])
    paused, refused = list(ask.made.get("missions", [])), list(ask.made.get("refused", []))
    for mission in found:
        try:
            with transaction.atomic():
                pause_mission(mission, actor=actor, reason=ask.why)
        except ControlPlaneError as error:
            refused.append(f"{mission.ref}: {error.message}"[:120])
        else:
            paused.append(mission.ref)
    made = {"missions": paused, "refused": refused[:_TOLD], "not": len(refused)}
    if len(found) == EACH:
        return Came("", {**made, "cursor": found[-1].pk}, more=True)
    if refused and not paused:
        raise Conflict(_said(paused, refused, "paused"))
    page = links.listing(Mission, status="paused")
    return Came(_said(paused, refused, "paused"), {**made, "page": page})


def _resume(ask: Ask, actor: Actor) -> Came:
    """Those that it paused, and that are paused still."""
    refs, after = list(ask.made.get("missions", [])), int(ask.made.get("cursor", 0))
    again, refused = list(ask.made.get("again", [])), list(ask.made.get("refused_again", []))
    now = refs[after : after + EACH]
    rows = Mission.objects.of(ask.incident.workspace_id).filter(ref__in=now)
    for mission in rows.filter(status=Mission.Status.PAUSED).order_by("pk"):
        try:
            with transaction.atomic():
                resume_mission(mission, actor=actor, reason=ask.why)
        except ControlPlaneError as error:
            refused.append(f"{mission.ref}: {error.message}"[:120])
        else:
            again.append(mission.ref)
    made = {"missions": refs, "again": again, "refused_again": refused[:_TOLD]}
    if refused and not again and after + EACH >= len(refs):
        raise Conflict(_said(again, refused, "go on"))
    if after + EACH < len(refs):
        return Came("", {**made, "cursor": after + EACH}, more=True)
    return Came(_said(again, refused, "go on"), made)


def _said(done: list[str], refused: list[str], how: str) -> str:
    noun = "mission" if len(done) == 1 else "missions"
    told = f"{len(done):,} {noun} {how}"
    if how == "paused":
        told = f"{len(done):,} {noun} paused"
    if refused:
        told += f"; {len(refused):,} refused, as {refused[0]}"
    return f"{told}."[:500]


register(Kind("pause_missions", "Pause missions", "paused missions:", "mission.pause",
              _read, _pause, _resume, "Let them go on", icon="pause"))  # fmt: skip

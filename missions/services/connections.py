"""Authorizations of a mission's toolkits: begun, granted, looked at again, ended. No token ever
comes here: whoever holds it tells what it may do."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.refs import subject_ref
from controlplane.base import cache, signals
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, InvalidTransition
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from controlplane.work.services import graph
from missions import guarding, links
from missions.models import Mission, MissionToolkit, ToolkitConnection
from missions.services import findings, given, reading, toolkits
from missions.services.checkpoints import go_on_if_signed, packet_moved
from missions.services.holding import hold, require_status
from missions.services.noting import PORTAL, note, tell
from missions.services.pausing import pause_mission

DRIFT = "mission.oauth_drift"
_ENDED = ("expired", "revoked", "failed")
wording.register(
    "mission.verify",
    "Scopes of a mission were not verified",
    subject="{ref} {title}: {toolkit} was not verified for {hours} hours",
    body="The inspector asks its provider what the connection may do, and reports it.",
)


# --- Beginning ----------------------------------------------------------------------------------


@transaction.atomic
def begin_connection(
    toolkit: MissionToolkit, *, actor: Actor, link_id: str, requested_scopes: Any = None
) -> ToolkitConnection:
    """Send somebody to the provider's page, for no more than was approved. The same link is the
    same attempt; one that stands makes a second one pointless."""
    policy.require(actor, "mission.connect", toolkit)
    link = given.name("link_id", link_id)
    wanted = given.scopes("requested_scopes", requested_scopes) if requested_scopes else None
    mission = hold(toolkit.mission)
    require_status(mission, "active", "paused")
    row = toolkits.again(toolkit, mission)
    there: ToolkitConnection | None = row.connections.filter(link_id=link).first()
    if there is not None:
        return there
    if row.status != MissionToolkit.Status.APPROVED:
        raise InvalidTransition(
            "Operations Command approves its scopes first.", details={"status": row.status}
        )
    beyond = sorted(set(wanted or ()) - set(row.approved_scopes))
    if beyond:
        raise reading.refuse("requested_scopes", f"Not approved: {', '.join(beyond)[:200]}.")
    live = row.connections.live().first()
    if live is not None and live.status == "initiated":
        raise Conflict("An authorization is under way: wait for it, or end it first.")
    if live is not None:
        _end(live, "revoked", actor, "Another authorization takes its place.")
    made = ToolkitConnection.objects.create(
        toolkit=row, link_id=link, initiated_by=actor.ref[:80],
        requested_scopes=wanted or row.approved_scopes,
    )  # fmt: skip
    _note(row, made, actor, "initiated")
    return made


@transaction.atomic
def complete_connection(
    connection: ToolkitConnection,
    *,
    actor: Actor,
    granted_scopes: Any,
    expires_at: datetime | None = None,
    version: int | None = None,
) -> ToolkitConnection:
    """It was granted. What was not looked at read-only before is not connected; what is held
    beyond what was approved is drift, from the first moment on."""
    policy.require(actor, "mission.connect", connection)
    granted = given.scopes("granted_scopes", granted_scopes)
    until = given.ahead("expires_at", expires_at)
    if not granted:
        raise reading.refuse("granted_scopes", "At least one. With none it failed: say so.")
    graph.lock(connection.workspace_id)  # drift may make an item
    mission = hold(connection.toolkit.mission)
    require_status(mission, "active", "paused")
    row = again(connection, mission, version)
    if row.status == ToolkitConnection.Status.APPROVED and row.granted_scopes == granted:
        return row
    _require_inspected(row.toolkit)
    now = clock.now()
    beyond = _beyond(row.toolkit, granted)
    changes: Any = {
        "granted_scopes": granted, "connected_at": now, "expires_at": until, "verified_at": now,
        "verified_by": actor.ref[:80], "drift": beyond, "drift_at": now if beyond else None,
    }  # fmt: skip
    advance(row, "approved", actor=actor, changes=changes)
    _note(row.toolkit, row, actor, "connected", scopes=granted)
    took = (now - row.initiated_at).total_seconds() * 1000
    said = {
        "toolkit_slug": row.toolkit.integration.slug, "scopes_granted": granted,
        "connector_latency_ms": max(round(took), 0),
    }  # fmt: skip
    tell(mission, "toolkit_connected", said, actor=actor)
    _drifted(row, actor)
    packet_moved(mission, actor=actor, why=f"{row.toolkit} was connected.")
    go_on_if_signed(mission)
    return row


def _require_inspected(toolkit: MissionToolkit) -> None:
    if toolkit.status != MissionToolkit.Status.APPROVED:
        raise InvalidTransition("Its scopes are not approved any more.")
    last = toolkit.inspections.read_only().order_by("-inspected_at", "-pk").first()
    if last is None:
        said = f"{toolkit} was not inspected read-only yet. The inspector looks first."
        raise GateNotMet(said, details={"conditions": [said]})
    if last.result == "fail":
        said = f"The last inspection of {toolkit} failed. The inspector looks again."
        raise GateNotMet(said, details={"conditions": [said]})
    if toolkit.widened_at is not None and last.inspected_at < toolkit.widened_at:
        said = f"More was asked for of {toolkit} since it was inspected. The inspector looks again."
        raise GateNotMet(said, details={"conditions": [said]})
    if last.inspected_at < clock.now() - timedelta(days=guarding.INSPECTION_DAYS.value):
        days = f"{guarding.INSPECTION_DAYS.value:g}"
        said = f"{toolkit} was not inspected for {days} days. The inspector looks again."
        raise GateNotMet(said, details={"conditions": [said]})


def again(
    connection: ToolkitConnection, mission: Mission, version: int | None = None
) -> ToolkitConnection:
    rows = ToolkitConnection.objects.select_related("toolkit__integration")
    row: ToolkitConnection = rows.get(pk=connection.pk)
    row.toolkit.mission = mission
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    return row


# --- Looking again ------------------------------------------------------------------------------


@transaction.atomic
def verify_connection(
    connection: ToolkitConnection,
    *,
    actor: Actor,
    granted_scopes: Any,
    expires_at: datetime | None = None,
) -> ToolkitConnection:
    """What it may do now, as its provider tells. More than was approved is drift: a finding, and
    news for the packages above; when it is gone again, the finding is resolved by that."""
    policy.require(actor, "mission.connect", connection)
    granted = given.scopes("granted_scopes", granted_scopes)
    until = given.ahead("expires_at", expires_at)
    if not granted:
        raise reading.refuse("granted_scopes", "At least one. Holding none, it is revoked: say so.")
    graph.lock(connection.workspace_id)
    mission = hold(connection.toolkit.mission)
    row = again(connection, mission)
    if row.status != ToolkitConnection.Status.APPROVED:
        raise InvalidTransition(
            f"It is {row.get_status_display().lower()}.", details={"status": row.status}
        )
    changed = sorted(granted) != sorted(row.granted_scopes)
    _looked(row, granted, actor)
    if until is not None:
        row.expires_at = until
    row.save(update_fields=[*_LOOKED, "expires_at"])
    if changed:
        _note(row.toolkit, row, actor, "scopes", scopes=granted)
        packet_moved(mission, actor=actor, why=f"{row.toolkit} holds other scopes.")
    if not row.drift:
        toolkits.tell_scopes(row.toolkit, granted, actor)
    _drifted(row, actor)
    go_on_if_signed(mission)
    return row


_LOOKED = ("granted_scopes", "verified_at", "verified_by", "drift", "drift_at", "version")


def _looked(row: ToolkitConnection, granted: list[str], actor: Actor) -> None:
    now = clock.now()
    beyond = _beyond(row.toolkit, granted)
    row.granted_scopes, row.verified_at, row.verified_by = granted, now, actor.ref[:80]
    row.drift_at = (row.drift_at if beyond == row.drift else now) if beyond else None
    row.drift, row.version = beyond, row.version + 1


def _beyond(toolkit: MissionToolkit, granted: list[str]) -> list[str]:
    return sorted(set(granted) - set(toolkit.approved_scopes))


def _drifted(row: ToolkitConnection, actor: Actor) -> None:
    """Callers hold the graph of work and the mission."""
    if not row.drift:
        _drift_gone(row, actor)
        return
    toolkit, mission = row.toolkit, row.toolkit.mission
    grave = mission.stage == "execute_observe" or mission.status not in {"active", "paused"}
    if mission.findings.filter(external_id__startswith=_episode(row), status="resolved").exists():
        # Somebody said that it was put right, and it holds too much still: that is told again.
        row.drift_at = clock.now()
        row.save(update_fields=["drift_at"])
    name = f"{_episode(row)}:grave"
    grave = grave or mission.findings.filter(external_id=name).exists()
    name = name if grave else _episode(row)
    severity = "high" if grave else "medium"
    message = f"{toolkit} holds more than was approved: {', '.join(row.drift)}."
    if mission.status != Mission.Status.DRAFT:
        findings.report_finding(
            mission, actor=PORTAL, external_id=name, phase="run", result="failed",
            severity=severity, toolkit=toolkit.integration.slug[:60], message=message[:4_000],
        )  # fmt: skip
    payload = {
        "mission": str(mission.uid), "ref": mission.ref, "toolkit": toolkit.integration.slug,
        "beyond": row.drift, "approved": toolkit.approved_scopes, "severity": severity,
        "seen_by": actor.ref, "link": links.toolkits_of(mission),
    }  # fmt: skip
    signals.emit(DRIFT, key=name, payload=payload, workspace_id=mission.workspace_id)
    toolkits.tell_scopes(toolkit, row.granted_scopes, actor)


def _episode(row: ToolkitConnection) -> str:
    """One finding each time that scopes are too many: what comes back is news, and it is told once
    more when it turns grave, because what was reported keeps the severity it was reported with."""
    of = hashlib.sha256("\n".join(row.drift).encode()).hexdigest()[:12]
    since = int(row.drift_at.timestamp() * 1_000_000) if row.drift_at is not None else 0
    return f"{findings.DRIFT}{row.uid}:{of}:{since}"


def _drift_gone(row: ToolkitConnection, actor: Actor) -> None:
    mission = row.toolkit.mission
    rows = mission.findings.filter(
        external_id__startswith=f"{findings.DRIFT}{row.uid}:", status="open"
    )
    for finding in rows:
        again_ = findings.again(finding, mission)
        findings.resolve(again_, actor=PORTAL, why="It holds what was approved, and no more.")


@transaction.atomic
def look_for_drift(mission: Mission, *, actor: Actor) -> int:
    """After scopes were taken away from a toolkit that is connected. How many hold too much."""
    graph.lock(mission.workspace_id)
    row = hold(mission)
    rows = ToolkitConnection.objects.connected().filter(toolkit__mission=row)
    found = 0
    for connection in rows.order_by("pk"):
        held = again(connection, row)
        beyond = _beyond(held.toolkit, held.granted_scopes)
        if beyond == held.drift:
            continue
        held.drift, held.drift_at = beyond, clock.now() if beyond else None
        held.version += 1
        held.save(update_fields=["drift", "drift_at", "version"])
        _drifted(held, actor)
        found += bool(beyond)
    return found


# --- Ending -------------------------------------------------------------------------------------


@transaction.atomic
def end_connection(
    connection: ToolkitConnection, to: str, *, actor: Actor, reason: str
) -> ToolkitConnection:
    """It failed, ran out or was revoked. Of a mission that is being carried out, it waits until
    it is connected again."""
    wanted = reading.choice("to", to, _ENDED)
    action = "mission.disconnect" if wanted == "revoked" else "mission.connect"
    if wanted == "revoked" and not policy.can(actor, action, connection):
        # The inspector tells that it was revoked elsewhere.
        action = "mission.connect"
    policy.require(actor, action, connection)
    why = reading.reason(reason)
    graph.lock(connection.workspace_id)
    mission = hold(connection.toolkit.mission)
    row = again(connection, mission)
    if row.status == wanted:
        return row
    connected = row.status == ToolkitConnection.Status.APPROVED
    _end(row, wanted, actor, why, action)
    if connected:
        _drift_gone(row, actor)
        _hold_back(mission, row, why)
    return row


def _end(
    row: ToolkitConnection, to: str, actor: Actor, why: str, action: str = "mission.connect"
) -> None:
    ended = {
        "ended_at": clock.now(), "ended_by": actor.ref[:80], "end_reason": why, "drift": [],
        "drift_at": None,
    }  # fmt: skip
    advance(row, to, actor=actor, action=action, reason=why, changes=ended)
    _note(row.toolkit, row, actor, to, why)


def _hold_back(mission: Mission, row: ToolkitConnection, why: str) -> None:
    """Agents stop where an authorization is over."""
    if mission.is_under_way and mission.stage == "execute_observe":
        pause_mission(
            mission, actor=PORTAL, cause=Mission.Cause.AUTHORIZATION,
            reason=f"{row.toolkit} is not connected any more: {why}"[:500],
        )  # fmt: skip


@transaction.atomic
def expire_connection(connection: ToolkitConnection) -> bool:
    """By the portal: its time is over, or nobody answered at the provider's page."""
    mission = hold(connection.toolkit.mission)
    row = again(connection, mission)
    now = clock.now()
    if row.status == ToolkitConnection.Status.APPROVED and row.is_over(now):
        _end(row, "expired", PORTAL, "Its time is over.")
        _hold_back(mission, row, "its time is over")
        return True
    late = row.initiated_at + timedelta(minutes=guarding.CONNECT_MINUTES.value)
    if row.status == ToolkitConnection.Status.INITIATED and late <= now:
        _end(row, "expired", PORTAL, "Nobody answered at the provider's page.")
        return True
    return False


def _note(
    toolkit: MissionToolkit,
    row: ToolkitConnection,
    actor: Actor,
    what: str,
    why: str = "",
    **more: Any,
) -> None:
    cache.forget_tools(toolkit.mission.workspace_id)
    note(
        toolkit.mission, "mission.connect", actor=actor, after={"toolkit": str(toolkit), **more},
        reason=why, details={"transition": f"-> {what}"},
    )  # fmt: skip
    status = {"connected": "approved", "failed": "expired"}.get(what, what)
    if status == "scopes":
        return
    said = {
        "toolkit": toolkit.integration.slug, "status": status,
        "scopes_requested": row.requested_scopes, "connect_link_id": row.link_id,
    }  # fmt: skip
    outcome = {"initiated": "info", "connected": "success"}.get(what, "error")
    tell(toolkit.mission, "composio_auth_flow", said, actor=actor, status=outcome)


def ask_to_verify(connection: ToolkitConnection) -> bool:
    """Nobody looked at it for as long as scopes may go unseen: told once a day, to whoever watches
    over what runs."""
    toolkit, mission = connection.toolkit, connection.toolkit.mission
    told = notify(
        workspace_id=mission.workspace_id,
        kind="mission.verify",
        to=To(roles=[guarding.OPERATIONS]),
        key=f"verify:{connection.uid}:{clock.now():%Y-%m-%d}",
        values={"ref": mission.ref, "title": mission.title, "toolkit": toolkit.integration.name,
                "hours": f"{guarding.VERIFY_HOURS.value:g}"},
        link=links.toolkits_of(mission),
        about=subject_ref(mission),
    )  # fmt: skip
    return told.created_at >= clock.now() - timedelta(minutes=1)

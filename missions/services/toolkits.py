"""Toolkits of a mission: asked for, approved or dropped, attested to."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.base import cache
from controlplane.base.states import advance
from controlplane.catalog.models import Integration
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition, NotAllowed
from missions import packets, stages
from missions.models import Mission, MissionToolkit
from missions.services import given, reading
from missions.services.checkpoints import go_on_if_signed, packet_moved
from missions.services.holding import hold, require_status
from missions.services.noting import note, tell

MOST = 30
_EARLY = ("define", "prepare")
_UNSAID: dict[str, Any] = {
    "attested_by": None, "attested_at": None, "attestation": "",
}  # fmt: skip
_UNDECIDED: dict[str, Any] = {
    "approved_scopes": [], "decided_by": "", "decided_at": None, "decision": "", **_UNSAID,
}  # fmt: skip


def require_prepare(mission: Mission) -> None:
    """What it works with is settled by the end of Prepare."""
    require_status(mission, "draft", "active", "paused")
    if mission.stage not in _EARLY:
        raise InvalidTransition(
            f"{mission.ref} is in {stages.get(mission.stage).label}: its toolkits were signed in "
            "Prepare. Send it back to ask for other scopes.",
            details={"stage": mission.stage, "legal": ", ".join(_EARLY)},
        )


def not_theirs(actor: Actor, mission: Mission, action: str) -> None:
    """Whose mission it is approves nothing of it."""
    if actor.ref in packets.theirs(mission):
        reason = "somebody else than whose mission it is"
        raise NotAllowed(
            f"This needs {reason}.",
            denial={"actor": actor, "action": action, "subject": mission,
                    "rule": "not_ones_own_mission", "reason": reason},
        )  # fmt: skip


def again(toolkit: MissionToolkit, mission: Mission, version: int | None = None) -> MissionToolkit:
    row: MissionToolkit = MissionToolkit.objects.select_related("integration").get(pk=toolkit.pk)
    row.mission = mission
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    return row


# --- Asking -------------------------------------------------------------------------------------


@transaction.atomic
def ask_toolkit(
    mission: Mission,
    *,
    actor: Actor,
    toolkit: str,
    requested_scopes: Any,
    minimum_scopes: Any = (),
    purpose: str = "",
    mutating: bool = False,
) -> MissionToolkit:
    """Ask for a toolkit of the catalogue, or for other scopes of one that is there: then it is
    decided and attested to anew. Asked for the same, nothing changes."""
    policy.require(actor, "mission.toolkits", mission)
    slug = reading.line("toolkit", toolkit, 60, required=True).lower()
    values: dict[str, Any] = {
        "requested_scopes": given.scopes("requested_scopes", requested_scopes),
        "minimum_scopes": given.scopes("minimum_scopes", minimum_scopes),
        "purpose": reading.kept_line("purpose", purpose, 500),
        "mutating": given.switch("mutating", mutating),
    }
    if not values["requested_scopes"]:
        raise reading.refuse("requested_scopes", "At least one.")
    if set(values["minimum_scopes"]) - set(values["requested_scopes"]):
        raise reading.refuse("minimum_scopes", "Each of them is asked for.")
    row = hold(mission)
    require_prepare(row)
    integration = _integration(row, slug)
    there = row.toolkits.select_related("integration").filter(integration=integration).first()
    if there is not None:
        there.mission = row
        return _ask_anew(there, values, actor)
    if not values["purpose"]:
        raise reading.refuse("purpose", "Say what it is needed for.")
    if row.toolkits.count() >= MOST:
        raise Conflict(f"A mission has at most {MOST} toolkits.")
    made = MissionToolkit.objects.create(
        mission=row,
        integration=integration,
        proposed_by=actor.ref[:80],
        authors=[actor.ref[:80]],
        **values,
    )
    _note(made, actor, "asked", scopes=values["requested_scopes"])
    said = {"toolkit_slug": integration.slug, "selection_method": actor.kind}
    tell(row, "toolkit_selected", said, actor=actor)
    packet_moved(row, actor=actor, why=f"A toolkit was asked for: {made}.")
    return made


def _integration(mission: Mission, slug: str) -> Integration:
    rows = Integration.objects.filter(workspace_id=mission.workspace_id, is_active=True)
    found: Integration | None = rows.filter(slug__iexact=slug).first()
    if found is None:
        raise reading.refuse("toolkit", "The catalogue has no such integration, or it is off.")
    return found


def _ask_anew(row: MissionToolkit, values: dict[str, Any], actor: Actor) -> MissionToolkit:
    values["purpose"] = values["purpose"] or row.purpose
    new = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not new and row.status != MissionToolkit.Status.DROPPED:
        return row
    if _wider(row, values):
        new["widened_at"] = clock.now()
    new["authors"] = list(dict.fromkeys([*row.authors, actor.ref[:80]]))
    if row.status == MissionToolkit.Status.UNDECIDED:
        for name, value in new.items():
            setattr(row, name, value)
        row.version += 1
        row.save(update_fields=[*new, "version"])
    else:
        advance(row, "undecided", actor=actor, changes={**new, **_UNDECIDED})
    _note(row, actor, "asked", scopes=row.requested_scopes)
    packet_moved(row.mission, actor=actor, why=f"Other scopes were asked for: {row}.")
    return row


def _wider(row: MissionToolkit, values: dict[str, Any]) -> bool:
    """More than was asked for before: what was looked at does not show what that can do."""
    more = set(values["requested_scopes"]) - set(row.requested_scopes)
    return bool(more) or (values["mutating"] and not row.mutating)


# --- Deciding -----------------------------------------------------------------------------------


@transaction.atomic
def approve_toolkit(
    toolkit: MissionToolkit,
    *,
    actor: Actor,
    scopes: Any = None,
    reason: str = "",
    version: int | None = None,
) -> MissionToolkit:
    """Its scopes, or fewer of them; never fewer than it is of use with. Nobody named any: all
    that are asked for."""
    policy.require(actor, "mission.authorize", toolkit)
    why = reading.kept_line("reason", reason, reading.REASON)
    wanted = given.scopes("scopes", scopes) if scopes is not None else None
    mission = hold(toolkit.mission)
    not_theirs(actor, mission, "mission.authorize")
    require_prepare(mission)
    row = again(toolkit, mission, version)
    approved = row.requested_scopes if wanted is None else wanted
    _require_scopes(row, approved)
    if row.status == MissionToolkit.Status.APPROVED:
        if sorted(row.approved_scopes) == sorted(approved):
            return row
        raise InvalidTransition(
            "Other scopes of it are approved. Ask for these, and they are decided anew.",
            details={"approved": ", ".join(row.approved_scopes)},
        )
    changes: Any = {
        "approved_scopes": approved, "decided_by": actor.ref[:80], "decided_at": clock.now(),
        "decision": why,
    }  # fmt: skip
    advance(row, "approved", actor=actor, reason=why, changes=changes)
    _note(row, actor, "approved", why, scopes=approved)
    tell_scopes(row, approved, actor)
    packet_moved(mission, actor=actor, why=f"Scopes were approved: {row}.")
    return row


def _require_scopes(row: MissionToolkit, approved: list[str]) -> None:
    if not approved:
        raise reading.refuse("scopes", "At least one. To give it none, drop it.")
    beyond = sorted(set(approved) - set(row.requested_scopes))
    if beyond:
        raise reading.refuse("scopes", f"Nobody asked for {', '.join(beyond)[:200]}.")
    short = sorted(set(row.minimum_scopes) - set(approved))
    if short:
        raise reading.refuse("scopes", f"Of no use without {', '.join(short)[:200]}: drop it then.")


def tell_scopes(row: MissionToolkit, held: list[str], actor: Actor) -> None:
    short = sorted(set(row.minimum_scopes) - set(held))
    beyond = sorted(set(held) - set(row.approved_scopes))
    said = {
        "required_scopes": row.minimum_scopes,
        "granted_scopes": held,
        "alignment_status": "missing" if short else "oauth_drift" if beyond else "aligned",
    }
    tell(
        row.mission, "validator_scope_check", said, actor=actor,
        status="error" if short or beyond else "success",
    )  # fmt: skip


@transaction.atomic
def drop_toolkit(
    toolkit: MissionToolkit, *, actor: Actor, reason: str, version: int | None = None
) -> MissionToolkit:
    """The mission does without it, at any stage. What it still holds shows as drift."""
    policy.require(actor, "mission.authorize", toolkit)
    why = reading.reason(reason)
    mission = hold(toolkit.mission)
    not_theirs(actor, mission, "mission.authorize")
    require_status(mission, "draft", "active", "paused")
    row = again(toolkit, mission, version)
    if row.status == MissionToolkit.Status.DROPPED:
        return row
    changes: Any = {
        **_UNDECIDED, "decided_by": actor.ref[:80], "decided_at": clock.now(), "decision": why,
    }  # fmt: skip
    advance(row, "dropped", actor=actor, reason=why, changes=changes)
    _note(row, actor, "dropped", why)
    packet_moved(mission, actor=actor, why=f"A toolkit was dropped: {row}.")
    go_on_if_signed(mission)
    return row


@transaction.atomic
def attest_toolkit(
    toolkit: MissionToolkit, *, actor: Actor, text: str, version: int | None = None
) -> MissionToolkit:
    """A person stands for what was approved: that it is the least that is needed and that its
    data may be used for this."""
    policy.require(actor, "mission.attest", toolkit)
    said = reading.kept_line("text", text, 500, required=True)
    mission = hold(toolkit.mission)
    not_theirs(actor, mission, "mission.attest")
    require_prepare(mission)
    row = again(toolkit, mission, version)
    if actor.kind != "person" or actor.user_id is None:
        raise NotAllowed("A person attests.", denial={
            "actor": actor, "action": "mission.attest", "subject": row, "rule": "person",
            "reason": "a person attests"})  # fmt: skip
    if row.status != MissionToolkit.Status.APPROVED:
        raise InvalidTransition("Its scopes are not approved yet.", details={"status": row.status})
    if row.attested_by_id == actor.user_id and row.attestation == said:
        return row
    row.attested_by = User.objects.get(pk=actor.user_id)
    row.attested_at, row.attestation, row.version = clock.now(), said, row.version + 1
    row.save(update_fields=["attested_by", "attested_at", "attestation", "version"])
    _note(row, actor, "attested", said)
    packet_moved(mission, actor=actor, why=f"Somebody attested to {row}.")
    return row


def _note(row: MissionToolkit, actor: Actor, what: str, why: str = "", **more: Any) -> None:
    cache.forget_tools(row.mission.workspace_id)
    note(
        row.mission, "mission.toolkits", actor=actor, after={"toolkit": str(row), **more},
        reason=why, details={"transition": f"-> {what}"},
    )  # fmt: skip


# --- Asked before a call ------------------------------------------------------------------------


def why_not(toolkit: MissionToolkit | None, *, mutating: bool = False) -> str:
    """Why a mission may not call it now; empty when it may. Asked at dispatch."""
    if toolkit is None or toolkit.status != MissionToolkit.Status.APPROVED:
        return "The mission was not given this toolkit."
    if mutating and not toolkit.mutating:
        return "It was given for reading only."
    held = toolkit.connections.filter(status="approved").first()
    if held is None or held.is_over():
        return "It is not connected, or its authorization is over."
    beyond = set(held.granted_scopes) - set(toolkit.approved_scopes)
    return f"It holds more than was approved: {', '.join(sorted(beyond))}." if beyond else ""

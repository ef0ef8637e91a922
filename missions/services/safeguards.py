"""A mission's safeguards: suggested, settled one by one, acknowledged by two people."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.approvals import packets as canonical
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition, NotAllowed
from missions import packets, reads, stages
from missions.models import Mission, PolicyTemplate, Safeguard, SafeguardAck
from missions.services import given, reading, templates
from missions.services.checkpoints import packet_moved
from missions.services.holding import brief_of, hold, require_status
from missions.services.noting import PORTAL, note, tell

MOST = 60
_SAYS = ("title", "category", "description", "severity", "mode", "auto_fix", "params")
_READ: dict[str, Any] = {
    "title": lambda value: reading.kept_line("title", value, 160, required=True),
    "category": given.category,
    "description": lambda value: reading.kept("description", value),
    "severity": given.severity,
    "mode": given.mode,
    "auto_fix": lambda value: given.switch("auto_fix", value),
    "params": lambda value: given.document("params", value, 4_000),
    "justification": lambda value: reading.kept("justification", value, 4_000),
}


def _read(values: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(values) - set(_READ))
    if unknown:
        raise reading.refuse(unknown[0], "A safeguard has no such field.")
    return {name: _READ[name](value) for name, value in values.items()}


def require_define(mission: Mission) -> None:
    """Safeguards are signed at the end of Define. To change one later is to go back there."""
    require_status(mission, "draft", "active", "paused")
    if mission.stage != stages.FIRST:
        raise InvalidTransition(
            f"{mission.ref} is in {stages.get(mission.stage).label}: its safeguards were signed in "
            "Define. Send it back to change them.",
            details={"stage": mission.stage, "legal": stages.FIRST},
        )


# --- Suggesting ---------------------------------------------------------------------------------


@transaction.atomic
def suggest_defaults(mission: Mission, *, actor: Actor = PORTAL) -> int:
    """What the workspace asks of every mission, each once; how many are new. By itself when a
    mission is started."""
    policy.require(actor, "mission.suggest", mission)
    row = hold(mission)
    require_define(row)
    templates.ensure_shipped(row.workspace)
    known = set(row.safeguards.exclude(template=None).values_list("template_id", flat=True))
    found = [
        each for each in PolicyTemplate.objects.of(row.workspace).defaults().order_by("slug")
        if each.pk not in known
    ]  # fmt: skip
    made = [_of_template(row, each, actor) for each in found[:MOST]]
    Safeguard.objects.bulk_create(made)
    if made:
        note(
            row, "mission.suggest", actor=actor,
            after={"safeguards": [each.title for each in made]},
            details={"transition": "-> defaults"},
        )  # fmt: skip
        packet_moved(row, actor=actor, why="Safeguards were suggested.")
    return len(made)


def _of_template(mission: Mission, template: PolicyTemplate, actor: Actor) -> Safeguard:
    said = templates.said_by(template)
    return Safeguard(
        mission=mission,
        template=template,
        template_number=template.number,
        suggested_by=actor.ref[:80],
        **said,
    )


@transaction.atomic
def suggest_safeguard(
    mission: Mission, *, actor: Actor, template: str = "", reason_code: str = "", **values: Any
) -> Safeguard:
    """One more: of a template of the workspace, or in words of one's own with what speaks for it.
    Of a template there is one; suggested again, it answers that."""
    policy.require(actor, "mission.suggest", mission)
    wanted = given.slug("template", template) if template else ""
    read = _read(values)
    row = hold(mission)
    require_define(row)
    if row.safeguards.count() >= MOST:
        raise Conflict(f"A mission has at most {MOST} safeguards.")
    if wanted:
        made = _from(row, wanted, read, actor)
        if not made._state.adding:
            return made
    else:
        made = _in_own_words(row, read, actor)
    made.save(force_insert=True)
    note(
        row, "mission.suggest", actor=actor,
        after={"safeguard": made.title, "severity": made.severity, "mode": made.mode},
        reason=made.justification[:500],
    )  # fmt: skip
    code = reading.line("reason_code", reason_code, 60) or ("template" if wanted else "added")
    tell(row, "safeguard_added", {"category": made.category, "reason_code": code}, actor=actor)
    packet_moved(row, actor=actor, why=f"A safeguard was suggested: {made.title}.")
    return made


def _from(mission: Mission, slug: str, read: dict[str, Any], actor: Actor) -> Safeguard:
    own = sorted(set(read) - {"justification"})
    if own:
        raise reading.refuse(own[0], "It says what its template says; edit it afterwards.")
    templates.ensure_shipped(mission.workspace)
    rows = PolicyTemplate.objects.of(mission.workspace).in_use()
    template = rows.filter(slug=slug).first()
    if template is None:
        raise reading.refuse("template", "The workspace has no such template.")
    there: Safeguard | None = mission.safeguards.filter(template=template).first()
    if there is not None:
        return there
    made = _of_template(mission, template, actor)
    made.justification = read.get("justification", "")
    return made


def _in_own_words(mission: Mission, read: dict[str, Any], actor: Actor) -> Safeguard:
    for name in ("title", "category", "justification"):
        if not read.get(name):
            raise reading.refuse(name, "Missing. Cite a template, or say why it is there.")
    return Safeguard(mission=mission, suggested_by=actor.ref[:80], authors=[actor.ref[:80]], **read)


# --- Settling -----------------------------------------------------------------------------------


@transaction.atomic
def decide_safeguard(
    safeguard: Safeguard,
    to: str,
    *,
    actor: Actor,
    reason: str = "",
    version: int | None = None,
    **changes: Any,
) -> Safeguard:
    """Accept it, accept it with changes (`edited`) or reject it, the last two with a reason."""
    policy.require(actor, "mission.safeguards", safeguard)
    verdict = reading.choice("to", to, ("accepted", "edited", "rejected"))
    why = (
        reading.kept_line("reason", reason, reading.REASON)
        if verdict == "accepted"
        else reading.reason(reason)
    )
    read = _read(changes)
    mission = hold(safeguard.mission)
    require_define(mission)
    row = _again(safeguard, mission, version)
    new = {name: value for name, value in read.items() if getattr(row, name) != value}
    if verdict != "edited" and new:
        raise reading.refuse(min(new), "Only what is accepted with changes changes.")
    if row.status == verdict and not new:
        return row
    if verdict == "edited" and not new:
        raise reading.refuse("to", "Nothing is changed: accept it as it is.")
    if set(new) & set(_SAYS) and actor.ref not in row.authors:
        new["authors"] = [*row.authors, actor.ref[:80]]
    decided = {"reason": why, "decided_by": actor.ref[:80], "decided_at": clock.now()}
    advance(row, verdict, actor=actor, reason=why, changes={**new, **decided})
    note(
        mission, "mission.safeguards", actor=actor,
        after={"safeguard": row.title, "decision": verdict}, reason=why,
        details={"transition": f"-> {verdict}"},
    )  # fmt: skip
    said = {"safeguard_id": str(row.uid), "outcome": verdict}
    tell(mission, "safeguard_reviewed", said, actor=actor)
    packet_moved(mission, actor=actor, why=f"A safeguard was {verdict}: {row.title}.")
    return row


@transaction.atomic
def accept_safeguards(mission: Mission, *, actor: Actor, digest_seen: str = "") -> int:
    """All that is not decided, together or not at all; how many. With the digest that was read, it
    is refused when something was suggested or changed since: nobody accepts what they did not
    see."""
    policy.require(actor, "mission.safeguards", mission)
    row = hold(mission)
    require_define(row)
    _require_seen(row, digest_seen)
    rows = row.safeguards.undecided().select_related("template", "mission__workspace")
    found = list(rows.order_by("pk"))
    for each in found:
        decide_safeguard(each, "accepted", actor=actor)
    return len(found)


def _require_seen(mission: Mission, digest_seen: str) -> None:
    found = digest(mission)
    if digest_seen and digest_seen != found:
        raise Conflict(
            "The safeguards changed since you looked. Look again.", details={"digest": found}
        )


def _again(safeguard: Safeguard, mission: Mission, version: int | None) -> Safeguard:
    rows = Safeguard.objects.select_related("template")
    row: Safeguard = rows.get(pk=safeguard.pk)
    row.mission = mission
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    return row


# --- Acknowledging ------------------------------------------------------------------------------


def said(mission: Mission) -> list[dict[str, Any]]:
    """What is acknowledged and signed: every safeguard as it stands, the rejected ones too."""
    return [
        {
            "safeguard": str(row.uid),
            "template": f"{row.template.slug} v{row.template_number}" if row.template else "",
            "decision": row.status,
            "reason": row.reason,
            "justification": row.justification,
            **{name: getattr(row, name) for name in _SAYS},
        }
        for row in reads.SAFEGUARDS.of(mission)
    ]


def digest(mission: Mission) -> str:
    return canonical.digest(canonical.clean({"safeguards": said(mission)}))


def standing_acks(mission: Mission) -> dict[str, SafeguardAck]:
    """By slot, those that count: for the brief and the safeguards as they are now."""
    stands = (reads.brief(mission).revision, digest(mission))
    rows = reads.ACKS.of(mission)
    return {each.slot: each for each in rows if (each.revision, each.digest) == stands}


def slot_of(actor: Actor, mission: Mission) -> str:
    """As whom somebody would acknowledge them; empty when as nobody."""
    roles = actor.roles_in(mission.workspace_id)
    if actor.kind != "person":
        return ""
    if actor.ref in packets.owner_refs(mission):
        return "mo"
    if stages.kinds.VALIDATOR in roles:
        return "gv"
    return "mo" if stages.kinds.OWNER in roles else ""


@transaction.atomic
def acknowledge_safeguards(
    mission: Mission, *, actor: Actor, digest_seen: str = ""
) -> SafeguardAck:
    """Say that one knows them as they stand. With the digest that was read, it is refused when
    they are others by now."""
    policy.require(actor, "mission.acknowledge", mission)
    row = hold(mission)
    require_define(row)
    require_status(row, "active", "paused")
    slot = slot_of(actor, row)
    if not slot or actor.user_id is None:
        reason = "only the mission owner and a governance validator acknowledge them"
        raise NotAllowed(
            reason,
            denial={"actor": actor, "action": "mission.acknowledge", "subject": row,
                    "rule": "acknowledging_role", "reason": reason},
        )  # fmt: skip
    if row.safeguards.undecided().exists():
        raise InvalidTransition("Some are undecided: accept, change or reject each first.")
    _require_seen(row, digest_seen)
    found = digest(row)
    before = standing_acks(row)
    if slot in before:
        return before[slot]
    if any(each.person_id == actor.user_id for each in before.values()):
        raise Conflict("You acknowledged them already; the other one does it for themselves.")
    made = SafeguardAck.objects.create(
        mission=row, slot=slot, revision=brief_of(row).revision, digest=found,
        person=User.objects.get(pk=actor.user_id),
    )  # fmt: skip
    note(
        row, "mission.acknowledge", actor=actor,
        after={"as": made.get_slot_display(), "digest": found, "revision": made.revision},
    )  # fmt: skip
    return made

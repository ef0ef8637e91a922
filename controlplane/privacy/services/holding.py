"""Placing a legal hold and lifting it, and what may not be done while one stands."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import Membership, User, Workspace
from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.base import holds
from controlplane.base.data_rules import retention
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.lib.given import line, refuse
from controlplane.privacy.models import LegalHold
from incidents.models import Incident, Ticket
from missions.threads.models import Thread

PLACE, LIFT = "legal_hold.place", "legal_hold.lift"
EVERYWHERE = "privacy.legalhold:*"
# Records that rows with an end belong to, by the prefix of their ref.
RECORDS: dict[str, Any] = {"INC": Incident, "TKT": Ticket, "THR": Thread}
_REF = re.compile(r"\A([A-Z]{3})-[1-9][0-9]{0,8}\Z")


@transaction.atomic
def place_hold(
    workspace: Workspace,
    *,
    actor: Actor,
    kind: str,
    reason: str,
    slug: str = "",
    ref: str = "",
    person: User | None = None,
) -> LegalHold:
    """From now on nothing of it goes. On data that belongs to no workspace it is placed for the
    whole installation, by a superuser."""
    scope = _scope(workspace, kind, slug.strip(), ref.strip().upper(), person)
    policy.require(actor, PLACE, scope["workspace"] or EVERYWHERE)
    why = line("reason", reason, 500, required=True)
    if kind == LegalHold.Kind.RECORD:
        scope["about"] = _about(workspace, actor, scope["ref"])
    # Whoever deletes just now is done before it stands, or sees it.
    holds.take_turn(alone=True)
    try:
        with transaction.atomic():
            row = LegalHold.objects.create(
                **scope, kind=kind, reason=why, placed_by=actor.ref[:80], placed_at=clock.now()
            )
    except IntegrityError as error:
        raise Conflict("It is held already.") from error
    after = {"kind": kind, "class": scope["slug"], "ref": scope["ref"]}
    after |= {"person": f"user:{person.pk}"} if person is not None else {}
    record(actor, PLACE, row, after={name: said for name, said in after.items() if said},
           reason=why)  # fmt: skip
    return row


@transaction.atomic
def lift_hold(hold: LegalHold, *, actor: Actor, reason: str) -> LegalHold:
    """The time of what it kept runs as if it had never stood: what is over goes with the next
    clean-up."""
    row: LegalHold = LegalHold.objects.select_for_update().get(pk=hold.pk)
    policy.require(actor, LIFT, row if row.workspace_id is not None else EVERYWHERE)
    why = line("reason", reason, 500, required=True)
    if not row.stands:
        raise InvalidTransition("It is lifted already.")
    row.lifted_at, row.lifted_by, row.lift_reason = clock.now(), actor.ref[:80], why
    row.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
    record(actor, LIFT, row, before={"held": True}, after={"held": False}, reason=why)
    return row


def _scope(
    workspace: Workspace, kind: str, slug: str, ref: str, person: User | None
) -> dict[str, Any]:
    """What it is on, with everything else empty."""
    scope: dict[str, Any] = {"workspace": workspace, "slug": "", "ref": "", "person": None}
    asked = {"class": "slug", "record": "ref", "person": "person"}.get(kind)
    for name, given in (("slug", slug), ("ref", ref), ("person", person)):
        if given and name != asked:
            raise refuse(name, "Leave this empty: the hold is on something else.")
    if kind == LegalHold.Kind.INSTALLATION:
        return scope | {"workspace": None}
    if kind == LegalHold.Kind.CLASS:
        entry = retention.get(slug)
        if entry is None or entry.keep is None:
            raise refuse("slug", "Choose a kind of data that has an end.")
        return scope | {"slug": slug, "workspace": workspace if entry.reach.workspace else None}
    if kind == LegalHold.Kind.RECORD:
        return scope | {"ref": ref}
    if kind == LegalHold.Kind.PERSON:
        here = Membership.objects.filter(workspace=workspace, user=person)
        if person is None or not here.exists():
            raise refuse("person", "Choose somebody who is or was a member here.")
        return scope | {"person": person}
    if kind != LegalHold.Kind.EVERYTHING:
        raise refuse("kind", "There is no such hold.")
    return scope


def _about(workspace: Workspace, actor: Actor, ref: str) -> str:
    found = _REF.match(ref)
    if found is not None and found[1] == "MSN":
        raise refuse("ref", "A mission is held on its own page, under Evidence.")
    model = RECORDS.get(found[1]) if found is not None else None
    if model is None:
        raise refuse("ref", "Name an incident, a ticket or a thread, such as INC-12.")
    row = model.objects.visible_to(actor).filter(workspace=workspace, ref=ref).first()
    if row is None:
        raise refuse("ref", "There is none of this name here.")
    return subject_ref(row)


# --- What others ask -----------------------------------------------------------------------------


def seen(row: LegalHold) -> holds.Standing:
    """As the clean-up sees it."""
    return holds.Standing(
        row.workspace_id, slug=row.slug, ref=row.ref, about=row.about, person_id=row.person_id
    )


def standing_holds() -> list[holds.Standing]:
    return [seen(row) for row in LegalHold.objects.standing()]


def person_is_held(user_id: int) -> bool:
    """By themselves, or with everything of a workspace they are or were in."""
    there = Membership.objects.filter(user_id=user_id).values_list("workspace_id", flat=True)
    return holds.over_person(user_id, list(there))


def people_held(user_ids: Collection[int]) -> set[int]:
    """Whom of them a hold keeps, asked once for a whole list."""
    standing = holds.standing() if user_ids else []
    whole = [hold for hold in standing if hold.person_id is None]
    if any(holds.over_all_of(hold, None) for hold in whole):
        return set(user_ids)
    found = {hold.person_id for hold in standing if hold.person_id in user_ids}
    there = Membership.objects.filter(user_id__in=user_ids).values_list("user_id", "workspace_id")
    if whole:
        found |= {
            who for who, space in there if any(holds.over_all_of(hold, space) for hold in whole)
        }
    return {who for who in found if who is not None}


holds.tell("privacy", standing_holds)

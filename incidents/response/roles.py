"""Who leads, who speaks, who works and who writes: one person each, named in one click. Whoever is
on duty is proposed; nobody is named by themselves but who acknowledges, who then leads."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Grant, User
from controlplane.audit.refs import subject_ref
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import refuse
from controlplane.notify import wording
from controlplane.notify.services import To, notify, who
from controlplane.oncall.duty import on_duty_many
from incidents import links
from incidents.models import Incident
from incidents.records import reading
from incidents.records.holding import hold, require_burning
from incidents.records.noting import note
from incidents.records.putting import put

# role -> (what they do, who is proposed: the first of these roles that somebody is on duty for)
ROLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "commander": ("Leads", ("primary_operator", "engineering_lead")),
    "communications": ("Speaks", ("product_manager", "engineering_lead")),
    "operations": ("Works on it", ("primary_operator", "secondary_operator")),
    "scribe": ("Writes", ("secondary_operator", "docs_lead")),
}
# role -> what somebody does who has it, after their name
_DOES: Mapping[str, str] = {
    "commander": "leads",
    "communications": "speaks for it",
    "operations": "works on it",
    "scribe": "writes it down",
}
# Who leads what is of their kind, whether on duty or not: they are called for it anyway.
LEADS: Mapping[str, str] = {"security": "security_lead"}
UNSEEN = -1  # nobody said who had it
wording.register(
    "incident.named",
    "Somebody was given a role in an incident",
    subject="{ref}: you are its {role}",
    body="{title}\n\n{who} said so.",
)


def said(role: str, name: str) -> str:
    """ "Ada Marsh leads"."""
    return f"{name} {_DOES[role]}"


@transaction.atomic
def assign(
    incident: Incident,
    role: str,
    person: User | None,
    *,
    actor: Actor,
    version: int | None = None,
    seen: int | None = UNSEEN,
) -> Incident:
    """Somebody has the role now, in the place of whoever had it; None: nobody has. `seen`: who had
    it on the page that was looked at, where that is known: it may be somebody else's since."""
    row = hold(incident, version=version)
    role = reading.one_of("role", role, tuple(ROLES))
    policy.require(actor, "incident.lead", row)
    require_burning(row)
    before = getattr(row, f"{role}_id")
    if seen not in {UNSEEN, before}:
        held = getattr(row, role)
        name = held.name if held is not None else "Nobody"
        raise Conflict(f"{said(role, name)} since you looked. Look again, and press once more.")
    after = person.pk if person is not None else None
    if person is not None and not _is_here(row, person):
        raise refuse("person", "They are not a member of this workspace.")
    if before == after:
        raise Conflict(f"{row.ref} has {'that' if after else 'no'} {role} already.")
    put(row, {f"{role}_id": after})
    who = person.name if person is not None else "Nobody"
    note(
        row, "incident.lead", actor=actor,
        said=f"{row.ref}: {said(role, who)} now.",
        before={role: f"user:{before}" if before else None},
        after={role: f"user:{after}" if after else None},
    )  # fmt: skip
    _tell(row, role, person, before, actor)
    return row


def _is_here(row: Incident, person: User) -> bool:
    held = Grant.objects.held().filter(membership__workspace_id=row.workspace_id)
    return bool(person.is_active and held.filter(membership__user=person).exists())


def _tell(row: Incident, role: str, person: User | None, before: int | None, actor: Actor) -> None:
    """Who has it now, and who had it, unless they did it themselves."""
    people = {person.pk if person is not None else None, before} - {None, actor.user_id}
    if not people:
        return
    notify(
        workspace_id=row.workspace_id,
        kind="incident.named",
        to=To(users=sorted(pk for pk in people if pk is not None)),
        key=f"incident.named:{row.uid}:{row.version}",
        subject=""
        if person is not None and before in {None, actor.user_id}
        else f"{row.ref}: {said(role, person.name if person else 'nobody')} now",
        body=f"{row.title}\n\n{actor.label} said so.",
        values={"ref": row.ref, "role": role, "title": row.title, "who": actor.label},
        link=links.page_of(row),
        about=subject_ref(row),
    )


def proposed(incident: Incident) -> dict[str, User | None]:
    """For each role whoever is on duty for it, where nobody has it yet. Of some kinds of trouble
    their own lead leads."""
    asked = {each for _, roles in ROLES.values() for each in roles}
    duties = on_duty_many([(incident.workspace_id, each) for each in sorted(asked)])
    taken = {getattr(incident, f"{role}_id") for role in ROLES} - {None}
    found: dict[str, User | None] = {}
    for role, (_, wanted) in ROLES.items():
        known = [duty.person for each in wanted for duty in duties[(incident.workspace_id, each)]]
        if role == "commander" and incident.category in LEADS:
            known = [*who(incident.workspace, LEADS[incident.category]).people, *known]
        free = [each for each in known if each.pk not in taken]
        found[role] = next(iter([*free, *known]), None)
        if found[role] is not None and getattr(incident, f"{role}_id") is None:
            taken.add(found[role].pk)  # type: ignore[union-attr]
    return found

"""The contact book, and which chairs of the playbook are empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError, RestrictedError

from controlplane.access import policy
from controlplane.access.models import Grant, User, Workspace
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from controlplane.notify.models import Contact


@dataclass(frozen=True, slots=True)
class Chair:
    purpose: str
    label: str
    family: str


# Who must be reachable by name, as the playbooks list them. Apps add theirs in `apps.py`.
CHAIRS: dict[str, Chair] = {}


def require_contact(purpose: str, label: str, family: str = "role") -> None:
    CHAIRS[purpose] = Chair(purpose, label, family)


for _purpose, _label in [
    ("mission_owner_lead", "Mission Owner lead"),
    ("governance_validator_lead", "Governance Validator lead"),
    ("operations_command_lead", "Operations Command lead"),
    ("telemetry_analyst_lead", "Telemetry Analyst lead"),
    ("knowledge_curator_lead", "Knowledge Curator lead"),
    ("engineering_lead", "Engineering lead"),
    ("security_lead", "Security lead"),
    ("database_lead", "Database lead"),
    ("product_owner", "Product owner"),
    ("product_manager", "Product manager"),
    ("vp_engineering", "VP engineering"),
    ("platform_engineer", "Platform engineer"),
    ("agent_workflow_owner", "Agent workflow owner"),
]:
    require_contact(_purpose, _label)
for _purpose, _label in [
    ("composio_support", "Composio support"),
    ("copilotkit_support", "CopilotKit support"),
    ("supabase_support", "Supabase support"),
]:
    require_contact(_purpose, _label, "partner")


@dataclass(frozen=True, slots=True)
class Specialty:
    """Whom a kind of trouble needs: roles of the portal, and a chair of the contact book."""

    category: str
    label: str
    roles: tuple[str, ...]
    purposes: tuple[str, ...] = ()


# Who is called beside those on call, by what the trouble is about.
SPECIALTIES: dict[str, Specialty] = {}


def register_specialty(category: str, label: str, *, roles: Sequence[str]) -> Specialty:
    found = Specialty(category, label, tuple(roles), (category, *roles))
    SPECIALTIES[category] = found
    for role in found.roles:
        CHAIRS.setdefault(role, Chair(role, role.replace("_", " ").capitalize(), "specialist"))
    return found


register_specialty("security", "Security", roles=["security_lead"])
register_specialty("database", "Database", roles=["database_lead"])
register_specialty("partner", "Partner integrations", roles=["partner_success"])
register_specialty("legal", "Legal and compliance", roles=["legal", "compliance"])


def purposes_of(role: str) -> tuple[str, ...]:
    """Under which purposes somebody stands in the book for a role: its own, and what it is a
    specialist for."""
    return (role, *(one.category for one in SPECIALTIES.values() if role in one.roles))


@dataclass(frozen=True, slots=True)
class Reachable:
    """Who is there for something: people with an account, the book's other entries, and a
    sentence when nobody is."""

    people: tuple[User, ...]
    contacts: tuple[Contact, ...]
    note: str = ""


def who(workspace: Workspace, purpose: str) -> Reachable:
    """Whom to call for this purpose, role or category, in the book's order.

    The contact book comes first: it names who is meant today. Then whoever holds the role."""
    specialty = SPECIALTIES.get(purpose)
    purposes = specialty.purposes if specialty else (purpose,)
    roles = specialty.roles if specialty else (purpose,)
    book = list(
        Contact.objects.filter(workspace=workspace, is_active=True, purpose__in=purposes)
        .select_related("user")
        .order_by("order", "id")
    )
    held = Grant.objects.held().of_active_people().filter(membership__workspace=workspace)
    here = set(held.values_list("membership__user_id", flat=True))
    named = [one.user for one in book if one.user is not None and one.user_id in here]
    holders = held.filter(role__in=roles).values_list("membership__user_id", flat=True)
    others = User.objects.filter(pk__in=set(holders)).order_by("pk")
    people = tuple({user.pk: user for user in [*named, *others]}.values())
    return Reachable(people, tuple(book), _nobody(purpose, people, book))


def _nobody(purpose: str, people: Sequence[User], book: Sequence[Contact]) -> str:
    if people:
        return ""
    specialty = SPECIALTIES.get(purpose)
    role = policy.ROLES[purpose][0] if purpose in policy.ROLES else purpose.replace("_", " ")
    what = specialty.label if specialty else role
    if not book:
        return f"Nobody is there for {what}: no contact is in the book and nobody holds the role."
    called = [one.name for one in book if one.user_id is None and (one.email or one.number)]
    if called:
        return f"Nobody with an account is there for {what}. Called from the book: {called[0]}."
    names = ", ".join(one.name for one in book[:5])
    return f"Nobody who can be called is there for {what}. In the book: {names}."


_FIELDS = (
    "family",
    "purpose",
    "name",
    "user",
    "email",
    "phone",
    "handle",
    "coverage",
    "time_zone",
    "days",
    "from_time",
    "until_time",
    "notes",
    "order",
)


@transaction.atomic
def add_contact(workspace: Workspace, *, actor: Actor, **fields: Any) -> Contact:
    policy.require(actor, "contact.manage", workspace)
    contact = Contact(workspace=workspace, **_known(fields))
    _check(contact)
    contact.save(force_insert=True)
    record(actor, "contact.manage", contact, after=_shown(contact))
    return contact


@transaction.atomic
def change_contact(contact: Contact, *, actor: Actor, **fields: Any) -> Contact:
    policy.require(actor, "contact.manage", contact)
    row: Contact = Contact.objects.select_for_update().get(pk=contact.pk)
    before = _shown(row)
    for name, value in _known(fields).items():
        setattr(row, name, value)
    _check(row)
    row.save()
    record(actor, "contact.manage", row, before=before, after=_shown(row))
    return row


@transaction.atomic
def remove_contact(contact: Contact, *, actor: Actor, reason: str = "") -> Contact:
    policy.require(actor, "contact.manage", contact)
    if Contact.objects.filter(pk=contact.pk, is_active=True).update(is_active=False):
        record(
            actor,
            "contact.manage",
            contact,
            before={"is_active": True},
            after={"is_active": False},
            reason=reason,
        )
    contact.refresh_from_db()
    return contact


@transaction.atomic
def verify_contact(contact: Contact, *, actor: Actor) -> Contact:
    """Somebody called and it rang: contacts rot, and their age is shown."""
    policy.require(actor, "contact.manage", contact)
    Contact.objects.filter(pk=contact.pk).update(verified_at=clock.now())
    record(actor, "contact.manage", contact, reason="verified")
    contact.refresh_from_db()
    return contact


def missing_contacts(workspace: Workspace) -> list[Chair]:
    """Chairs nobody sits in: no active contact for the purpose."""
    present = set(
        Contact.objects.filter(workspace=workspace, is_active=True).values_list(
            "purpose", flat=True
        )
    )
    return [chair for purpose, chair in CHAIRS.items() if purpose not in present]


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    unknown = set(fields) - set(_FIELDS)
    if unknown:
        raise Invalid("Unknown fields.", details=dict.fromkeys(sorted(unknown), "Unknown field."))
    return fields


def _check(contact: Contact) -> None:
    if (
        contact.user is not None
        and not contact.user.memberships.filter(
            workspace_id=contact.workspace_id, left_at=None
        ).exists()
    ):
        raise Invalid(
            "This person is not a member of the workspace.", details={"user": "Not a member."}
        )
    try:
        contact.full_clean(validate_unique=False)
    except ValidationError as error:
        raise Invalid(
            "The contact is not right yet.",
            details={name: " ".join(texts) for name, texts in error.message_dict.items()},
        ) from error


def _shown(contact: Contact) -> dict[str, Any]:
    return {
        name: (str(contact.user) if contact.user else None)
        if name == "user"
        else getattr(contact, name)
        for name in _FIELDS
    }


def forget_contacts(user_id: int) -> int:
    """What the book holds of a person goes. A row that a call names stays, empty."""
    gone = 0
    for row in Contact.objects.filter(user_id=user_id):
        try:
            with transaction.atomic():
                row.delete()
        except (ProtectedError, RestrictedError):
            row.user, row.name, row.handle = None, "erased", "erased"
            row.email = row.phone = row.coverage = row.notes = ""
            row.is_active = False
            row.save()
        gone += 1
    return gone

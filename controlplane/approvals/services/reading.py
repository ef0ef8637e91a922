"""What people and programs give, brought into one form or refused with the field named."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from controlplane.access.models import Agent, Grant, User
from controlplane.access.policy import ROLES
from controlplane.approvals import numbers
from controlplane.approvals.models import slug_form
from controlplane.lib import given as plain
from controlplane.lib.actors import Actor

refuse, text, line = plain.refuse, plain.text, plain.line
COMMENT = 5_000
_SLOT_FIELDS = frozenset({"slug", "title", "roles", "count", "requester_may"})


def number(field: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise refuse(field, f"A whole number from {least:,} to {most:,}.")
    return value


def roles(field: str, value: Any, *, required: bool = True) -> list[str]:
    """Roles of people: what an agent's role could sign would never be signed."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise refuse(field, "A list of roles.")
    found = list(dict.fromkeys(str(role) for role in value))
    wrong = [role for role in found if role not in ROLES or ROLES[role][1] == "agent"]
    if wrong:
        raise refuse(field, f"No role of people: {', '.join(wrong)[:200]}.")
    if required and not found:
        raise refuse(field, "Name a role.")
    return found


def slots(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise refuse("slots", "A list of slots.")
    found = [_slot(place, given) for place, given in enumerate(value)]
    if not 1 <= len(found) <= 10:
        raise refuse("slots", "From 1 to 10 slots.")
    slugs = [slot["slug"] for slot in found]
    if len(set(slugs)) < len(slugs):
        raise refuse("slots", "Each slot has a slug of its own.")
    return found


def _slot(place: int, given: Any) -> dict[str, Any]:
    name = f"slots[{place}]"
    if not isinstance(given, Mapping):
        raise refuse(name, "A slot is an object.")
    unknown = sorted(str(key) for key in given if key not in _SLOT_FIELDS)
    if unknown:
        raise refuse(name, f"Unknown: {', '.join(unknown)[:200]}.")
    slug = slug_of(f"{name}.slug", given.get("slug", ""))
    requester_may = given.get("requester_may", False)
    if not isinstance(requester_may, bool):
        raise refuse(f"{name}.requester_may", "True or false.")
    return {
        "slug": slug,
        "title": line(f"{name}.title", given.get("title", ""), 120) or slug,
        "roles": roles(f"{name}.roles", given.get("roles", ())),
        "count": number(f"{name}.count", given.get("count", 1), 1, numbers.MAX_SIGNATURES.value),
        "requester_may": requester_may,
    }


def slug_of(field: str, value: Any) -> str:
    slug = text(field, value, 50)
    try:
        slug_form(slug)
    except ValidationError:
        raise refuse(field, str(slug_form.message)) from None
    return slug


def percents(field: str, value: Any) -> list[int]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise refuse(field, "A list of percents.")
    found = sorted({number(field, percent, 1, 99) for percent in value})
    if len(found) > 5:
        raise refuse(field, "At most 5 reminders.")
    return found


def people(field: str, given: Iterable[Any]) -> list[str]:
    """Refs of who made the packet. Takes users, agents, actors, keys of users, and refs."""
    refs = []
    for one in given:
        if isinstance(one, User):
            refs.append(f"user:{one.pk}")
        elif isinstance(one, Agent):
            refs.append(f"agent:{one.pk}")
        elif isinstance(one, Actor):
            refs.append(one.ref)
        elif isinstance(one, int) and not isinstance(one, bool):
            refs.append(f"user:{one}")
        elif isinstance(one, str) and ":" in one:
            refs.append(text(field, one, 80, required=True))
        else:
            raise refuse(field, "Names of people: users, or refs such as user:12.")
    return list(dict.fromkeys(refs))


def person(field: str, value: Any, workspace_id: int) -> User:
    """Somebody who works here, by row, uid or e-mail address. Of anybody else it says the same,
    whether there is such a person elsewhere or not."""
    people = User.objects.filter(pk=value.pk) if isinstance(value, User) else _named(field, value)
    held = Grant.objects.held().filter(membership__workspace_id=workspace_id)
    found = people.filter(is_active=True, pk__in=held.values("membership__user_id")).first()
    if found is None:
        raise refuse(field, "Nobody here is called so.")
    return found


def _named(field: str, value: Any) -> QuerySet[User]:
    name = text(field, str(value), 254, required=True)
    try:
        return User.objects.filter(uid=uuid.UUID(name))
    except ValueError:
        return User.objects.by_email(name)

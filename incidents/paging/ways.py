"""By which ways somebody is called, and after how long each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.notify.models import (
    GATEWAYS,
    Channel,
    Contact,
    ContactMethod,
    Method,
    Urgency,
)
from incidents.models import PersonalRule
from incidents.paging import numbers

BY_PHONE = (ContactMethod.Kind.SMS, ContactMethod.Kind.VOICE, ContactMethod.Kind.WEBHOOK)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to one person. `after_s` counts from the call's beginning."""

    method: str
    after_s: int = 0
    contact_method_id: int | None = None

    @property
    def mark(self) -> tuple[str, int | None]:
        return (self.method, self.contact_method_id)


INBOX, EMAIL = Way(Method.INBOX.value), Way(Method.EMAIL.value)


def ways_of(people: Iterable[int], urgency: str) -> dict[int, list[Way]]:
    """Each person's ways, soonest first. The inbox is always among them. Who kept no rules, or
    whose rules name nothing that can be used, is called by mail at once; and where it is
    critical, by every way that they have proven a while later."""
    asked = set(people)
    usable: dict[int, list[ContactMethod]] = defaultdict(list)
    for row in ContactMethod.objects.usable().filter(user__in=asked).order_by("position", "pk"):
        usable[row.user_id].append(row)
    own = _rules(asked, urgency, {row.pk: row for rows in usable.values() for row in rows})
    return {
        person: [INBOX, *(own.get(person) or _usual(usable[person], urgency))] for person in asked
    }


def _rules(
    people: set[int], urgency: str, usable: dict[int, ContactMethod]
) -> dict[int, list[Way]]:
    found: dict[int, list[Way]] = defaultdict(list)
    rows = PersonalRule.objects.filter(user__in=people, urgency=urgency)
    for row in rows.order_by("after_s", "position"):
        method = usable.get(row.contact_method_id or 0)
        if row.way == PersonalRule.Way.EMAIL:
            found[row.user_id].append(Way(Method.EMAIL.value, row.after_s))
        elif method is not None:
            found[row.user_id].append(Way(method.kind, row.after_s, method.pk))
    return found


def _usual(usable: Iterable[ContactMethod], urgency: str) -> list[Way]:
    if urgency != Urgency.CRITICAL:
        return [EMAIL]
    wait = numbers.FURTHER_S.value
    return [EMAIL, *(Way(row.kind, wait, row.pk) for row in usable if row.kind in BY_PHONE)]


# --- Of the contact book --------------------------------------------------------------------------


def gateways_of(workspaces: Iterable[int]) -> dict[int, set[str]]:
    """Which kinds of telephone each can call."""
    found: dict[int, set[str]] = defaultdict(set)
    rows = Channel.objects.filter(workspace__in=set(workspaces), kind__in=GATEWAYS, is_active=True)
    for workspace_id, kind in rows.values_list("workspace_id", "kind"):
        found[workspace_id].add(kind)
    return found


def ways_of_contacts(contacts: Iterable[int], urgency: str) -> dict[int, list[Way]]:
    """As the book has them: by mail at once, and where it is critical by telephone a while later;
    who has no address is called there at once."""
    rows = list(Contact.objects.filter(pk__in=set(contacts)))
    lines = gateways_of(row.workspace_id for row in rows)
    return {row.pk: _as_in_book(row, lines[row.workspace_id], urgency) for row in rows}


def _as_in_book(row: Contact, lines: set[str], urgency: str) -> list[Way]:
    mail = [EMAIL] if row.email else []
    if not row.number or (mail and urgency != Urgency.CRITICAL):
        return mail
    # Where no gateway is there any more the delivery is made, and says so.
    kinds = [kind for kind in (Method.SMS.value, Method.VOICE.value) if kind in lines]
    wait = numbers.FURTHER_S.value
    if mail:
        return [*mail, *(Way(kind, wait) for kind in kinds)]
    first, *rest = kinds or [Method.SMS.value]
    return [Way(first), *(Way(kind, wait) for kind in rest)]


Whom = tuple[str, int]  # "person" or "contact", and their key


def ways_of_all(whom: Iterable[Whom], urgency: str) -> dict[Whom, list[Way]]:
    asked = set(whom)
    people = ways_of([key for kind, key in asked if kind == "person"], urgency)
    book = [key for kind, key in asked if kind == "contact"]
    found = {("person", key): ways for key, ways in people.items()}
    if book:
        found |= {("contact", key): ways for key, ways in ways_of_contacts(book, urgency).items()}
    return found


def whom(user_id: int | None, contact_id: int | None) -> Whom | None:
    """None: a channel, which has one way."""
    if user_id is not None:
        return ("person", user_id)
    return ("contact", contact_id) if contact_id is not None else None

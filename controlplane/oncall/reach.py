"""How somebody on call is reached, and whether any of it works.

Ways come from whoever knows some: the account's e-mail and the contact book here, more by
`ways.register(Source("phones", function))`. A function is asked once for any number of people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Window
from django.db.models.functions import RowNumber

from controlplane.access.models import User
from controlplane.base.registries import Registry
from controlplane.notify.models import Contact, ContactMethod, Delivery, Method

LOST = (Delivery.State.REJECTED, Delivery.State.DEAD)
IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Way:
    """`shown` is what a roster may say. `works` False: what was sent by it lately did not arrive;
    None: it has not been tried, or nobody can tell."""

    kind: str  # "e-mail", "phone"
    shown: str
    works: bool | None = None
    pages: bool = True  # False: for people to write to; the portal itself does not use it


@dataclass(frozen=True, slots=True)
class Source:
    slug: str
    ask: Callable[[int, Sequence[User]], Mapping[int, Sequence[Way]]]  # workspace, people


ways: Registry[Source] = Registry("oncall.reach.ways")


def ways_of(workspace_id: int, people: Sequence[User]) -> dict[int, list[Way]]:
    """By person, each with at least an empty list."""
    found: dict[int, list[Way]] = {one.pk: [] for one in people}
    for source in ways:
        for person, some in source.ask(workspace_id, people).items():
            found[person].extend(some)
    return found


def unreachable(workspace_id: int, people: Sequence[User]) -> list[User]:
    """Who has no way by which the portal can call them, or only such as fail."""
    found = ways_of(workspace_id, people)
    return [
        one
        for one in people
        if not any(way.pages and way.works is not False for way in found[one.pk])
    ]


def _mails(workspace_id: int, people: Sequence[User]) -> Mapping[int, Sequence[Way]]:
    failing = _failing(people)
    return {
        one.pk: [Way("e-mail", one.email, one.pk not in failing)] for one in people if one.email
    }


def _failing(people: Sequence[User]) -> set[int]:
    """To whom the last letters, one after the other, did not arrive."""
    rows = Delivery.objects.filter(
        user__in=[one.pk for one in people], method=Method.EMAIL, settled_at__isnull=False
    ).exclude(state=Delivery.State.SUPPRESSED)
    newest = Window(RowNumber(), partition_by="user", order_by="-id")
    last: dict[int, list[str]] = defaultdict(list)
    latest = rows.alias(place=newest).filter(place__lte=IN_A_ROW)
    for person, state in latest.values_list("user_id", "state"):
        last[person].append(state)
    return {
        person
        for person, states in last.items()
        if len(states) == IN_A_ROW and all(state in LOST for state in states)
    }


def _book(workspace_id: int, people: Sequence[User]) -> Mapping[int, Sequence[Way]]:
    """The contact book says how people reach each other; the portal itself calls nobody by it."""
    rows = Contact.objects.filter(
        workspace_id=workspace_id, is_active=True, user__in=[one.pk for one in people]
    ).order_by("order", "id")
    found: dict[int, list[Way]] = defaultdict(list)
    for row in rows:
        for kind, shown in (("phone", row.phone), ("chat", row.handle)):
            if shown and row.user_id is not None:
                hours = f"{shown} ({row.coverage})" if row.coverage else shown
                found[row.user_id].append(Way(kind, hours, pages=False))
    return found


def _methods(workspace_id: int, people: Sequence[User]) -> Mapping[int, Sequence[Way]]:
    """What people set up to be paged by, as far as others may see it; the account's own address
    is told above."""
    rows = ContactMethod.objects.filter(
        user__in=[one.pk for one in people], is_active=True, is_account=False
    ).exclude(verified_at=None)
    found: dict[int, list[Way]] = defaultdict(list)
    for row in rows.order_by("position", "pk"):
        works = None if row.last_ok_at is None else True
        works = False if row.failures_in_a_row >= IN_A_ROW else works
        kind = row.get_kind_display()
        found[row.user_id].append(Way(kind[:1].lower() + kind[1:], row.masked, works))
    return found


def register() -> None:
    ways.register(Source("account", _mails))
    ways.register(Source("methods", _methods))
    ways.register(Source("book", _book))

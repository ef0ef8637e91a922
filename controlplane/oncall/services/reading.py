"""What people and programs give, brought into one form or refused with the field named."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from controlplane.access.models import Grant, User
from controlplane.access.policy import PEOPLE
from controlplane.access.services.saving import invalid
from controlplane.lib import clock
from controlplane.oncall.models import Schedule


def hold(schedule: Schedule) -> Schedule:
    """The schedule as it stands now, locked: of two who change its shifts at once, the second
    sees what the first did."""
    rows = Schedule.objects.select_for_update(of=("self",), no_key=True)
    held: Schedule = rows.get(pk=schedule.pk)
    return held


def roles(value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise invalid("roles", "A list of roles.")
    found = list(dict.fromkeys(str(role) for role in value))
    wrong = [role for role in found if role not in PEOPLE]
    if wrong:
        raise invalid("roles", f"Not a role that people hold: {', '.join(wrong)[:200]}.")
    if not found:
        raise invalid("roles", "Name the role it fills.")
    return found


def days(field: str, value: Any) -> list[int]:
    """Days of the week in order, each once; Monday is 0."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise invalid(field, "A list of days.")
    given = list(value)
    if any(isinstance(day, bool) or not isinstance(day, int) for day in given):
        raise invalid(field, "Days are numbers; Monday is 0.")
    if any(not 0 <= day <= 6 for day in given):
        raise invalid(field, "Days go from 0, Monday, to 6, Sunday.")
    if not given:
        raise invalid(field, "Name at least one day.")
    return sorted(set(given))


def instant(field: str, value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise invalid(field, "A time with its offset from UTC.")
    if abs((value - clock.now()).days) > 366 * 20:
        raise invalid(field, "That is too far away.")
    return value


def person(field: str, value: Any, workspace_id: int) -> User:
    return people(field, [value], workspace_id)[0]


def people(field: str, given: Any, workspace_id: int) -> list[User]:
    """People who work here, in the order given, by row, uid or e-mail address. Of anybody else it
    says the same, whether there is such a person elsewhere or not."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise invalid(field, "A list of people.")
    held = Grant.objects.held().filter(membership__workspace_id=workspace_id)
    here = User.objects.filter(is_active=True, pk__in=held.values("membership__user_id"))
    known: dict[str, User] = {}
    found = []
    for one in given:
        name = str(one.pk if isinstance(one, User) else one)
        row = known.get(name) or _named(here, one)
        if row is None:
            raise invalid(field, "Nobody here is called so.")
        known[name] = row
        found.append(row)
    return found


def _named(here: QuerySet[User], value: Any) -> User | None:
    if isinstance(value, User):
        return here.filter(pk=value.pk).first()
    name = str(value).strip()
    if not name or len(name) > 254 or "\0" in name:
        return None
    try:
        return here.filter(uid=uuid.UUID(name)).first()
    except ValueError:
        return here.filter(email__iexact=name).first()


def refs(users: Sequence[User]) -> list[str]:
    """As the log names them: by key, so that it holds no names."""
    return [f"user:{user.pk}" for user in users]

"""How somebody wants to be called: services of the person themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed
from controlplane.lib.given import refuse
from controlplane.notify.models import ContactMethod, Urgency
from incidents.models import PersonalRule

ACTION = "paging.rules"
MOST, LATEST_S = 10, 3_600


def rules_of(user: User, urgency: str = Urgency.CRITICAL) -> list[PersonalRule]:
    rows = PersonalRule.objects.filter(user=user, urgency=urgency)
    return list(rows.select_related("contact_method").order_by("after_s", "position"))


@transaction.atomic
def set_rules(
    user: User, rules: Any, *, actor: Actor, urgency: str = Urgency.CRITICAL
) -> list[PersonalRule]:
    """These ways at these times, in place of those before; none: the usual ones hold. Nobody
    says for somebody else how they are called."""
    policy.require(actor, ACTION)
    if actor.user_id != user.pk:
        raise NotAllowed("Everybody says for themselves how they are called.")
    if urgency not in Urgency.values:
        raise refuse("urgency", f"One of {', '.join(Urgency.values)}.")
    User.objects.select_for_update(no_key=True).get(pk=user.pk)  # one at a time
    made = _read(user, rules, urgency)
    before = [str(row) for row in rules_of(user, urgency)]
    PersonalRule.objects.filter(user=user, urgency=urgency).delete()
    PersonalRule.objects.bulk_create(made)
    after = [str(row) for row in rules_of(user, urgency)]
    record(actor, ACTION, user, before={"ways": before}, after={"ways": after})
    return rules_of(user, urgency)


def _read(user: User, rules: Any, urgency: str) -> list[PersonalRule]:
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        raise refuse("rules", "A list of ways.")
    if len(rules) > MOST:
        raise refuse("rules", f"At most {MOST} ways.")
    known = {str(row.uid): row for row in ContactMethod.objects.usable().filter(user=user)}
    made = [_rule(user, each, place, urgency, known) for place, each in enumerate(rules, 1)]
    marks = [(row.way, row.contact_method_id) for row in made]
    if len(set(marks)) != len(marks):
        raise refuse("rules", "A way is taken once: it is not said twice.")
    if made and urgency == Urgency.CRITICAL and min(row.after_s for row in made) > 0:
        raise refuse("rules", "One way is taken at once.")
    return made


def _rule(
    user: User, given: Any, place: int, urgency: str, known: Mapping[str, ContactMethod]
) -> PersonalRule:
    field = f"rules.{place}"
    if not isinstance(given, Mapping):
        raise refuse(field, "A way and after how long.")
    after, way = given.get("after_s", 0), given.get("way")
    if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after <= LATEST_S:
        raise refuse(field, f"after_s is from 0 to {LATEST_S:,} seconds.")
    row = PersonalRule(user=user, urgency=urgency, position=place, after_s=after)
    if way == PersonalRule.Way.EMAIL:
        row.way = PersonalRule.Way.EMAIL
        return row
    if isinstance(way, UUID):
        way = str(way)
    method = known.get(way) if isinstance(way, str) else None
    if method is None:
        raise refuse(field, "A way is email, or one of your own that you have proven.")
    row.way, row.contact_method = PersonalRule.Way.METHOD, method
    return row

"""Words of an item are taken away where a person's data is erased, and not written down once more
by that: neither its history nor the log gets what they were."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.work.models import Item, ItemLink
from controlplane.work.services import reading, states
from controlplane.work.services.noting import note
from controlplane.work.services.talk import take_away


@transaction.atomic
def redact_item(
    item: Item, *, actor: Actor, title: str, description: str, reason: str, files: bool = False
) -> Item:
    """Its title and description become these. With `files` what is attached goes, names too."""
    policy.require(actor, "work.update", item)
    item = states.hold(item)
    values = reading.fields(item.project, {"title": title, "description": description})
    for field, value in values.items():
        setattr(item, field, value)
    states.store(item, values)
    note(item, "redacted", "work.update", actor=actor, comment=reason,
         details={"fields": sorted(values)})  # fmt: skip
    if files:
        policy.require(actor, "work.delete", item)
        for link in ItemLink.objects.filter(item=item).exclude(file=""):
            note(item, "evidence_removed", "work.delete", actor=actor, comment=reason,
                 old={"kind": link.kind, "sha256": link.sha256})  # fmt: skip
            take_away(link)
    return item

"""A work item is held by an incident: it depends on the incident's own, stands in no ready queue,
and is ready again as soon as that one is closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound
from controlplane.lib.given import line
from controlplane.work import services as work
from controlplane.work.models import Dependency, Item
from controlplane.work.vocabulary import BLOCKS
from deployments.models import Deployment
from incidents import links
from incidents.models import Incident
from incidents.response.kinds import Ask, Came, Kind, Made, register


def _read(
    incident: Incident, target: str, given: Mapping[str, Any], actor: Actor
) -> tuple[str, Made]:
    """`target`: the key of an item, or a deployment, which means its item."""
    item, why = _meant(incident, line("target", target, 200, required=True), actor)
    policy.require(actor, "work.link", item)
    return item.key, {"of": why} if why else {}


def _meant(incident: Incident, target: str, actor: Actor) -> tuple[Item, str]:
    if target.upper().startswith("DEP-"):
        rows = Deployment.objects.of(incident.workspace_id).select_related("item")
        row: Deployment | None = rows.filter(ref=target.upper()).first()
        if row is None:
            raise NotFound(f"There is no deployment {target} here.")
        if row.item is None:
            raise Conflict(f"{row.ref} has no work item.")
        return row.item, row.ref
    return _item(incident, target, actor), ""


def _item(incident: Incident, key: str, actor: Actor) -> Item:
    rows = Item.objects.visible_to(actor).of(incident.workspace_id)
    found: Item | None = rows.filter(key__iexact=key).first()
    if found is None:
        raise NotFound(f"There is no work item {key} here.")
    return found


def _own(incident: Incident) -> Item:
    if incident.item is None:
        raise Conflict(f"{incident.ref} has no work item that it could wait for.")
    return incident.item


def _told(ask: Ask, item: Item) -> str:
    of = ask.given.get("of")
    return f"{item.key}, which {of} stands for," if of else item.key


def _block(ask: Ask, actor: Actor) -> Came:
    item, own = _item(ask.incident, ask.target, actor), _own(ask.incident)
    if item.pk == own.pk:
        raise Conflict("It can't wait for itself.")
    told, page = _told(ask, item), {"page": links.page_of(item)}
    if _edge(item, own):
        return Came(f"{told} waits for {own.key} already.", {"was": True, **page})
    if item.closed_at is not None:
        raise Conflict(f"{item.key} is closed: nothing of it is left to hold.")
    work.block(item, by=own, actor=actor)
    return Came(f"{told} waits until {own.key} is closed.", {"was": False, **page})


def _free(ask: Ask, actor: Actor) -> Came:
    item, own = _item(ask.incident, ask.target, actor), _own(ask.incident)
    if ask.made.get("was"):
        return Came(f"{item.key} waited for it before; it stays so.")
    if not _edge(item, own):
        return Came(f"{item.key} waits for it no more already.")
    work.remove_dependency(item, own, actor=actor)
    return Came(f"{item.key} waits for {own.key} no more.")


def _edge(item: Item, own: Item) -> bool:
    return Dependency.objects.filter(item=item, target=own, kind=BLOCKS).exists()


register(Kind("block_item", "Block a work item", "blocked", "work.link",
              _read, _block, _free, "Let it go on", icon="lock"))  # fmt: skip

"""`close`, `reopen`, `defer`, `undefer`, `delete`."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from controlplane.work import services, vocabulary
from controlplane.work.beads import filters, gathering
from controlplane.work.beads.asking import Call, refuse
from controlplane.work.beads.ops.making import each
from controlplane.work.beads.table import command
from controlplane.work.models import Dependency, Item, ItemLink

CLOSED = "Closed"  # what tools say who say nothing
FORCED = "Forced"


@command(
    "close",
    "done",
    takes={"ids", "id", "reason", "force", "suggest_next", "claim_next", "continue", "no_auto"}
    | {"session", "evidence"},
    writes=True,
)
def close(call: Call) -> Any:
    """All ids must be known, or nothing closes; then each closes or is refused for itself."""
    given = call.given
    items = call.find_all()
    if given.flag("suggest_next") and len(items) > 1:
        raise refuse("suggest_next", "--suggest-next works with a single issue")
    call.alone()
    for item in items:
        for url in given.words("evidence"):
            services.add_link(item, url=url, **call.who)
    before = _waiting(items) if given.flag("suggest_next") else set()
    answer = services.close_items(
        items,
        reason=lambda item: _reason(call, item),
        force=given.flag("force"),
        session=given.text("session"),
        **call.who,
    )
    if len(items) == 1 and answer.refused:
        raise answer.refused[0][1]
    for _, error in answer.refused:
        call.refuse(error)
    call.failed = not answer.closed
    _want_evidence(call, answer.closed)
    closed = gathering.changed(answer.closed)
    if given.flag("claim_next") and answer.closed:
        return _and_claimed(call, closed)
    unblocked = _unblocked(before) if before else []
    return {"closed": closed, "unblocked": unblocked} if unblocked else closed


def _reason(call: Call, item: Item) -> str:
    """A reason that no one gave is none: what the playbook runs on is not closed without."""
    said = call.given.text("reason").strip()
    given = said and said.lower() != CLOSED.lower()
    if given or item.is_operations:
        return said if given else ""
    return FORCED if call.given.flag("force") and not said else CLOSED


def _want_evidence(call: Call, closed: list[Item]) -> None:
    """The playbook wants to see what proves that it is done."""
    asked = [item for item in closed if item.is_operations]
    shown = set(
        ItemLink.objects.filter(item__in=asked, kind=ItemLink.Kind.EVIDENCE).values_list(
            "item_id", flat=True
        )
    )
    for item in asked:
        if item.pk not in shown:
            call.note(f"{item.key} has no evidence link (bd close {item.key} --evidence URL)")


def _waiting(items: list[Item]) -> set[int]:
    """What is held up by these now: what waits for them, or for their parents' children, and all
    that is under it."""
    ids = [item.pk for item in items]
    parents = [item.parent_id for item in items if item.parent_id is not None]
    held = Q(target_id__in=ids) | Q(target_id__in=parents, kind=vocabulary.WAITS)
    edges = Dependency.objects.filter(held, item__blocked=True)
    found = set(edges.values_list("item_id", flat=True))
    below = filters.under(Item.objects.filter(blocked=True), *found) if found else ()
    return found | {item.pk for item in below}


def _unblocked(before: set[int]) -> list[dict[str, Any]]:
    free = Item.objects.filter(pk__in=before).ready().order_by("priority", "-created_at", "id")
    return gathering.listed(list(gathering.light(free)))


def _and_claimed(call: Call, closed: list[dict[str, Any]]) -> Any:
    """The next item, as it was when it was found: what Beads shows."""
    claimed = services.claim_next(call.project, **call.who)
    if claimed is None:
        call.note("No ready issues to claim")
        return {"closed": closed, "claimed": None}
    return {"closed": closed, "claimed": gathering.listed([claimed])[0]}


@command("reopen", takes={"ids", "id", "reason", "session"}, writes=True)
def reopen(call: Call) -> Any:
    def again(call: Call, item: Item) -> Item:
        if item.category != "done":
            call.note(f"{item.key} is already open")
        return services.reopen_item(item, reason=call.given.text("reason"), **call.who)

    return each(call, again)


@command("defer", takes={"ids", "id", "until", "defer", "reason"}, writes=True)
def defer(call: Call) -> Any:
    until = call.given.moment("until") or call.given.moment("defer")

    def aside(call: Call, item: Item) -> Item:
        return services.defer_item(item, until=until, **call.who)

    return each(call, aside)


@command("undefer", takes={"ids", "id"}, writes=True)
def undefer(call: Call) -> Any:
    def back(call: Call, item: Item) -> Item:
        return services.undefer_item(item, **call.who)

    return each(call, back)


@command(
    "delete",
    takes={"ids", "id", "force", "reason", "dry_run", "cascade", "hard"},
    writes=True,
)
def delete(call: Call) -> Any:
    """Only with `--force`; without it, what would go."""
    given = call.given
    items = call.find_all()
    if given.flag("cascade"):
        items = _with_dependents(items)
    keys = sorted(item.key for item in items)
    if given.flag("dry_run") or not given.flag("force"):
        call.note(f"This would delete {', '.join(keys)}; use --force to do it")
        return {"would_delete": keys, "count": len(keys), "dry_run": True}
    gone = services.delete_items(items, actor=call.actor, reason=given.text("reason"))
    deleted: Any = gone.keys[0] if len(gone.keys) == 1 else gone.keys
    return {
        "deleted": deleted,
        "dependencies_removed": gone.edges,
        "references_updated": 0,
        "total_count": len(gone.keys),
    }


def _with_dependents(items: list[Item]) -> list[Item]:
    """And all that depends on them, or is under them, however far."""
    found = {item.pk: item for item in items}
    level = list(found)
    while level:
        edges = Dependency.objects.filter(target_id__in=level).select_related("item__project")
        new = {edge.item_id: edge.item for edge in edges if edge.item_id not in found}
        found |= new
        level = list(new)
        if len(found) > 1_000:
            raise refuse("cascade", "More than 1,000 issues depend on these; delete fewer.")
    return list(found.values())

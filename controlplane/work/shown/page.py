"""The heart of an item's page: its texts, what stands around it, its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count
from django.urls import reverse

from controlplane.access import policy
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.work import vocabulary
from controlplane.work.models import Dependency, Item, ItemLink
from controlplane.work.shown import around, neighbours
from controlplane.work.shown.words import check_state, item_url, state_of

MOST_RELATED = 50
TEXTS = (
    ("description", "Description"),
    ("acceptance_criteria", "Acceptance criteria"),
    ("design", "Design"),
    ("notes", "Notes"),
)
# What the form offers, in the words of the page one stands on. "+" turns the edge around.
RELATIONS = (
    ("blocks", "is blocked by"),
    ("+blocks", "blocks"),
    ("parent-child", "is part of"),
    ("+parent-child", "has the part"),
    ("waits-for", "waits for the children of"),
    ("conditional-blocks", "is blocked by, if it fails"),
    ("related", "is related to"),
    ("discovered-from", "was found during"),
    ("duplicates", "duplicates"),
    ("supersedes", "supersedes"),
    ("validates", "validates"),
    ("caused-by", "was caused by"),
)
CHECK_COLUMNS = (
    ("name", "Check"),
    ("state", "Result", "state"),
    ("sha", "Commit", "code"),
    ("branch", "Branch"),
    ("updated_at", "Last word", "when"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A neighbour: how it stands, and how to cut the edge to it."""

    key: str
    title: str
    url: str
    state: str
    person: Any
    words: str
    cut: str  # what the form that cuts it posts: "out:<uid>", "in:<uid>", "name:<text>"
    done: bool


@dataclass(slots=True)
class Group:
    slug: str
    title: str
    rows: list[Row] = field(default_factory=list)
    more: int = 0
    all_url: str = ""  # where all of them are listed

    @property
    def closed(self) -> int:
        return sum(row.done for row in self.rows)


def of(item: Item, actor: Actor, asked: Mapping[str, Any]) -> dict[str, Any]:
    groups = _groups(item)
    depth = _depth(asked.get("depth"))
    view = "tree" if asked.get("around") == "tree" else "graph"
    linked = any(group.rows and group.slug != "related" for group in groups)
    return {
        "texts": [(words, getattr(item, name)) for name, words in TEXTS if getattr(item, name)],
        "groups": groups,
        "relations": RELATIONS,
        "depth": depth,
        "depths": around.DEPTHS,
        "view": view,
        "linked": linked,
        **(_drawn(item, depth, view) if linked else {}),
        **_shown(item, actor),
        **_may(item, actor),
    }


def _depth(text: Any) -> int:
    return int(text) if str(text) in {str(depth) for depth in around.DEPTHS} else around.DEPTH


def _drawn(item: Item, depth: int, view: str) -> dict[str, Any]:
    if view == "graph":
        return {"graph": around.graph(item, depth)}
    above, cut_above = around.tree(item, depth, forth=True)
    below, cut_below = around.tree(item, depth, forth=False)
    return {
        "trees": [
            ("It comes after", above, "It waits for nothing, and is part of nothing."),
            ("What comes after it", below, "Nothing waits for it."),
        ],
        "tree_cut": cut_above or cut_below,
        "tree_most": around.MOST_LINES.value,
    }


# --- Neighbours -------------------------------------------------------------------------------


def _groups(item: Item) -> list[Group]:
    """Both directions in two questions, those still open first."""
    out = kept.of(
        item,
        "edges_out",
        lambda rows: (
            rows.select_related("target", "target__assignee_user")
            .defer("target__search")
            .order_by("-target__active", "target__priority", "id")[: MOST_RELATED + 1]
        ),
    )
    into = kept.of(
        item,
        "edges_in",
        lambda rows: (
            rows.select_related("item", "item__assignee_user")
            .defer("item__search")
            .order_by("-item__active", "item__priority", "id")[: MOST_RELATED + 1]
        ),
    )
    groups = {slug: Group(slug, title) for slug, title in neighbours.GROUPS.items()}
    for edge in out[:MOST_RELATED]:
        groups[neighbours.place(edge.kind, forth=True)].rows.append(_row(edge, forth=True))
    for edge in into[:MOST_RELATED]:
        groups[neighbours.place(edge.kind, forth=False)].rows.append(_row(edge, forth=False))
    for edges, shown, forth in ((item.edges_out, out, True), (item.edges_in, into, False)):
        if len(shown) > MOST_RELATED:
            for kind, number in edges.values_list("kind").annotate(Count("id")):
                groups[neighbours.place(kind, forth=forth)].more += number
            for edge in shown[:MOST_RELATED]:
                groups[neighbours.place(edge.kind, forth=forth)].more -= 1
    for group in groups.values():
        group.all_url = neighbours.url(item, group.slug) if group.more else ""
    return list(groups.values())


def _row(edge: Dependency, *, forth: bool) -> Row:
    words = vocabulary.edge_of(edge.kind)
    said = words.forward if forth else words.backward
    end: Item | None = edge.target if forth else edge.item
    if end is None:
        cut = f"name:{edge.target_name}"
        return Row(edge.target_name, "outside this portal", "", "", None, said, cut, False)
    return Row(
        key=end.key,
        title=end.title,
        url=item_url(end),
        state=state_of(end),
        person=end.assignee_user or end.assignee or None,
        words=said,
        cut=f"{'out' if forth else 'in'}:{end.uid}",
        done=end.category == "done",
    )


# --- Evidence, checks, followers --------------------------------------------------------------


def _shown(item: Item, actor: Actor) -> dict[str, Any]:
    checks = kept.of(item, "check_results", lambda rows: rows.order_by("-updated_at", "-id")[:20])
    watchers = kept.of(item, "watchers", lambda rows: rows.values_list("user_id", flat=True)[:1000])
    links = kept.of(item, "links", lambda rows: rows.order_by("-created_at", "-id")[:100])
    return {
        "evidence": [_evidence(link) for link in links],
        "evidence_kinds": ItemLink.Kind.choices,
        "check_columns": CHECK_COLUMNS,
        "checks": [
            {
                "name": check.name,
                "state": check_state(check),
                "sha": check.sha[:10],
                "branch": check.branch,
                "updated_at": check.updated_at,
                "_url": check.url,
            }
            for check in checks
        ],
        "followers": len(watchers),
        "following": actor.user_id in watchers,
    }


def _evidence(link: ItemLink) -> dict[str, Any]:
    return {
        "uid": link.uid,
        "title": link.title,
        "kind": link.get_kind_display(),
        "url": link.url or reverse("work:evidence", args=(link.uid,)),
        "is_file": bool(link.file),
        "size": link.size,
        "sha256": link.sha256,
        "by": link.added_by,
        "at": link.created_at,
    }


def _may(item: Item, actor: Actor) -> dict[str, Any]:
    """Each form, or the sentence that refuses it."""
    wanted: Sequence[tuple[str, str]] = (
        ("link", "work.link"),
        ("comment", "work.comment"),
        ("delete", "work.delete"),
        ("watch", "work.watch"),
    )
    found: dict[str, Any] = {}
    for name, action in wanted:
        decision = policy.can(actor, action, item)
        found[f"may_{name}"] = bool(decision)
        found[f"why_not_{name}"] = "" if decision else decision.reason
    return found

"""`dep add`, `dep remove`, `dep list`, `dep tree`, `dep cycles`, and what is made of edges:
`duplicate`, `supersede`, `relate`, `unrelate`."""

from __future__ import annotations

from typing import Any

from controlplane.lib import canonical
from controlplane.lib.errors import ControlPlaneError, NotFound
from controlplane.work import services, vocabulary
from controlplane.work.beads import rows
from controlplane.work.beads.asking import MOST_IDS, Call, refuse
from controlplane.work.beads.metadata import json_object
from controlplane.work.beads.table import command
from controlplane.work.models import Dependency, Item, Project
from controlplane.work.services import cycles, reading, trees

DEPTH = 50
_LINK = {"issue", "id", "depends_on", "blocked_by", "blocks", "type", "no_cycle_check", "edges"}


@command("dep_add", "dep", "link", takes=_LINK | {"gate", "thread_id", "metadata"}, writes=True)
def dep_add(call: Call) -> Any:
    """The first depends on the second, or is its child. Several at once are all made or none."""
    if "edges" in call.given:
        return _add_many(call)
    kind = call.given.text("type", vocabulary.BLOCKS)
    first, second = _ends(call)
    return _added(call, first, second, kind)


def _ends(call: Call) -> tuple[str, str]:
    """`dep add X Y`, `dep add X --blocked-by Y`, `dep Y --blocks X`."""
    given = call.given
    named = given.one("issue")
    if blocked := given.text("blocks").strip():
        return blocked, named
    target = (given.text("depends_on") or given.text("blocked_by")).strip()
    if not target:
        raise refuse("depends_on", "name the issue it depends on")
    return named, target


def _added(call: Call, first: str, second: str, kind: str) -> dict[str, Any]:
    item, target = call.find(first), _target(call, second)
    there = _between(item, target)
    edge = services.add_dependency(
        item,
        target,
        kind=kind,
        gate=call.given.text("gate"),
        metadata=_metadata(call),
        thread_id=call.given.text("thread_id"),
        **call.who,
    )
    key = target.key if isinstance(target, Item) else target
    if there is not None and there.kind == edge.kind:
        call.note(f"{item.key} depends on {key} ({edge.kind}) already")
    elif there is not None:
        call.note(f"the type of this dependency was {there.kind}")
    return {
        "status": "added",
        "issue_id": item.key,
        "depends_on_id": key,
        "type": edge.kind,
        "changed": there is None or there.kind != edge.kind,
        "issue_title": item.title,
        "depends_on_title": target.title if isinstance(target, Item) else "",
    }


def _metadata(call: Call) -> str:
    """Kept as a text, once it is known to be an object."""
    if "metadata" not in call.given:
        return "{}"
    return canonical.encode(json_object(call.given.values["metadata"])).decode()


def _between(item: Item, target: Item | str) -> Dependency | None:
    edges = Dependency.objects.filter(item=item)
    if isinstance(target, str):
        return edges.filter(target_name__iexact=target).first()
    return edges.filter(target=target).first()


def _target(call: Call, text: str) -> Item | str:
    """An item; or the name of what is not here: `external:…`, or an id of another project's."""
    text = text.strip()
    if text.startswith("external:"):
        return text
    try:
        return call.find(text)
    except NotFound:
        if _elsewhere(call.project, text):
            return text
        raise


def _elsewhere(project: Project, text: str) -> bool:
    """Whether it is written like an id with a prefix that is nobody's here."""
    prefix, dash, _ = text.rpartition("-")
    if not dash or not prefix or " " in text:
        return False
    mine = Project.objects.filter(workspace_id=project.workspace_id)
    return not mine.filter(prefix__iexact=prefix).exists()


# As a line of a file names the ends, and as this command does.
_NAMES = (("from", "issue"), ("to", "depends_on"))


def _add_many(call: Call) -> Any:
    """Lines of `dep add --file`, in their order."""
    given = call.given.values["edges"]
    if not isinstance(given, list) or len(given) > MOST_IDS:
        raise refuse("edges", f"A list of at most {MOST_IDS} edges.")
    added = []
    for number, line in enumerate(given, 1):
        if not isinstance(line, dict):
            raise refuse("edges", f"line {number}: an object with from, to and type")
        ends = [str(line.get(name) or line.get(beside) or "") for name, beside in _NAMES]
        try:
            kind = str(line.get("type") or vocabulary.BLOCKS)
            added.append(_added(call, ends[0], ends[1], kind))
        except ControlPlaneError as error:
            error.message = f"line {number}: {error.message}"
            raise
    return {"status": "added", "count": len(added), "dependencies": added}


@command("dep_remove", "dep_rm", takes=_LINK, writes=True)
def dep_remove(call: Call) -> Any:
    first, second = _ends(call)
    item = call.find(first)
    target = _named_target(call, item, second)
    edge = services.remove_dependency(item, target, **call.who)
    key = target.key if isinstance(target, Item) else target
    if edge is None:
        call.note(f"{item.key} does not depend on {key}: nothing was removed")
    return {
        "status": "removed" if edge is not None else "unchanged",
        "issue_id": item.key,
        "depends_on_id": key,
        "issue_title": item.title,
    }


def _named_target(call: Call, item: Item, text: str) -> Item | str:
    """What is not here is found by the name the edge has."""
    name = item.edges_out.filter(target=None, target_name__iexact=text.strip())
    found = name.values_list("target_name", flat=True).first()
    return found or call.find(text)


@command("dep_list", takes={"id", "ids", "issue", "direction", "type"})
def dep_list(call: Call) -> Any:
    item = call.find(call.given.one("issue"))
    up = _direction(call, ("down", "up"), "down") == "up"
    towards = "item" if up else "target"
    edges = item.edges_in if up else item.edges_out.exclude(target=None)
    edges = edges.select_related(towards).defer(f"{towards}__search").order_by("id")
    if kinds := call.given.words("type"):
        edges = edges.filter(kind__in=[reading.edge_kind(kind) for kind in kinds])
    return [rows.linked(getattr(edge, towards), edge.kind) for edge in edges]


def _direction(call: Call, known: tuple[str, ...], usual: str) -> str:
    said = call.given.text("direction", usual) or usual
    if said not in known:
        raise refuse("direction", f"invalid direction: {said} (one of {', '.join(known)})")
    return said


# --- Trees and cycles -------------------------------------------------------------------------


@command(
    "dep_tree",
    takes={"id", "ids", "issue", "direction", "reverse", "max_depth", "status", "show_all_paths"}
    | {"type"},
)
def dep_tree(call: Call) -> Any:
    """What the item depends on, and under what it is; upwards: what depends on it, and its
    children. Each node once, after the node that led to it."""
    given = call.given
    root = call.find(given.one("issue"))
    direction = _direction(call, ("down", "up", "both"), "up" if given.flag("reverse") else "down")
    depth = given.number("max_depth", DEPTH, least=1) or DEPTH
    tree = trees.tree(
        root,
        direction=direction,
        max_depth=depth,
        repeat=given.flag("show_all_paths"),
        kinds=[reading.edge_kind(kind) for kind in given.words("type")],
    )
    if tree.truncated:
        call.note(f"The tree is cut at {len(tree.nodes)} nodes and {depth} levels")
    wanted = given.words("status")
    statuses = {reading.status(call.project, each)[0] for each in wanted if each != "all"}
    nodes = [node for node in tree.nodes if not statuses or node.item.status in statuses]
    return [_node(node, both=direction == "both") for node in nodes]


def _node(node: trees.Node, *, both: bool) -> dict[str, Any]:
    row = rows.issue(node.item) | {
        "depth": node.depth,
        "parent_id": node.above,
        "edge_from_parent": node.kind,
        "truncated": node.truncated,
        "is_blocked": node.item.blocked,
    }
    if both:
        row["direction"] = node.direction
    return row


@command("dep_cycles")
def dep_cycles(call: Call) -> Any:
    """Every loop among edges that order work. They are refused when made: this looks anew."""
    return [
        [rows.issue(item) for item in loop] for loop in cycles.cycles(call.workspace, call.project)
    ]


# --- Made of edges ----------------------------------------------------------------------------


@command("duplicate", takes={"id", "ids", "of", "issue"}, writes=True)
def duplicate(call: Call) -> Any:
    """It is the same as another: linked, and closed."""
    item, other = call.find(call.given.one("issue")), call.find(call.given.text("of"))
    services.add_dependency(item, other, kind="duplicates", **call.who)
    closed = _closed(call, item, f"Duplicate of {other.key}")
    return {"duplicate": closed.key, "canonical": other.key, "status": closed.status}


@command("supersede", takes={"id", "ids", "with", "issue"}, writes=True)
def supersede(call: Call) -> Any:
    """Another takes its place: linked, and closed."""
    item, other = call.find(call.given.one("issue")), call.find(call.given.text("with"))
    services.add_dependency(item, other, kind="supersedes", **call.who)
    closed = _closed(call, item, f"Superseded by {other.key}")
    return {"superseded": closed.key, "replacement": other.key, "status": closed.status}


def _closed(call: Call, item: Item, reason: str) -> Item:
    return services.close_item(item, reason=reason, **call.who)


@command("relate", "dep_relate", takes={"issue", "id", "ids", "depends_on", "other"}, writes=True)
def relate(call: Call) -> Any:
    item, other = _pair(call)
    services.add_dependency(item, other, kind="relates-to", **call.who)
    return {"status": "added", "id1": item.key, "id2": other.key, "related": True}


@command(
    "unrelate", "dep_unrelate", takes={"issue", "id", "ids", "depends_on", "other"}, writes=True
)
def unrelate(call: Call) -> Any:
    item, other = _pair(call)
    kinds = ("related", "relates-to")
    cut = False
    for one, two in ((item, other), (other, item)):
        if Dependency.objects.filter(item=one, target=two, kind__in=kinds).exists():
            cut = services.remove_dependency(one, two, **call.who) is not None or cut
    if not cut:
        call.note(f"{item.key} and {other.key} are not related")
    return {"status": "removed" if cut else "unchanged", "id1": item.key, "id2": other.key}


def _pair(call: Call) -> tuple[Item, Item]:
    given = call.given
    if "ids" in given and len(given.words("ids")) == 2:
        one, two = given.words("ids")
    else:
        one, two = given.one("issue"), given.text("depends_on") or given.text("other")
    return call.find(one), call.find(two)

"""`create`, `update`, `ensure`, `note`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from django.db import transaction

from controlplane.lib.errors import ControlPlaneError, Invalid
from controlplane.work import services, vocabulary
from controlplane.work.beads import gathering, rows
from controlplane.work.beads.asking import Call, refuse
from controlplane.work.beads.metadata import changed_metadata, json_object
from controlplane.work.beads.table import command
from controlplane.work.models import Item
from controlplane.work.services import states

# flag -> field
_TEXTS = {
    "title": "title",
    "description": "description",
    "design": "design",
    "acceptance": "acceptance_criteria",
    "acceptance_criteria": "acceptance_criteria",
    "notes": "notes",
    "external_ref": "external_ref",
    "spec_id": "spec_id",
    "source_system": "source_system",
    "assignee": "assignee",
    "priority": "priority",
    "type": "item_type",
}
# Of gates, when making and changing one.
_AWAITED = frozenset({"await_type", "await_id"})
_TIMES = {"due": "due_at", "defer": "defer_until"}
_BACKLOG = frozenset(
    {
        "stage",
        "kpi",
        "readiness_artifact",
        "backlog_category",
        "impact",
        "effort",
        "evidence_url",
        "in_backlog",
    }
)
_FIELDS = frozenset(_TEXTS) | frozenset(_TIMES) | {"estimate", "ephemeral", "metadata"} | _BACKLOG
_CREATE = _FIELDS | {
    "labels",
    "label",
    "deps",
    "parent",
    "no_inherit_labels",
    "id",
    "force",
    "waits_for",
    "waits_for_gate",
    "dry_run",
    "validate",
    "no_history",
    "repo",
    *_AWAITED,
}


def fields(call: Call) -> dict[str, Any]:
    """What the flags say about the item itself, under the fields' own names."""
    given, found = call.given, {}
    for flag, name in _TEXTS.items():
        if flag in given:
            found[name] = given.values[flag] if flag == "priority" else given.text(flag)
    for flag, name in _TIMES.items():
        if flag in given:
            found[name] = given.moment(flag)
    if "estimate" in given:
        found["estimated_minutes"] = given.number("estimate")
    if "ephemeral" in given:
        found["ephemeral"] = given.flag("ephemeral")
    if "metadata" in given:
        found["metadata"] = json_object(given.values["metadata"])
    for name in _BACKLOG & set(given.values):
        found[name] = given.values[name]
    for name in _AWAITED & set(given.values):
        found[name] = given.text(name)
    return found


# --- Create -----------------------------------------------------------------------------------


class Edge(NamedTuple):
    """One edge of `--deps`, its other end found. `backward`: the new item blocks that one."""

    kind: str
    target: Item | str
    backward: bool = False
    gate: str = ""


_Shown = TypeVar("_Shown")


class _Undone(Exception):
    """Takes a dry run back."""


@command("create", "new", "q", takes=_CREATE, writes=True)
def create(call: Call) -> Any:
    """Everything named is looked up and checked before anything is made."""
    given = call.given
    _described(call)
    edges = edges_of(call)
    if not given.flag("dry_run"):
        return rows.versioned(_made(call, edges), labels=False, exact=True)
    row = undone(call, lambda: rows.issue(_made(call, edges), labels=True))
    return {**row, "id": given.text("id"), "dry_run": True}


def undone(call: Call, make: Callable[[], _Shown]) -> _Shown:
    """What would be made, made and taken back."""
    try:
        with transaction.atomic():
            shown = make()
            raise _Undone
    except _Undone:
        call.note("dry run: nothing was created")
    return shown


def _made(call: Call, edges: list[Edge]) -> Item:
    given = call.given
    if edges:
        call.alone()
    item = services.create_item(
        call.project,
        key=given.text("id"),
        any_prefix=given.flag("force"),
        **call.who,
        **new(call),
    )
    for each in edges:
        link(call, item, each)
    return item


def new(call: Call) -> dict[str, Any]:
    """What a new item is made of, all that is named found."""
    given = call.given
    parent = given.text("parent").strip()
    owner = {"owner": call.owner} if call.owner else {}
    return {
        "title": "",
        "parent": call.find(parent) if parent else None,
        "inherit_labels": not given.flag("no_inherit_labels"),
        "labels": given.words("labels") + given.words("label"),
        **owner,
        **fields(call),
    }


def link(call: Call, item: Item, edge: Edge) -> None:
    if edge.backward and isinstance(edge.target, Item):
        services.add_dependency(edge.target, item, kind=edge.kind, **call.who)
    else:
        services.add_dependency(item, edge.target, kind=edge.kind, gate=edge.gate, **call.who)


_BARE = {"blocked-by": vocabulary.BLOCKS, "depends-on": vocabulary.BLOCKS}


def edges_of(call: Call) -> list[Edge]:
    found = [edge(call, text) for text in call.given.words("deps")]
    gate = call.given.text("waits_for_gate")
    for waits in call.given.words("waits_for"):
        found.append(Edge(vocabulary.WAITS, call.find(waits), gate=gate))
    return found


def edge(call: Call, text: str, find: Callable[[str], Item] | None = None) -> Edge:
    """`X`, `blocked-by:X`, `depends-on:X`: the new item waits for X. `blocks:X`: X waits for it.
    `external:project:thing` names what is not here."""
    find = find or call.find
    if text.startswith("external:"):
        return Edge(vocabulary.BLOCKS, text)
    kind, colon, named = text.partition(":")
    kind = kind.strip().lower()
    if not colon:
        return Edge(vocabulary.BLOCKS, find(text))
    if kind in _BARE:
        return Edge(_BARE[kind], find(named))
    if kind not in vocabulary.EDGES:
        known = ", ".join(sorted([*vocabulary.EDGES, *_BARE]))
        raise refuse("deps", f"invalid dependency type {kind!r} (one of {known})")
    if named.strip().startswith("external:"):
        return Edge(kind, named.strip())
    return Edge(kind, find(named), backward=kind == vocabulary.BLOCKS)


_SECTIONS = {
    "bug": ("Steps to Reproduce", "Acceptance Criteria"),
    "feature": ("Acceptance Criteria",),
    "task": ("Acceptance Criteria",),
    "epic": ("Success Criteria",),
}


def _described(call: Call) -> None:
    """`--validate`: the headings that this type's description should have."""
    given = call.given
    if not given.flag("validate"):
        return
    text = f"{given.text('description')}\n{given.text('acceptance')}".lower()
    wanted = _SECTIONS.get(given.text("type", "task"), ())
    missing = [each for each in wanted if each.lower() not in text]
    if "acceptance" in given and "Acceptance Criteria" in missing:
        missing.remove("Acceptance Criteria")
    if missing:
        raise refuse("description", f"missing sections: {', '.join(missing)}")


_ENSURE = _FIELDS | {"key", "labels", "label", "deps", "parent", "no_inherit_labels"}


@command("ensure", takes=_ENSURE, writes=True)
def ensure(call: Call) -> Any:
    """Locate or create, by a key: one item for one release, however often it is asked for. Edges
    and parent are those of a new item; one that is there stays where it is."""
    given = call.given
    edges = edges_of(call)
    values = new(call)
    if edges:
        call.alone()
    found = services.ensure(call.project, given.text("key"), **call.who, **values)
    if found.created:
        for each in edges:
            link(call, found.item, each)
    else:
        call.note(f"{found.item.key} is there already")
    return {**rows.versioned(found.item), "created": found.created}


# --- Update -----------------------------------------------------------------------------------

_UPDATE = _FIELDS | {
    "ids",
    "id",
    "status",
    "add_label",
    "remove_label",
    "set_labels",
    "append_notes",
    "parent",
    "claim",
    "set_metadata",
    "unset_metadata",
    "persistent",
    "session",
    "reason",
    "expected_version",
    "no_history",
    "history",
    *_AWAITED,
}


@command("update", takes=_UPDATE, writes=True)
def update(call: Call) -> Any:
    """Each item for itself: one that is refused keeps the others from nothing. A command about a
    single item is refused as a whole."""
    _consistent(call)
    if not set(call.given.values) - {"ids", "id", "session"}:
        call.note("No updates specified")
        return gathering.changed(call.find_all())
    return each(call, _update)


# These change more than the one row.
_STRUCTURE = frozenset({"status", "parent"})
# And these add to what the row says, so it is read when nobody else can write it.
_ADDING = frozenset({"append_notes", "set_metadata", "unset_metadata", "expected_version"})


def each(call: Call, change: Any) -> list[dict[str, Any]]:
    named, done = call.given.ids(), []
    if len(named) > 1 or not _STRUCTURE.isdisjoint(call.given.values):
        call.alone()
    for text in named:
        try:
            with transaction.atomic():
                done.append(change(call, call.find(text)))
        except ControlPlaneError as error:
            if len(named) == 1:
                raise
            call.refuse(error, f"{text}: ")
    call.failed = not done
    return gathering.changed(done)


def _consistent(call: Call) -> None:
    given = call.given
    if given.flag("claim") and ("status" in given or "assignee" in given):
        other = "status" if "status" in given else "assignee"
        raise refuse("claim", f"--claim sets it: leave out --{other}")
    if "set_labels" in given and ("add_label" in given or "remove_label" in given):
        raise refuse("set_labels", "--set-labels replaces all: leave out the other label flags")
    if "metadata" in given and ("set_metadata" in given or "unset_metadata" in given):
        raise refuse("metadata", "--metadata replaces all: leave out the other metadata flags")
    if "notes" in given and "append_notes" in given:
        raise refuse("notes", "--notes and --append-notes contradict each other")
    if given.flag("ephemeral") and given.flag("persistent"):
        raise refuse("persistent", "--ephemeral and --persistent contradict each other")
    both = set(given.words("add_label")) & set(given.words("remove_label"))
    if both:
        raise refuse("add_label", f"label {sorted(both)[0]!r} is both added and removed")


def _update(call: Call, item: Item) -> Item:
    given = call.given
    if not _ADDING.isdisjoint(given.values):
        item = states.hold(item, revision=_revision(call))
    if given.flag("claim"):
        item = services.claim(item, **call.who)
    if "parent" in given:
        item = _moved(call, item)
    values = fields(call)
    if given.flag("persistent"):
        values["ephemeral"] = False
    if "append_notes" in given:
        values["notes"] = "\n".join(filter(None, (item.notes, given.text("append_notes"))))
    if "set_metadata" in given or "unset_metadata" in given:
        values["metadata"] = changed_metadata(item, given)
    if session := given.text("session"):
        values["closed_by_session"] = session
    replaced = given.words("set_labels") if "set_labels" in given else None
    return services.update_item(
        item,
        status=given.text("status") if "status" in given else None,
        add_labels=given.words("add_label"),
        remove_labels=given.words("remove_label"),
        set_labels=replaced,
        reason=given.text("reason"),
        **call.who,
        **values,
    )


def _moved(call: Call, item: Item) -> Item:
    """Under another parent; with an empty one, out from under any."""
    named = call.given.text("parent").strip()
    return services.set_parent(item, call.find(named) if named else None, **call.who)


def _revision(call: Call) -> int | None:
    if "expected_version" not in call.given:
        return None
    try:
        return int(call.given.text("expected_version"))
    except ValueError:
        raise Invalid("expected_version is a revision as it was answered.") from None


@command("note", takes={"id", "ids", "text"}, writes=True)
def note(call: Call) -> Any:
    """Add to an item's notes."""
    text = call.given.text("text").strip()
    if not text:
        raise refuse("text", "note text cannot be empty")
    item = states.hold(call.find(call.given.one()))
    notes = "\n".join(filter(None, (item.notes, text)))
    return rows.versioned(services.update_item(item, notes=notes, **call.who))

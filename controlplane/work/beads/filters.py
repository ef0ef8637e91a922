"""What `list`, `ready`, `blocked`, `count` and `search` are narrowed by."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTextTransform

from controlplane.lib import clock
from controlplane.work import vocabulary
from controlplane.work.beads.asking import Call, Given, refuse
from controlplane.work.models import Project
from controlplane.work.services import reading

LABELS = frozenset({"label", "labels", "label_any", "exclude_label"})
PATTERNS = frozenset({"label_pattern", "label_regex", "no_labels"})
PEOPLE = frozenset({"assignee", "no_assignee", "unassigned"})
KINDS = frozenset({"type", "exclude_type", "priority", "priority_min", "priority_max"})
METADATA = frozenset({"metadata_field", "has_metadata_key"})
TEXTS = {
    "title": "title",
    "title_contains": "title",
    "desc_contains": "description",
    "notes_contains": "notes",
    "design_contains": "design",
    "acceptance_contains": "acceptance_criteria",
    "external_contains": "external_ref",
}
EMPTY = {"empty_description": "description"}
TIMES = {
    "created": "created_at",
    "updated": "updated_at",
    "closed": "closed_at",
    "started": "started_at",
    "due": "due_at",
    "defer": "defer_until",
}
MOMENTS = frozenset(f"{name}_{side}" for name in TIMES for side in ("after", "before"))
PLACES = frozenset({"parent", "no_parent", "id", "spec", "spec_id"})
STATES = frozenset({"overdue", "deferred", "pinned", "no_pinned"})
SCOPES = frozenset({"status", "state", "all", "ready"}) | frozenset(
    {"include_gates", "include_infra", "include_templates"}
)
EVERY = LABELS | PATTERNS | PEOPLE | KINDS | METADATA | MOMENTS | STATES | set(TEXTS) | set(EMPTY)
ALL = EVERY | PLACES | SCOPES
_LONGEST_PATTERN = 200

# Below an item, however deep; with a set, so that nothing is met twice.
_BELOW = """
    WITH RECURSIVE below(id) AS (
        SELECT id FROM work_item WHERE parent_id = ANY(%s)
        UNION
        SELECT c.id FROM below b JOIN work_item c ON c.parent_id = b.id
    ) SELECT id FROM below
"""
_LABEL_LIKE = "EXISTS (SELECT 1 FROM unnest(work_item.labels) AS l(name) WHERE l.name ~ %s)"


def narrowed(call: Call, found: Any) -> Any:
    """Every filter but status, type and limits of time, which differ from command to command."""
    given = call.given
    contradictions(given)
    for narrow in (_labels, _people, _priorities, _texts, _times, _states, _metadata):
        found = narrow(found, given)
    return found


def contradictions(given: Given) -> None:
    """Filters that nothing can pass are a mistake, and an empty list would hide it."""
    for one, others in (
        ("no_assignee", ("assignee",)),
        ("unassigned", ("assignee",)),
        ("no_labels", ("label", "labels", "label_any", "label_pattern", "label_regex")),
        ("no_parent", ("parent",)),
        ("empty_description", ("desc_contains",)),
    ):
        for other in others:
            if one in given and given.flag(one) and other in given:
                said = f"--{one} and --{other} contradict each other".replace("_", "-")
                raise refuse(one, said)
    wanted = set(given.words("label")) | set(given.words("labels"))
    both = wanted & set(given.words("exclude_label"))
    if both:
        raise refuse("exclude_label", f"label {sorted(both)[0]!r} is both wanted and excluded")


def _labels(found: Any, given: Given) -> Any:
    found = found.with_labels(given.words("label") + given.words("labels"))
    found = found.with_any_label(given.words("label_any"))
    found = found.without_labels(given.words("exclude_label"))
    if given.flag("no_labels"):
        found = found.filter(labels=[])
    if pattern := given.text("label_pattern"):
        found = found.filter(_some_label("label_pattern", _glob(pattern)))
    if pattern := given.text("label_regex"):
        found = found.filter(_some_label("label_regex", _regex(pattern)))
    return found


def _some_label(flag: str, pattern: str) -> RawSQL:
    if len(pattern) > _LONGEST_PATTERN:
        raise refuse(flag, f"A pattern has at most {_LONGEST_PATTERN} characters.")
    return RawSQL(_LABEL_LIKE, [pattern], output_field=BooleanField())  # noqa: S611 - a constant


def _glob(pattern: str) -> str:
    """`*` and `?` as a shell has them, as an expression of PostgreSQL's."""
    wild = {"*": ".*", "?": "."}
    return "^" + "".join(wild.get(char) or re.escape(char) for char in pattern) + "$"


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, RecursionError) as error:
        raise refuse("label_regex", f"invalid regular expression: {error}") from None
    return pattern


def _people(found: Any, given: Given) -> Any:
    if given.flag("no_assignee") or given.flag("unassigned"):
        return found.filter(assignee="")
    if "assignee" not in given:
        return found
    name = given.text("assignee").strip()
    return found.assigned_to(name) if name else found.filter(assignee="")


def _priorities(found: Any, given: Given) -> Any:
    if "priority" in given:
        given_ones = given.values["priority"]
        several = given_ones if isinstance(given_ones, list) else [given_ones]
        found = found.filter(priority__in=[reading.priority(each) for each in several])
    least = reading.priority(given.values.get("priority_min", 0))
    most = reading.priority(given.values.get("priority_max", 4))
    if least > most:
        raise refuse("priority_min", f"--priority-min {least} is above --priority-max {most}")
    if "priority_min" in given or "priority_max" in given:
        found = found.filter(priority__range=(least, most))
    return found


def _texts(found: Any, given: Given) -> Any:
    for flag, column in TEXTS.items():
        if text := given.text(flag):
            found = found.filter(**{f"{column}__icontains": text})
    for flag, column in EMPTY.items():
        if given.flag(flag):
            found = found.filter(**{column: ""})
    return found


def _times(found: Any, given: Given) -> Any:
    for name, column in TIMES.items():
        after, before = given.moment(f"{name}_after"), given.moment(f"{name}_before")
        _in_order(name, after, before)
        if after is not None:
            found = found.filter(**{f"{column}__gte": after})
        if before is not None:
            found = found.filter(**{f"{column}__lte": before})
    return found


def _in_order(name: str, after: datetime | None, before: datetime | None) -> None:
    if after is not None and before is not None and after > before:
        raise refuse(f"{name}_after", f"--{name}-after is later than --{name}-before")


def _states(found: Any, given: Given) -> Any:
    if given.flag("overdue"):
        found = found.overdue()
    if given.flag("deferred"):
        found = found.filter(Q(status="deferred") | Q(defer_until__gt=clock.now()))
    if given.flag("no_pinned"):
        found = found.exclude(status="pinned")
    if given.flag("pinned"):
        found = found.filter(status="pinned")
    return found


def _metadata(found: Any, given: Given) -> Any:
    for pair in given.words("metadata_field"):
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise refuse("metadata_field", f"invalid --metadata-field {pair!r}: expected key=value")
        # Aliased by number: the name is the caller's.
        alias = f"metadata_{len(found.query.annotations)}"
        found = found.alias(**{alias: KeyTextTransform(name, "metadata")}).filter(**{alias: value})
    if name := given.text("has_metadata_key"):
        found = found.filter(metadata__has_key=name)
    return found


def placed(call: Call, found: Any, *, below: bool) -> Any:
    """By parent and id. `below`: however deep under it; else directly."""
    given = call.given
    if "parent" in given:
        parent = call.find(given.text("parent"))
        found = under(found, parent.pk) if below else found.filter(parent_id=parent.pk)
    if given.flag("no_parent"):
        found = found.filter(parent=None)
    if ids := given.words("id"):
        wanted = Q()
        for key in ids:
            wanted |= Q(key__iexact=key)
        found = found.filter(wanted)
    if spec := given.text("spec") or given.text("spec_id"):
        found = found.filter(spec_id__startswith=spec)
    return found


def under(found: Any, *parents: int) -> Any:
    return found.filter(pk__in=RawSQL(_BELOW, [list(parents)]))  # noqa: S611 - a constant


def statuses(call: Call, flag: str = "status") -> list[str]:
    """Those named; empty for every one."""
    named = call.given.words(flag) or call.given.words("state")
    if not named or "all" in [each.lower() for each in named]:
        return []
    return [reading.status(call.project, each)[0] for each in named]


def types(project: Project, given: Given, flag: str = "type") -> list[str]:
    """Those named, by any of their names. Also those that only tools make."""
    found = []
    for word in given.words(flag):
        name = vocabulary.TYPE_ALIASES.get(word.lower(), word.lower())
        if name not in vocabulary.UNREADY_TYPES:
            name = reading.item_type(project, name)
        found.append(name)
    return found


def without_types(call: Call, found: Any) -> Any:
    gone = types(call.project, call.given, "exclude_type")
    both = set(gone) & set(types(call.project, call.given))
    if both:
        raise refuse("exclude_type", f"type {sorted(both)[0]} is both wanted and excluded")
    return found.exclude(item_type__in=gone) if gone else found


# --- Order ------------------------------------------------------------------------------------

ORDERS: dict[str, tuple[str, ...]] = {
    "priority": ("priority", "-created_at", "id"),
    "created": ("-created_at", "-id"),
    "updated": ("-updated_at", "-id"),
    "closed": ("-closed_at", "-id"),
    "status": ("status", "priority", "id"),
    "id": ("key", "id"),
    "title": ("title", "id"),
    "type": ("item_type", "priority", "id"),
    "assignee": ("assignee", "priority", "id"),
}


def by_label(given: Given) -> bool:
    return any(given.words(flag) for flag in ("label", "labels", "label_any"))


def ordered(call: Call, found: Any) -> Any:
    given = call.given
    name = given.text("sort", "priority") or "priority"
    if name not in ORDERS:
        raise refuse("sort", f"invalid sort field: {name} (one of {', '.join(ORDERS)})")
    order = ORDERS[name]
    if name == "updated":  # that order is kept for the workspace
        found = found.filter(workspace_id=call.project.workspace_id)
    if name == "closed":
        found = found.exclude(closed_at=None)
    if given.flag("reverse"):
        order = tuple(each[1:] if each.startswith("-") else f"-{each}" for each in order)
    return found.order_by(*order)

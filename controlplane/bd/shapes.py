"""The shape of what `--json` and `export` print, as a JSON Schema, for those who make
types of it."""

from __future__ import annotations

from controlplane.bd import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from controlplane.bd.main import Session

Shape = dict[str, object]
_TEXT: Shape = {"type": "string"}
_WHOLE: Shape = {"type": "integer"}
_SCORE: Shape = {"type": "integer", "minimum": 1, "maximum": 5}
_SWITCH: Shape = {"type": "boolean"}
_MOMENT: Shape = {"type": "string", "format": "date-time"}
_KEPT: Shape = {}  # another tool's: given back as it came
_COUNT: Shape = {"type": "integer", "minimum": 0}

_NEEDED = ("id", "title", "status", "priority", "issue_type", "created_at", "updated_at")
# Beside these everything is left out when it is empty, and never null.
_BY_SHAPE: tuple[tuple[Shape, str], ...] = (
    (
        _TEXT,
        "id description design acceptance_criteria notes spec_id status issue_type assignee owner"
        " created_by close_reason closed_by_session external_ref source_system revision parent"
        " stage kpi readiness_artifact backlog_category evidence_url ensure_key subject sender"
        " wisp_type mol_type work_type source_formula source_location event_kind actor target"
        " payload await_type await_id compacted_at_commit dependency_type",
    ),
    (_WHOLE, "compaction_level original_size"),
    (_SCORE, "impact effort"),
    (_SWITCH, "ephemeral in_backlog is_blocked no_history pinned is_template comments_omitted"),
    (
        _COUNT,
        "estimated_minutes dependency_count dependent_count comment_count blocked_by_count"
        " epic_total_children epic_closed_children",
    ),
    (_MOMENT, "created_at updated_at started_at closed_at due_at defer_until compacted_at"),
    (_KEPT, "timeout waiters bonded_from"),
)


def document() -> Shape:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"bd {VERSION}",
        "title": "An issue, as lists and export print it",
        "$ref": "#/$defs/issue",
        "$defs": {
            "issue": _issue(),
            "dependency": _dependency(),
            "comment": _comment(),
            "evidence": _evidence(),
            "event": _event(),
        },
    }


def _issue() -> Shape:
    fields: Shape = {name: shape for shape, names in _BY_SHAPE for name in names.split()}
    fields |= {
        "_type": {"const": "issue"},
        "title": {"type": "string", "minLength": 1, "maxLength": 500},
        "priority": {"type": "integer", "minimum": 0, "maximum": 4},
        "metadata": {"type": "object"},
        "labels": {"type": "array", "items": _TEXT},
        "blocked_by": {"type": "array", "items": _TEXT},
        "epic_closeable": _SWITCH,
        # `list` and `export` print edges here, `show` the issues at their other ends.
        "dependencies": _many({"anyOf": [_named("dependency"), _named("issue")]}),
        "dependents": _many(_named("issue")),
        "external_dependencies": _many(
            {
                "type": "object",
                "properties": {"depends_on_id": _TEXT, "type": _TEXT},
                "required": ["depends_on_id", "type"],
            }
        ),
        "children": _many(_named("issue")),
        "comments": _many(_named("comment")),
        # Of `export` alone.
        "evidence_links": _many(_named("evidence")),
        "events": _many(_named("event")),
    }
    return {"type": "object", "properties": fields, "required": list(_NEEDED)}


def _dependency() -> Shape:
    fields: Shape = {
        "issue_id": _TEXT,
        "depends_on_id": _TEXT,
        "type": _TEXT,
        "created_at": _MOMENT,
        "created_by": _TEXT,
        "metadata": {"type": "string", "description": "A JSON object, as text."},
        "thread_id": _TEXT,
    }
    return {
        "type": "object",
        "properties": fields,
        "required": ["issue_id", "depends_on_id", "type", "created_at"],
    }


def _comment() -> Shape:
    names = ("id", "issue_id", "author", "text")
    fields: Shape = {**dict.fromkeys(names, _TEXT), "created_at": _MOMENT}
    return {
        "type": "object",
        "properties": fields,
        "required": [*names, "created_at"],
    }


def _evidence() -> Shape:
    """A link, or a file's trace: what has a `sha256` and no `url`."""
    fields: Shape = dict.fromkeys(("kind", "title", "url", "sha256", "added_by"), _TEXT)
    fields["created_at"] = _MOMENT
    return {"type": "object", "properties": fields, "required": ["kind", "title", "created_at"]}


def _event() -> Shape:
    names = ("event_type", "actor", "old_value", "new_value", "comment")
    fields: Shape = {**dict.fromkeys(names, _TEXT), "forced": _SWITCH, "created_at": _MOMENT}
    return {"type": "object", "properties": fields, "required": ["event_type", "created_at"]}


def _named(name: str) -> Shape:
    return {"$ref": f"#/$defs/{name}"}


def _many(shape: Shape) -> Shape:
    return {"type": "array", "items": shape}


def schema(session: Session) -> int:
    import json

    if session.json:
        session.print_json(document())
    else:
        session.quiet = False  # asked for by name
        session.say(json.dumps(document(), indent=2))
    return 0

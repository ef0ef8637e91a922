"""One issue in full, and its comments."""

from __future__ import annotations

from controlplane.bd.printing import clean
from controlplane.bd.texts.rows import Row, icon, line, priority, rows, text, words

Args = dict[str, object]
_DATES = (
    ("created_at", "Created"), ("updated_at", "Updated"), ("started_at", "Started"),
    ("due_at", "Due"), ("defer_until", "Deferred until"), ("closed_at", "Closed"),
)  # fmt: skip
_FACTS = (
    ("assignee", "Assignee"), ("owner", "Owner"), ("created_by", "Created by"),
    ("external_ref", "External"), ("spec_id", "Spec"), ("estimated_minutes", "Estimate (min)"),
    ("parent", "Parent"), ("close_reason", "Close reason"), ("revision", "Revision"),
)  # fmt: skip
_SECTIONS = (
    ("description", "DESCRIPTION"), ("design", "DESIGN"), ("notes", "NOTES"),
    ("acceptance_criteria", "ACCEPTANCE CRITERIA"),
)  # fmt: skip


def show(result: object, args: Args, flags: Args) -> str:
    found = rows(result)
    if flags.get("short") is True:
        return "\n".join(line(one) for one in found)
    local = flags.get("local-time") is True
    return f"\n{'-' * 60}\n".join(_block(one, local) for one in found) or "No issues found."


def _block(one: Row, local: bool) -> str:
    kind, status = text(one, "issue_type"), text(one, "status")
    lines = [
        f"{icon(one)} {text(one, 'id')} · {text(one, 'title')}   "
        f"[● {priority(one)} · {status.upper()}]",
        f"Type: {kind} · Status: {status} · Priority: {priority(one)}",
    ]
    lines += [f"{label}: {text(one, name)}" for name, label in _FACTS if one.get(name)]
    dates = [f"{label}: {when(one, name, local)}" for name, label in _DATES if one.get(name)]
    lines.append(" · ".join(dates))
    labels = words(one.get("labels"))
    if labels:
        lines.append(f"Labels: {', '.join(labels)}")
    for name, heading in _SECTIONS:
        if one.get(name):
            lines += ["", heading, clean(str(one[name]))]
    lines += _around(one)
    if one.get("comments"):
        lines += ["", "COMMENTS", *_comments(one.get("comments"), local)]
    return "\n".join(lines)


def _around(one: Row) -> list[str]:
    lines: list[str] = []
    headings = {
        "dependencies": {"parent-child": "PARENT", "": "DEPENDS ON", "soft": "RELATED TO"},
        "dependents": {"parent-child": "CHILDREN", "": "BLOCKS", "soft": "RELATED FROM"},
    }
    for side, names in headings.items():
        groups: dict[str, list[str]] = {}
        for other in rows(one.get(side)):
            kind = text(other, "dependency_type")
            hard = kind in ("blocks", "conditional-blocks", "waits-for")
            group = names.get(kind) or (names[""] if hard else names["soft"])
            tail = "" if kind in ("blocks", "parent-child") else f" ({kind})"
            groups.setdefault(group, []).append(f"  {'→' if side == 'dependencies' else '←'} "
                                                f"{line(other)}{tail}")  # fmt: skip
        for group, entries in groups.items():
            lines += ["", group, *entries]
    return lines


def when(one: Row, name: str, local: bool) -> str:
    said = text(one, name)
    if not local:
        return said
    from datetime import datetime

    try:
        return datetime.fromisoformat(said).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return said


def comments(result: object, args: Args, flags: Args) -> str:
    key = str(args.get("id", ""))
    if not rows(result):
        return f"No comments on {key}"
    local = flags.get("local-time") is True
    return "\n".join([f"Comments on {key}:", "", *_comments(result, local)])


def _comments(value: object, local: bool) -> list[str]:
    lines = []
    for one in rows(value):
        body = clean(str(one.get("text") or "")).replace("\n", "\n    ")
        lines.append(f"  {text(one, 'author')} at {when(one, 'created_at', local)}\n    {body}")
    return lines

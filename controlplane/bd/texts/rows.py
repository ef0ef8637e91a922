"""Parts of lines, out of rows as they come."""

from __future__ import annotations

from controlplane.bd.printing import one_line

ICONS = {
    "open": "○",
    "in_progress": "◐",
    "blocked": "●",
    "hooked": "◇",
    "deferred": "❄",
    "pinned": "📌",
    "closed": "✓",
}
Row = dict[str, object]


def rows(value: object) -> list[Row]:
    """The objects of a list, whatever else stands in it."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def row(value: object) -> Row:
    return value if isinstance(value, dict) else {}


def text(of: Row, name: str) -> str:
    return one_line(of.get(name))


def number(of: Row, name: str) -> int:
    value = of.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def words(value: object) -> list[str]:
    return [one_line(each) for each in value] if isinstance(value, list) else []


def icon(of: Row) -> str:
    return ICONS.get(text(of, "status"), "○")


def priority(of: Row) -> str:
    return f"P{number(of, 'priority')}"


def named(of: Row) -> str:
    title = text(of, "title")
    return f"{text(of, 'id')} — {title}" if title else text(of, "id")


def plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def line(of: Row) -> str:
    """One issue on one line, as lists show it."""
    kind = text(of, "issue_type")
    said = f"{icon(of)} {text(of, 'id')} ● {priority(of)}"
    said += f" [{kind}]" if kind and kind != "task" else ""
    who = f" @{text(of, 'assignee')}" if of.get("assignee") else ""
    labels = words(of.get("labels"))
    return f"{said} {text(of, 'title')}{who}" + (f" [{', '.join(labels)}]" if labels else "")


def long(of: Row) -> list[str]:
    """The same over several lines, with what is written in it."""
    found = [line(of)]
    for name in ("description", "due_at", "defer_until", "external_ref", "notes"):
        if of.get(name):
            shown = text(of, name)
            found.append(f"    {name.replace('_', ' ')}: {shown[:300]}")
    return found

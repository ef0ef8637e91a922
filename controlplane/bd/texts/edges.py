"""Dependencies: changed, listed, drawn."""

from __future__ import annotations

from controlplane.bd.printing import one_line
from controlplane.bd.texts.rows import Row, icon, priority, row, rows, text

Args = dict[str, object]


def added(result: object, args: Args, flags: Args) -> str:
    listed = rows(row(result).get("dependencies"))
    return "\n".join(_added(one, args) for one in (listed or [row(result)]))


def _added(one: Row, args: Args) -> str:
    kind = text(one, "type") or "blocks"
    first, second = _end(one, "issue", args), _end(one, "depends_on", args)
    head = f"✓ Added dependency: {first} depends on {second} ({kind})"
    if kind == "parent-child":
        child, parent = text(one, "issue_id"), text(one, "depends_on_id")
        return f"{head}\n  {child} is now a child of {parent}"
    return head


def _end(one: Row, name: str, args: Args) -> str:
    key = text(one, f"{name}_id") or one_line(args.get(name))
    title = text(one, f"{name}_title")
    return f"{key} ({title})" if title else key


def removed(result: object, args: Args, flags: Args) -> str:
    one = row(result)
    first, second = _end(one, "issue", args), _end(one, "depends_on", args)
    if text(one, "status") not in ("", "removed"):
        return f"○ There was no dependency: {first} on {second}"
    return f"✓ Removed dependency: {first} no longer depends on {second}"


def related(result: object, args: Args, flags: Args) -> str:
    one = row(result)
    ends = f"{text(one, 'id1')} ↔ {text(one, 'id2')}"
    done = {"added": "✓ Related", "removed": "✓ No longer related"}
    return f"{done.get(text(one, 'status'), '○ Were not related')}: {ends}"


def listed(result: object, args: Args, flags: Args) -> str:
    found = rows(result)
    key = one_line(args.get("id"))
    up = args.get("direction") == "up"
    if not found:
        return f"{key} has no dependents" if up else f"{key} has no dependencies"
    lines = [
        f"  {text(one, 'id')}: {text(one, 'title')} [{priority(one)}] "
        f"({text(one, 'status')}) via {text(one, 'dependency_type')}"
        for one in found
    ]
    head = f"Issues that depend on {key}:" if up else f"{key} depends on:"
    return "\n".join([head, *lines])


def cycles(result: object, args: Args, flags: Args) -> str:
    found = [rows(circle) for circle in result] if isinstance(result, list) else []
    if not found:
        return "✓ No dependency cycles detected"
    lines = [f"⚠ Found {len(found)} dependency cycle{'s' if len(found) > 1 else ''}:"]
    for number, circle in enumerate(found, 1):
        keys = [text(one, "id") for one in circle]
        lines.append(f"  {number}. {' → '.join([*keys, *keys[:1]])}")
    return "\n".join(lines)


# --- The tree ---------------------------------------------------------------------------------


def tree(result: object, args: Args, flags: Args) -> str:
    """What it depends on below it, then what depends on it, its parts first."""
    nodes = rows(result)
    key = one_line(args.get("id"))
    if not nodes:
        return f"{key} has no dependencies"
    if flags.get("format") == "mermaid":
        return _mermaid(nodes)
    root = next((one for one in nodes if not one.get("depth")), nodes[0])
    lines = [f"🌲 Dependency tree for {text(root, 'id')}:", ""]
    down = [one for one in nodes if text(one, "direction") != "up"]
    up = [one for one in nodes if text(one, "direction") == "up"]
    if args.get("direction") == "up" and not up:
        down, up = [root], [one for one in nodes if one is not root]
    lines += _drawn(root, down)
    if up:
        lines += ["", f"Subtasks and dependents of {text(root, 'id')}:", *_drawn(root, up)[1:]]
    elif args.get("direction") == "both":
        lines += ["", "No subtasks, and nothing depends on it."]
    if any(one.get("truncated") for one in nodes):
        lines += ["", "… the tree goes on: --max-depth shows more of it"]
    return "\n".join(lines)


def _drawn(root: Row, nodes: list[Row]) -> list[str]:
    below: dict[str, list[Row]] = {}
    for one in nodes:
        if one is not root and one.get("depth"):
            below.setdefault(text(one, "parent_id") or text(root, "id"), []).append(one)
    lines: list[str] = []
    stack: list[tuple[str, str, Row]] = [("", "", root)]
    drawn: set[str] = set()
    while stack:
        lead, branch, one = stack.pop()
        lines.append(f"{lead}{branch}{_node(one)}")
        key = text(one, "id")
        if key in drawn:
            continue
        drawn.add(key)
        inner = lead + {"": "  ", "├── ": "│   ", "└── ": "    "}[branch]
        parts = below.get(key, [])
        for index in range(len(parts) - 1, -1, -1):
            stack.append((inner, "└── " if index == len(parts) - 1 else "├── ", parts[index]))
    return lines


def _node(one: Row) -> str:
    kind = text(one, "edge_from_parent")
    status = text(one, "status")
    mark = ""
    if status != "closed" and one.get("is_blocked") is True:
        mark = " [BLOCKED]"
    elif status == "open" and one.get("is_blocked") is False:
        mark = " [READY]"
    said = f"{icon(one)} {text(one, 'id')}: {text(one, 'title')} [{priority(one)}] ({status})"
    return f"{said}{f' [{kind}]' if kind else ''}{mark}"


def _mermaid(nodes: list[Row]) -> str:
    lines = ["flowchart TD"]
    for one in nodes:
        title = text(one, "title").replace('"', "'").replace("[", "(").replace("]", ")")
        lines.append(f'  {_safe(one, "id")}["{text(one, "id")}: {title}"]')
    for one in nodes:
        if one.get("depth") and one.get("parent_id"):
            ends = (_safe(one, "parent_id"), _safe(one, "id"))
            first, second = ends[::-1] if text(one, "direction") == "up" else ends
            lines.append(f"  {first} --> {second}")
    return "\n".join(lines)


def _safe(one: Row, name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text(one, name))

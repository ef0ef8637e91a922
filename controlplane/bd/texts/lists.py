"""Lists of issues."""

from __future__ import annotations

from controlplane.bd.texts.rows import (
    Row,
    line,
    long,
    number,
    plural,
    priority,
    row,
    rows,
    text,
    words,
)

Args = dict[str, object]
NONE = "No issues found."


def tree(result: object, args: Args, flags: Args) -> str:
    found = rows(result)
    if flags.get("format") in ("digraph", "dot"):
        from controlplane.bd.texts import drawn

        return drawn.digraph(found) if flags["format"] == "digraph" else drawn.dot(found)
    if not found:
        return NONE
    wants_long = flags.get("long") is True
    flat = flags.get("flat") is True or flags.get("tree") is False or "sort" in args
    lines = _flat(found, wants_long) if flat else _nested(found, wants_long)
    return "\n".join([*lines, "", _total(found)])


def _total(found: list[Row]) -> str:
    working = sum(text(one, "status") == "in_progress" for one in found)
    opened = sum(text(one, "status") == "open" for one in found)
    return f"Total: {plural(len(found), 'issue')} ({opened} open, {working} in progress)"


def _flat(found: list[Row], wants_long: bool) -> list[str]:
    return [part for one in found for part in (long(one) if wants_long else [line(one)])]


def _nested(found: list[Row], wants_long: bool) -> list[str]:
    """Parts under their whole, when both are in the list."""
    here = {text(one, "id") for one in found}
    below: dict[str, list[Row]] = {}
    tops = []
    for one in found:
        parent = text(one, "parent")
        if parent in here and parent != text(one, "id"):
            below.setdefault(parent, []).append(one)
        else:
            tops.append(one)
    lines: list[str] = []
    seen: set[str] = set()
    # A stack and not recursion: nothing says how deep parts may go.
    stack = [("", "", one) for one in reversed(tops)]
    while stack:
        lead, branch, one = stack.pop()
        key = text(one, "id")
        if key in seen:
            continue
        seen.add(key)
        shown = long(one) if wants_long else [line(one)]
        lines += [lead + branch + shown[0], *(lead + "    " + more for more in shown[1:])]
        inner = lead + {"": "", "├── ": "│   ", "└── ": "    "}[branch]
        parts = below.get(key, [])
        for index in range(len(parts) - 1, -1, -1):
            stack.append((inner, "└── " if index == len(parts) - 1 else "├── ", parts[index]))
    # Two that call each other their parent are under nobody.
    lines += [line(one) for one in found if text(one, "id") not in seen]
    return lines


def ready(result: object, args: Args, flags: Args) -> str:
    found = rows(result)
    if args.get("claim"):
        if not found:
            return "No ready issue to claim."
        return f"✓ Claimed {text(found[0], 'id')} — {text(found[0], 'title')}"
    if not found:
        return "✨ No ready work found (all issues have blocking dependencies or are taken)"
    lines = _flat(found, flags.get("long") is True)
    return "\n".join([*lines, "", f"Ready: {plural(len(found), 'issue')} with no active blockers"])


def explained(result: object, args: Args, flags: Args) -> str:
    said = row(result)
    lines = ["Ready:"]
    for one in rows(said.get("ready")):
        lines.append(f"  {line(one)}\n      {text(one, 'reason')}")
    lines += ["", "Blocked:"]
    for one in rows(said.get("blocked")):
        lines.append(f"  {line(one)}")
        lines += [f"      by {line(each)}" for each in rows(one.get("blocked_by"))]
    return "\n".join(lines)


def blocked(result: object, args: Args, flags: Args) -> str:
    found = rows(result)
    if not found:
        return "✨ No blocked issues"
    lines = []
    for one in found:
        count = number(one, "blocked_by_count")
        by = ", ".join(words(one.get("blocked_by")))
        lines.append(f"[{priority(one)}] {text(one, 'id')}: {text(one, 'title')}")
        what = "dependency" if count == 1 else "dependencies"
        lines.append(f"  Blocked by {count} open {what}: [{by}]")
        lines += long(one)[1:] if flags.get("long") is True else []
    return "\n".join([*lines, "", f"Blocked: {plural(len(found), 'issue')}"])


def found(result: object, args: Args, flags: Args) -> str:
    hits = rows(result)
    query = str(args.get("query", ""))
    if not hits:
        return f"No issues found matching '{query}'"
    head = f"Found {plural(len(hits), 'issue')} matching '{query}':"
    return "\n".join([head, *_flat(hits, flags.get("long") is True)])


def stale(result: object, args: Args, flags: Args) -> str:
    old = rows(result)
    if not old:
        return "✨ No stale issues"
    lines = []
    for one in old:
        head, *more = long(one) if flags.get("long") is True else [line(one)]
        lines += [f"{head} (last touched {text(one, 'updated_at')})", *more]
    return "\n".join(lines)


def children(result: object, args: Args, flags: Args) -> str:
    parts = rows(result)
    if not parts:
        return f"{args.get('id', '')} has no children"
    return "\n".join(
        [
            *_flat(parts, flags.get("long") is True),
            "",
            f"Total: {plural(len(parts), 'child issue')}",
        ]
    )

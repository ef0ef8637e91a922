"""What a writing did."""

from __future__ import annotations

from controlplane.bd.texts.rows import Row, named, number, plural, priority, row, rows, text, words

Args = dict[str, object]


def created(result: object, args: Args, flags: Args) -> str:
    if isinstance(result, list):
        return _plan(rows(result), args)
    one = row(result)
    head = "Would create issue" if args.get("dry_run") else "✓ Created issue"
    lines = [f"{head}: {named(one)}", f"  Priority: {priority(one)}"]
    return "\n".join([*lines, f"  Status: {text(one, 'status')}"])


def _plan(found: list[Row], args: Args) -> str:
    head = "Would create" if args.get("dry_run") else "✓ Created"
    lines = [f"  {named(one)} [{priority(one)}, {text(one, 'issue_type')}]" for one in found]
    return "\n".join([f"{head} {plural(len(found), 'issue')}:", *lines])


def ensured(result: object, args: Args, flags: Args) -> str:
    one = row(result)
    return f"{'✓ Created issue' if one.get('created') else '✓ Found issue'}: {named(one)}"


def updated(result: object, args: Args, flags: Args) -> str:
    return _each(result, "✓ Updated issue: {}")


def closed(result: object, args: Args, flags: Args) -> str:
    said = row(result)
    lines = [_closed(one) for one in rows(said.get("closed") if said else result)]
    freed = rows(said.get("unblocked"))
    if freed:
        lines += ["", "Newly unblocked:", *(f"  {named(one)} ({priority(one)})" for one in freed)]
    claimed = said.get("claimed")
    taken = [claimed] if isinstance(claimed, dict) else claimed
    lines += [f"✓ Claimed {named(one)}" for one in rows(taken)]
    return "\n".join(lines)


def _closed(one: Row) -> str:
    reason = text(one, "close_reason")
    return f"✓ Closed {named(one)}" + (f": {reason}" if reason else "")


def reopened(result: object, args: Args, flags: Args) -> str:
    reason = f": {args['reason']}" if args.get("reason") else ""
    return "\n".join(f"↻ Reopened {text(one, 'id')}{reason}" for one in rows(result))


def deferred(result: object, args: Args, flags: Args) -> str:
    lines = []
    for one in rows(result):
        until = text(one, "defer_until")
        lines.append(f"❄ Deferred {named(one)}" + (f" until {until}" if until else ""))
    return "\n".join(lines)


def undeferred(result: object, args: Args, flags: Args) -> str:
    return _each(result, "○ Undeferred {}")


def deleted(result: object, args: Args, flags: Args) -> str:
    said = row(result)
    if said.get("dry_run"):
        return ""  # the portal's note on stderr says it
    gone = said.get("deleted")
    shown = ", ".join(words(gone)) if isinstance(gone, list) else text(said, "deleted")
    lines = [f"✓ Deleted {shown}"]
    edges = number(said, "dependencies_removed")
    mentions = number(said, "references_updated")
    if edges:
        lines.append(f"  Removed {plural(edges, 'dependency link')}")
    if mentions:
        lines.append(f"  Updated {plural(mentions, 'reference')}")
    return "\n".join(lines)


def replaced(result: object, args: Args, flags: Args) -> str:
    other = args.get("of") or args.get("with") or ""
    how = "a duplicate of" if "of" in args else "superseded by"
    return f"✓ Closed {args.get('id', '')} as {how} {other}"


def commented(result: object, args: Args, flags: Args) -> str:
    one = row(result)
    key = text(one, "issue_id") or str(args.get("id", ""))
    title = text(one, "issue_title")
    return f"✓ Comment added to {key}" + (f" — {title}" if title else "")


def noted(result: object, args: Args, flags: Args) -> str:
    one = row(result) or next(iter(rows(result)), {})
    return f"✓ Note added to {named(one) if one else args.get('id', '')}"


def labelled(result: object, args: Args, flags: Args) -> str:
    lines = []
    for one in rows(result):
        done = text(one, "status")
        sign = "✓" if done in ("added", "removed") else "○"
        way = "from" if "remove" in done else "to"
        said = f"{done.capitalize() or 'Changed'} label '{text(one, 'label')}' {way}"
        lines.append(f"{sign} {said} {text(one, 'issue_id')}")
    return "\n".join(lines)


def _each(result: object, pattern: str) -> str:
    return "\n".join(pattern.replace("{}", named(one)) for one in rows(result))

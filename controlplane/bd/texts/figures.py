"""Counts, words and settings."""

from __future__ import annotations

from controlplane.bd.printing import one_line
from controlplane.bd.texts.rows import Row, icon, line, number, plural, row, rows, text, words

Args = dict[str, object]
_STATS = (
    ("total_issues", "Total issues"), ("open_issues", "Open"),
    ("in_progress_issues", "In progress"), ("blocked_issues", "Blocked"),
    ("deferred_issues", "Deferred"), ("pinned_issues", "Pinned"), ("closed_issues", "Closed"),
    ("ready_issues", "Ready to work"), ("epics_eligible_for_closure", "Epics ready to close"),
    ("average_lead_time_hours", "Average lead time (hours)"),
)  # fmt: skip


def stats(result: object, args: Args, flags: Args) -> str:
    said = row(result)
    summary = row(said.get("summary")) or said
    lines = ["📊 Issue statistics", ""]
    lines += [f"  {label + ':':<28}{_figure(summary.get(name))}" for name, label in _STATS]
    recent = row(said.get("recent_activity"))
    if recent:
        lines += ["", "  Recent activity"]
        lines += [f"    {one_line(name).replace('_', ' ')}: {_figure(value)}"
                  for name, value in recent.items()]  # fmt: skip
    return "\n".join(lines)


def _figure(value: object) -> str:
    if value is None:
        return "0"
    return f"{value:.1f}" if isinstance(value, float) else one_line(value)


def count(result: object, args: Args, flags: Args) -> str:
    said = row(result)
    if "groups" not in said:
        return _figure(said.get("count"))
    lines = [f"Total: {_figure(said.get('total'))}", ""]
    lines += [f"{text(one, 'group')}: {number(one, 'count')}" for one in rows(said["groups"])]
    return "\n".join(lines)


def types(result: object, args: Args, flags: Args) -> str:
    return _words(result)


def statuses(result: object, args: Args, flags: Args) -> str:
    return _words(result)


def _words(result: object) -> str:
    """Names with what they mean, in groups or not."""
    if isinstance(result, dict):
        lines = []
        for heading, value in result.items():
            if isinstance(value, list) and value:
                lines += [f"{one_line(heading).replace('_', ' ').capitalize()}:", *_named(value)]
        return "\n".join(lines)
    return "\n".join(_named(result))


def _named(value: object) -> list[str]:
    lines = []
    for one in value if isinstance(value, list) else []:
        if isinstance(one, dict):
            name = text(one, "name") or text(one, "status") or text(one, "type")
            about = text(one, "description") or text(one, "category") or text(one, "label")
            lines.append(f"  {name:<16}{about}".rstrip())
        else:
            lines.append(f"  {one_line(one)}")
    return lines


def labels(result: object, args: Args, flags: Args) -> str:
    found = words(result)
    key = one_line(args.get("id"))
    if not found:
        return f"{key} has no labels"
    return "\n".join([f"Labels for {key}:", *(f"  - {label}" for label in found)])


def all_labels(result: object, args: Args, flags: Args) -> str:
    found = rows(result)
    if not found:
        return "No labels found"
    return "\n".join(f"  {text(one, 'label'):<24}{number(one, 'count')}" for one in found)


def epics(result: object, args: Args, flags: Args) -> str:
    found = rows(result)
    if not found:
        return "No open epics found"
    return "\n".join(part for one in found for part in _epic(one))


def _epic(one: Row) -> list[str]:
    epic = row(one.get("epic"))
    done, total = number(one, "closed_children"), number(one, "total_children")
    share = f" ({done * 100 // total}%)" if total else ""
    lines = [f"{icon(epic)} {text(epic, 'id')} {text(epic, 'title')}"]
    lines.append(f"   Progress: {done}/{total} children closed{share}")
    if one.get("eligible_for_close"):
        lines.append("   Eligible for closure")
    return lines


def closed_epics(result: object, args: Args, flags: Args) -> str:
    said = row(result)
    if not said:
        shown = rows(result)
        return "\n".join(line(row(one.get("epic")) or one) for one in shown) or "No epics to close"
    keys = words(said.get("closed")) or [text(one, "id") for one in rows(said.get("closed"))]
    if not keys:
        return "No epics eligible for closure"
    head = "Would close" if args.get("dry_run") else "✓ Closed"
    return f"{head} {plural(len(keys), 'epic')}: {', '.join(keys)}"


def setting_set(result: object, args: Args, flags: Args) -> str:
    return f"Set {args.get('key', '')} = {args.get('value', '')}"


def setting_unset(result: object, args: Args, flags: Args) -> str:
    return f"Unset {args.get('key', '')}"


def setting(result: object, args: Args, flags: Args) -> str:
    said = row(result)
    value = said.get("value") if said else result
    return one_line(value) if value not in (None, "") else f"{args.get('key', '')} (not set)"


def settings(result: object, args: Args, flags: Args) -> str:
    pairs = row(result)
    listed = row(pairs.get("config")) or pairs
    lines = [f"  {one_line(name)} = {one_line(value)}" for name, value in sorted(listed.items())]
    return "\n".join(["Configuration:", *lines]) if lines else "No configuration set"


def plain(result: object, args: Args, flags: Args) -> str:
    """What has no shape of its own: names and values."""
    if isinstance(result, dict):
        return "\n".join(_pair(name, value) for name, value in sorted(result.items()))
    if isinstance(result, list):
        return "\n".join(one_line(one) for one in result)
    return one_line(result)


def _pair(name: str, value: object) -> str:
    label = one_line(name).replace("_", " ")
    if isinstance(value, list):
        return "\n".join([f"{label}:", *(f"  {_inner(one)}" for one in value)])
    return f"{label}: {_inner(value)}"


def _inner(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{one_line(name)} {_inner(each)}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return one_line(value)

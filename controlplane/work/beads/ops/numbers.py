"""`stats`, `count`, `epic status`, `epic close-eligible`, `lint`."""

from __future__ import annotations

from typing import Any

from controlplane.lib.errors import ControlPlaneError
from controlplane.work import services
from controlplane.work.beads import filters, rows
from controlplane.work.beads.asking import Call, refuse
from controlplane.work.beads.table import command
from controlplane.work.models import Item
from controlplane.work.services import counting

_BY = ("status", "priority", "type", "assignee", "label")
ALL_DONE = "All children completed"


@command("stats", "status", takes={"assigned", "no_activity", "all"})
def stats(call: Call) -> Any:
    """The counters stand twice: under `summary`, and by themselves for older tools."""
    mine = call.me if call.given.flag("assigned") else ""
    summary = counting.summary(call.project, assignee=mine)
    answer: dict[str, Any] = {"summary": summary, **summary}
    if not call.given.flag("no_activity"):
        answer["recent_activity"] = counting.recent_activity(call.project)
    return answer


@command(
    "count",
    takes=filters.ALL | {f"by_{name}" for name in _BY} | {"group_by"},
)
def count(call: Call) -> Any:
    given = call.given
    by = [name for name in _BY if given.flag(f"by_{name}") or given.text("group_by") == name]
    if "group_by" in given and not by:
        raise refuse("group_by", f"one of {', '.join(_BY)}")
    if len(by) > 1:
        raise refuse(f"by_{by[1]}", "only one --by-* flag can be given")
    found = filters.placed(call, call.project.items.all(), below=False)
    if given.flag("ready"):
        found = found.ready(types=filters.types(call.project, given))
    named = filters.statuses(call)
    if named:
        found = found.filter(status__in=named)
    if types := filters.types(call.project, given):
        found = found.filter(item_type__in=types)
    found = filters.narrowed(call, filters.without_types(call, found))
    if not by:
        return {"count": found.count()}
    groups = counting.groups(found, by[0])
    total = found.count() if by[0] == "label" else sum(number for _, number in groups)
    return {
        "total": total,
        "groups": [{"group": name, "count": number} for name, number in groups],
    }


# --- Epics ------------------------------------------------------------------------------------


@command("epic_status", takes={"eligible_only"})
def epic_status(call: Call) -> Any:
    return [_epic(each) for each in _epics(call, call.given.flag("eligible_only"))]


def _epic(each: counting.EpicState) -> dict[str, Any]:
    return {
        "epic": rows.issue(each.epic),
        "total_children": each.total,
        "closed_children": each.closed,
        "eligible_for_close": each.eligible,
    }


def _epics(call: Call, eligible_only: bool) -> list[counting.EpicState]:
    found = counting.epics(call.project)
    return [each for each in found if each.eligible or not eligible_only]


@command("epic_close_eligible", takes={"dry_run"}, writes=True)
def epic_close_eligible(call: Call) -> Any:
    eligible = _epics(call, eligible_only=True)
    if call.given.flag("dry_run"):
        return [_epic(each) for each in eligible]
    closed = _closed(call, [each.epic for each in eligible])
    return {"closed": [item.key for item in closed], "count": len(closed)}


def _closed(call: Call, epics: list[Item]) -> list[Item]:
    answer = services.close_items(epics, reason=ALL_DONE, **call.who)
    for item, error in answer.refused:
        _note(call, item, error)
    return answer.closed


def _note(call: Call, item: Item, error: ControlPlaneError) -> None:
    call.refuse(error, f"{item.key}: " if item.key not in error.message else "")

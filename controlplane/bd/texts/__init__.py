"""What a person reads, command by command. The rows come from the portal under Beads' names;
whatever is missing or strange in one must not stop the rest from being shown."""

from __future__ import annotations

Args = dict[str, object]
# Operation -> module and function.
_RENDERERS = {
    "list": "lists.tree",
    "ready": "lists.ready",
    "blocked": "lists.blocked",
    "search": "lists.found",
    "stale": "lists.stale",
    "children": "lists.children",
    "show": "shown.show",
    "comments": "shown.comments",
    "create": "changed.created",
    "ensure": "changed.ensured",
    "update": "changed.updated",
    "close": "changed.closed",
    "reopen": "changed.reopened",
    "defer": "changed.deferred",
    "undefer": "changed.undeferred",
    "delete": "changed.deleted",
    "duplicate": "changed.replaced",
    "supersede": "changed.replaced",
    "comment": "changed.commented",
    "note": "changed.noted",
    "label_add": "changed.labelled",
    "label_remove": "changed.labelled",
    "dep_add": "edges.added",
    "dep_remove": "edges.removed",
    "dep_relate": "edges.related",
    "dep_unrelate": "edges.related",
    "dep_list": "edges.listed",
    "dep_tree": "edges.tree",
    "dep_cycles": "edges.cycles",
    "stats": "figures.stats",
    "count": "figures.count",
    "types": "figures.types",
    "statuses": "figures.statuses",
    "label_list": "figures.labels",
    "label_list_all": "figures.all_labels",
    "epic_status": "figures.epics",
    "epic_close_eligible": "figures.closed_epics",
    "config_set": "figures.setting_set",
    "config_get": "figures.setting",
    "config_list": "figures.settings",
    "config_unset": "figures.setting_unset",
}


def render(op: str, result: object, args: Args, flags: Args) -> str:
    chosen = _RENDERERS.get(op, "figures.plain")
    if op == "ready" and isinstance(result, dict):
        chosen = "lists.explained"
    module_name, _, function = chosen.partition(".")
    module = __import__(f"controlplane.bd.texts.{module_name}", fromlist=[function])
    text: str = getattr(module, function)(result, args, flags)
    return text

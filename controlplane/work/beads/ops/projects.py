"""`init`, `context`, `where`, `info`, `config`, `types`, `statuses`, and the check-ups."""

from __future__ import annotations

from typing import Any

from controlplane.lib.errors import Conflict, NotFound
from controlplane.work import services, vocabulary
from controlplane.work.beads.asking import Call, refuse
from controlplane.work.beads.table import command
from controlplane.work.models import Dependency, Project
from controlplane.work.services import cycles, graph, reading

# What the tools compare with the versions they know.
VERSION = "1.3.0"
BUILD = "portal"
_SAME_NAME = 100


@command("init", takes={"prefix", "project", "name", "from_jsonl"}, writes=True, in_project=False)
def init(call: Call) -> Any:
    """Join the workspace's operations project, or the one of that name; with a prefix, begin a
    new, empty one."""
    given = call.given
    prefix = given.text("prefix").strip().rstrip("-")
    named = given.text("project").strip() or given.text("name").strip()
    if prefix and given.text("project").strip():
        raise refuse("project", "--project joins a project, --prefix begins one: give one of them")
    if prefix and not call.project.is_sandbox:
        return _joined(call, _begun(call, prefix, given.text("name").strip()), created=True)
    if named and not prefix:
        return _joined(call, _called(call, named), created=False)
    return _joined(call, call.project, created=False)


def _begun(call: Call, prefix: str, name: str) -> Project:
    """Prefixes may repeat, names may not: a second `api` is `api 2`."""
    taken = Project.objects.of(call.workspace).shared()
    names = {each.lower() for each in taken.values_list("name", flat=True)}
    if name and name.lower() in names:
        raise Conflict(f"There is a project {name} already: join it with --project.")
    free = [prefix, *(f"{prefix} {number}" for number in range(2, _SAME_NAME))]
    name = name or next((each for each in free if each.lower() not in names), prefix)
    return services.create_project(call.workspace, actor=call.actor, name=name, prefix=prefix)


def _called(call: Call, name: str) -> Project:
    mine = Project.objects.visible_to(call.actor).of(call.workspace).shared().in_use()
    found: list[Project] = list(mine.filter(name__iexact=name)[:1]) or list(
        mine.filter(prefix__iexact=name)[:2]
    )
    if len(found) != 1:
        known = ", ".join(mine.values_list("name", flat=True)[:20])
        raise NotFound(f"there is no project {name!r} here (there are: {known})")
    return found[0]


def _joined(call: Call, project: Project, *, created: bool) -> dict[str, Any]:
    return {**_place(call, project), "created": created, "issues": project.items.count()}


def _place(call: Call, project: Project) -> dict[str, Any]:
    return {
        "project": str(project.uid),
        "project_id": str(project.uid),
        "name": project.name,
        "prefix": project.prefix,
        "issue_prefix": project.prefix,
        "workspace": call.workspace.slug,
        "sandbox": project.is_sandbox,
    }


@command("context", "where", takes=())
def context(call: Call) -> Any:
    """Where the caller is; the client adds the folder."""
    return {
        **_place(call, call.project),
        "backend": BUILD,
        "bd_version": VERSION,
        "database": call.project.name,
        "role": ",".join(sorted(call.actor.roles_in(call.workspace.pk))),
        "actor": call.me,
        "is_redirected": False,
        "is_worktree": False,
    }


@command("version", takes=())
def version(call: Call) -> Any:
    return {"version": VERSION, "build": BUILD, "branch": ""}


@command("info", takes={"schema", "whats_new"})
def info(call: Call) -> Any:
    answer = {
        **context(call),
        "mode": "server",
        "issue_count": call.project.items.count(),
        "config": services.config_of(call.project),
    }
    if call.given.flag("schema"):
        answer["schema"] = {
            "tables": ["issues", "dependencies", "labels", "comments", "events", "config"],
            "schema_version": "1",
            "config": services.config_of(call.project),
            "sample_issue_ids": list(
                call.project.items.order_by("-id").values_list("key", flat=True)[:3]
            ),
            "detected_prefix": call.project.prefix,
        }
    return answer


# --- Settings ---------------------------------------------------------------------------------


@command("config_get", takes={"key"})
def config_get(call: Call) -> Any:
    key = call.given.text("key")
    value = services.config_of(call.project).get(key, "")
    return {"key": key, "value": value}


@command("config_set", takes={"key", "value"}, writes=True)
def config_set(call: Call) -> Any:
    key, value = call.given.text("key"), call.given.text("value")
    services.set_config(call.project, key, value, actor=call.actor)
    return {"key": key, "value": value}


@command("config_unset", takes={"key"}, writes=True)
def config_unset(call: Call) -> Any:
    key = call.given.text("key")
    services.set_config(call.project, key, None, actor=call.actor)
    return {"key": key}


@command("config_list", takes=())
def config_list(call: Call) -> Any:
    return services.config_of(call.project)


@command("types", takes=())
def types(call: Call) -> Any:
    core = [{"name": name, "description": label} for name, label in vocabulary.TYPES.items()]
    return {"core_types": core, "custom_types": list(call.project.custom_types)}


@command("statuses", takes=())
def statuses(call: Call) -> Any:
    built_in = [
        {"name": name, "category": category} for name, category in vocabulary.STATUSES.items()
    ]
    custom = call.project.custom_statuses.items()
    return {
        "built_in_statuses": built_in,
        "custom_statuses": [{"name": name, "category": category} for name, category in custom],
    }


# --- Check-ups --------------------------------------------------------------------------------

_TEST_TITLES = r"^(test|testing|sample|tmp|temp|dummy|foo|bar|asdf)[-_ ]*[0-9]*$"


@command("doctor", takes={"check", "fix", "clean", "deep", "path", "quick"})
def doctor(call: Call) -> Any:
    """What could be wrong with a graph. Readiness is kept by the server, hence checked there."""
    check = call.given.text("check")
    if check == "pollution":
        return _pollution(call)
    checks = [_checked_readiness(call), _checked_cycles(call)]
    healthy = all(each["status"] == "ok" for each in checks)
    return {
        "overall_ok": healthy,
        "checks": checks,
        "check": check or "all",
        "cli_version": VERSION,
        "orphaned_dependencies": {"count": 0},
        "duplicates": {"count": 0},
        "fixed": False,
    }


def _checked_readiness(call: Call) -> dict[str, Any]:
    wrong = graph.mismatches(call.workspace.pk)
    status = "error" if wrong else "ok"
    return {"name": "readiness", "status": status, "message": f"{len(wrong)} rows differ"}


def _checked_cycles(call: Call) -> dict[str, Any]:
    loops = cycles.cycles(call.workspace, call.project)
    status = "error" if loops else "ok"
    return {"name": "cycles", "status": status, "message": f"{len(loops)} cycles"}


def _pollution(call: Call) -> dict[str, Any]:
    """Items that look like somebody's trial. Named, never deleted: deleting is `bd delete`."""
    found = call.project.items.filter(title__iregex=_TEST_TITLES).order_by("id")
    suspects = [{"id": item.key, "title": item.title} for item in found.only("key", "title")[:200]]
    if suspects and call.given.flag("clean"):
        call.note("Nothing was deleted: look at them and use `bd delete`")
    return {"polluted_issues": suspects, "count": len(suspects), "deleted": 0}


@command("repair_deps", takes={"fix", "interactive"})
def repair_deps(call: Call) -> Any:
    """Edges to what is not here: the database lets none point at what was deleted."""
    away = Dependency.objects.filter(item__project=call.project, target=None)
    names = [{"issue_id": key, "depends_on_id": name} for key, name in _names(away)]
    return {"orphans_found": 0, "orphans": [], "external": names, "removed": 0, "fixed": 0}


def _names(edges: Any) -> Any:
    return edges.order_by("id").values_list("item__key", "target_name")[:200]


@command("sync", "flush", "cleanup", "migrate", "compact", takes={"status", "days", "inspect"})
def nothing_to_do(call: Call) -> Any:
    """What stores of files need. Here everybody reads what the last one wrote."""
    call.note("Nothing to do: the server keeps one graph for everybody")
    return {
        "status": "ok",
        "message": "nothing to do",
        "operation": reading.line("op", call.op, 40),
    }

"""What a linter can't see: relations and names that point upwards, writes outside services."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from tests.kit import source
from tests.kit.source import COMPOSITION, ROOT, at, calls, module_of, name_of, nodes, product_files

# One process parses all the sources once, for all of these.
pytestmark = pytest.mark.xdist_group("source")
# --- Layers -----------------------------------------------------------------------------------


@cache
def layers() -> list[list[str]]:
    """The order of import-linter's contract, lowest last: one list for both."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [contract] = [entry for entry in config["contracts"] if entry["type"] == "layers"]
    return [
        [name.strip(" ()") for name in re.split(r"[|:]", layer)] for layer in contract["layers"]
    ]


def height(module: str) -> int | None:
    """How high a module stands; None for what belongs to no layer, such as settings."""
    for index, names in enumerate(layers()):
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return len(layers()) - index
    return None


def points_up(source: str, target: str) -> bool:
    here, there = height(source), height(target)
    if here is None or there is None:
        return False
    same_layer_sibling = here == there and source.split(".")[:2] != target.split(".")[:2]
    return there > here or (same_layer_sibling and source.startswith("controlplane."))


def test_relations__never_point_upwards() -> None:
    wrong = []
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            if not isinstance(field, models.Field) or not field.is_relation:
                continue
            target = field.related_model
            if isinstance(target, type) and points_up(model.__module__, target.__module__):
                wrong.append(f"{model._meta.label}.{field.name} -> {target._meta.label}")
    assert not wrong


@cache
def app_modules() -> dict[str, str]:
    return {config.label: config.name for config in apps.get_app_configs()}


def test_names_in_strings__never_point_upwards() -> None:
    """`apps.get_model("incidents.Incident")` and `import_module("controlplane.console")` are
    imports that no linter sees."""
    wrong = []
    for path in product_files():
        module = module_of(path)
        if COMPOSITION & set(module.split(".")):
            continue
        for call in calls(path):
            if name_of(call) not in {"get_model", "import_module", "import_string"}:
                continue
            for argument in call.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    target = _module_named(name_of(call), argument.value)
                    if points_up(module, target):
                        wrong.append(f"{at(path, call)} {argument.value}")
    assert not wrong


def _module_named(function: str, text: str) -> str:
    return (
        app_modules().get(text.split(".", maxsplit=1)[0], "") if function == "get_model" else text
    )


# --- Only services write ----------------------------------------------------------------------

# Modules that write without being called services: the mechanisms services are made of, and
# topic files whose functions are services of their own. Doors are never among them.
WRITERS: dict[str, str] = {
    "controlplane.access.attempts": "counts failed attempts, also of those who are nobody",
    "controlplane.access.issuer_keys": "remembers fetched keys of outside issuers",
    "controlplane.access.credentials": "notes the last use of a key",
    "controlplane.access.dbroles": "database roles are SQL",
    "controlplane.audit.pruning": "lets events go after their year",
    "controlplane.audit.review": "services of the weekly review",
    "controlplane.audit.sealing": "the chain",
    "controlplane.base.api.idempotency": "remembers answers in the change's transaction",
    "controlplane.base.own_links": "services of links that programs fetch",
    "controlplane.base.personal": "erasers that privacy's service calls",
    "controlplane.base.refs": "hands out numbers",
    "controlplane.base.retention": "the clean-up",
    "controlplane.base.signals": "news between apps",
    "controlplane.base.states": "the one way to change a state",
    "controlplane.console.chaos_rows": "the traffic of the chaos test, in rows of its own",
    "controlplane.jobs.alarms": "the watch's own memory",
    "controlplane.jobs.direct": "the watch's own memory",
    "controlplane.jobs.engine": "the engine's rhythm",
    "controlplane.jobs.heartbeats": "who is alive",
    "controlplane.jobs.leases": "the one way to claim and settle work",
    "controlplane.jobs.obligations": "services of recurring duties",
    "controlplane.jobs.progress": "services of a run that is told of, and stopped, while it runs",
    "controlplane.jobs.runs": "runs of jobs",
    "controlplane.jobs.timers": "sets and cancels promises",
    "controlplane.notify.settling": "settles deliveries under a lease",
    "controlplane.notify.outbox": "the one way out",
    "controlplane.notify.together": "settles deliveries under leases, several at once",
    "controlplane.notify.undelivered": "marks critical news that reached nobody",
    "controlplane.privacy.scrubbing": "takes people out of a copy",
    "deployments.ci.receiving": "services of what pipelines report",
    "deployments.overview.merges": "keeps what the repositories tell of merges",
    "deployments.steps.copying": "steps laid out, within the service that prepares",
    "deployments.steps.moving": "the one way to move a step",
    "deployments.steps.worker": "claims a step and keeps its lease",
    "deployments.watch.snapshots": "figures kept, within services",
    "deployments.watch.timers": "looks at what is watched, by timers",
    "telemetry.audits.gaps": "gaps of an audit, within its service",
    "telemetry.audits.running": "services of the audit",
    "telemetry.bench_server": "the plain endpoint that benches compare with",
    "telemetry.erasing": "the service that lets events go",
    "telemetry.ingest.refusing": "counts what was not taken",
    "telemetry.ingest.storing": "the COPY",
    "telemetry.kpis.rows": "services of key figures",
    "telemetry.partitions.archive": "days and their files",
    "telemetry.partitions.closing": "days and their files",
    "telemetry.partitions.opening": "days and their files",
    "telemetry.rollups.marks": "the roller",
    "incidents.gamedays.playing": "services of game days",
    "incidents.paging.auditing": "mends what was forgotten",
    "incidents.paging.drilling": "services of drills",
    "incidents.paging.pouring": "many rows in one statement",
    "incidents.paging.rules": "services of how one is called",
    "incidents.intake.acting": "what follows from alerts, within the one transaction of a message",
    "incidents.intake.handling": "services of what people do with alerts and messages",
    "incidents.intake.receiving": "keeps each message, and settles it",
    "incidents.intake.sources": "services of sources and their keys",
    "incidents.intake.storing": "alerts, set by set",
    "incidents.paging.answering": "services of whoever answers a call",
    "incidents.paging.calls": "pages and what is sent for them, in sets",
    "incidents.paging.ending": "ends runs, within services",
    "incidents.paging.policies": "services of policies of escalation",
    "incidents.paging.runs": "the service that begins a run",
    "incidents.paging.stepping": "the escalation engine, in sets",
    "incidents.paging.turning": "the escalation engine, in sets",
    "incidents.records.calling": "the service that calls others to an incident",
    "incidents.records.joining": "alerts come to an incident, within their transaction",
    "incidents.records.levels": "services of the ladder of severities",
    "incidents.records.moving": "services of an incident's steps",
    "incidents.records.opening": "the service that opens an incident",
    "incidents.records.cadence": "the clock of updates, within services",
    "incidents.response.acting": "services of what is done against incidents",
    "incidents.records.putting": "fields of incidents, within services",
    "incidents.response.checks": "services of looks whether it works again",
    "incidents.response.deciding": "services of what was decided",
    "incidents.response.missing": "notices updates that did not come",
    "incidents.response.responding": "services of what happens by itself",
    "incidents.response.saying": "services of what is said on a timeline",
    "incidents.response.splitting": "the service that splits an incident",
    "incidents.response.updates": "services of updates",
    "incidents.runbooks.books": "services of runbooks and their versions",
    "incidents.runbooks.running": "services of working through a runbook",
    "incidents.runbooks.using": "notes that a runbook was read",
    "incidents.runbooks.validating": "services of trying and drilling runbooks",
    "incidents.reviews.acting": "services of what is to be done after an incident",
    "incidents.reviews.signing": "the service that asks for signatures of a report",
    "incidents.reviews.writing": "services of reviews of incidents",
    "incidents.routing.letting_go": "acts on what was held back, in sets",
    "incidents.routing.rules": "services of rules of routing",
    "incidents.routing.shipped": "adopts what a release brings",
    "incidents.routing.silences": "services of silences",
    "incidents.shipping": "adopts what a release brings",
    "incidents.status.registered": "erases subscribers, for the privacy officer's service",
    "incidents.support.answering": "services of tickets",
    "incidents.support.calling": "services of tickets",
    "incidents.support.clocks": "clocks of tickets, within the services",
    "incidents.support.forgetting": "erases who asked, for the privacy officer's service",
    "incidents.support.holding": "fields of tickets, within the services",
    "incidents.support.articles": "services of the knowledge base",
    "incidents.support.canned": "services of canned replies",
    "incidents.support.doors": "services of the public page of support",
    "incidents.support.hours": "services of the hours of support",
    "incidents.support.lateness": "keeps promises of tickets that were missed",
    "incidents.support.merging": "services of tickets",
    "incidents.support.opening": "services of tickets",
    "incidents.support.receiving": "keeps mails as they came",
    "incidents.support.said": "services of what is said of tickets",
    "incidents.support.holidays": "services of holidays that a calendar names",
    "incidents.status.mailing": "remembers until when readers were told",
    "incidents.status.services": "services of status pages",
    "incidents.status.writing": "writes status pages ahead",
    "missions.governance.running": "keeps checks, and what they found",
    "missions.threads.waking.asking": "services of whoever asks for a wake, and of who answers",
    "missions.threads.waking.reconciling": "finds what was missed, in sets",
    "telemetry.rollups.missions": "the roller",
    "telemetry.rollups.sessions": "the roller",
    "telemetry.rollups.statements": "the roller",
    "telemetry.trimming": "lets minutes go when hours have them",
}
DOORS = frozenset(
    ["admin", "api", "web", "middleware", "urls", "forms", "models", "querysets", "apps", "views"]
)
ORM_WRITES = frozenset(
    [
        "save",
        "create",
        "delete",
        "update",
        "bulk_create",
        "bulk_update",
        "get_or_create",
        "update_or_create",
        "acreate",
        "asave",
        "adelete",
        "aupdate",
    ]
)
PLAIN = frozenset({"controlplane.lib", "controlplane.embedded", "controlplane.bootstrap"})
SQL_WRITE = re.compile(r"\s*(INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM)\b", re.IGNORECASE)


def is_writer(module: str) -> bool:
    parts = module.split(".")
    # `benches` write into a database made for them and dropped afterwards.
    if {"services", "benches"} & set(parts) or parts[-1] == "tasks":
        return True
    return module in WRITERS


def is_orm_write(call: ast.Call) -> bool:
    """A guess that is wrong on the safe side: dict.update(mapping), hash.update(bytes) and
    path.create() take no keywords and stand on no manager."""
    if name_of(call) not in ORM_WRITES or not isinstance(call.func, ast.Attribute):
        return False
    receiver = ast.unparse(call.func.value)
    if "session" in receiver or receiver.startswith(("app.conf", "vars()")):
        return False
    on_manager = any(
        mark in receiver
        for mark in (".objects", "_manager", ".filter(", ".exclude(", ".all()", "super()")
    )
    if name_of(call) == "update":
        return not call.args and (on_manager or bool(call.keywords))
    if name_of(call) in {"save", "delete"}:
        return on_manager or (not call.args and bool(receiver))
    return on_manager


def is_sql_write(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and SQL_WRITE.match(node.value) is not None
    )


def writes(path: Path) -> list[str]:
    return [
        at(path, node)
        for node in nodes(path)
        if (isinstance(node, ast.Call) and is_orm_write(node)) or is_sql_write(node)
    ]


def test_writes__only_in_services_and_named_mechanisms() -> None:
    wrong = [
        place
        for path in product_files()
        if not is_writer(module := module_of(path))
        and not any(module == name or module.startswith(f"{name}.") for name in PLAIN)
        for place in writes(path)
    ]
    assert not wrong, "write in a service, or name the mechanism in WRITERS"


def test_writers__exist_and_are_no_doors() -> None:
    modules = {module_of(path) for path in product_files()}
    gone = sorted(set(WRITERS) - modules)
    assert not gone, f"in WRITERS, but not there: {gone}"
    doors = [name for name in WRITERS if name.split(".")[-1] in DOORS]
    assert not doors


# --- The checks themselves bite ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "up"),
    [
        ("controlplane.access.models.people", "controlplane.base.models", True),
        ("controlplane.base.models.kernel", "controlplane.access.models", False),
        ("controlplane.lib.clock", "controlplane.audit", True),
        ("telemetry.models", "deployments.models", True),
        ("incidents.models", "missions.models", False),
        ("controlplane.catalog.models", "controlplane.backups.models", True),  # siblings
        ("controlplane.catalog.a", "controlplane.catalog.b", False),
    ],
)
def test_layers__up_and_sideways_are_seen(source: str, target: str, up: bool) -> None:
    assert points_up(source, target) is up


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("row.save()", True),
        ("row.save(update_fields=['a'])", True),
        ("Thing.objects.create(a=1)", True),
        ("Thing.objects.filter(a=1).update(a=2)", True),
        ("rows.update(**new)", True),
        ("rows.delete()", True),
        ("'DELETE FROM things WHERE id = %s'", True),
        ("'insert into things values (1)'", True),
        ("known.update(other)", False),
        ("hashlib.sha256().update(data)", False),
        ("folder.create()", False),
        ("request.session.save()", False),
        ("'Update the things'", False),
    ],
)
def test_writes__are_told_from_what_only_looks_like_them(
    code: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "ROOT", tmp_path)
    file = tmp_path / "sample.py"
    file.write_text(code)
    assert bool(writes(file)) is found

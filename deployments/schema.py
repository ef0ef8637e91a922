"""One source of the schema: the migrations. Whether the database and the code agree with them is
looked at regularly; that they don't is news for those who keep incidents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.core import checks
from django.db import connection
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.questioner import NonInteractiveMigrationQuestioner
from django.db.migrations.state import ProjectState

from controlplane.base import signals
from controlplane.jobs.models import JobRun
from controlplane.lib import clock

JOB = "deployments.schema_drift"
SIGNAL = "schema.drift"
# Made by migrations without a model: partitions carry their table's name in front.
_NO_MODEL = ("django_migrations",)


@dataclass(frozen=True, slots=True)
class Seen:
    at: datetime
    findings: list[str]


def unapplied() -> list[str]:
    """What `migrate --check` finds."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def unmade() -> list[str]:
    """What `makemigrations --check` finds: models changed without a migration."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    detector = MigrationAutodetector(
        loader.project_state(),
        ProjectState.from_apps(apps),
        NonInteractiveMigrationQuestioner(specified_apps=set(), dry_run=True),
    )
    return sorted(detector.changes(graph=loader.graph))


def missing_tables() -> list[str]:
    """Tables that a model has and the database hasn't: somebody dropped one by hand."""
    wanted = {model._meta.db_table for model in apps.get_models() if model._meta.managed}
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
    return sorted(wanted - there - set(_NO_MODEL))


def missing_columns() -> list[str]:
    """Columns that a model has and its table hasn't, and the other way round."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = ANY(current_schemas(false))"
        )
        there: dict[str, set[str]] = {}
        for table, column in cursor.fetchall():
            there.setdefault(table, set()).add(column)
    found = []
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table
        if not model._meta.managed or table not in there:
            continue
        wanted = {field.column for field in model._meta.local_fields if field.column}
        found += [f"{table}.{name} is missing" for name in sorted(wanted - there[table])]
        found += [f"{table}.{name} is of no model" for name in sorted(there[table] - wanted)]
    return found


def stale_documents() -> list[str]:
    """The committed description of the API, where it is not what the routes answer to."""
    from controlplane.base.api.documents import document  # the generator: long to import
    from controlplane.base.management.commands.api_schema import FROZEN, frozen_text

    if not FROZEN.is_file():  # installed without its documents
        return []
    made = json.loads(frozen_text(document()))
    return [] if json.loads(FROZEN.read_text(encoding="utf-8")) == made else [FROZEN.name]


def refused_settings() -> list[str]:
    """What `check --deploy` calls an error."""
    said = checks.run_checks(include_deployment_checks=True)
    return [each.id or each.msg[:80] for each in said if each.is_serious(checks.ERROR)]


def look() -> dict[str, list[str]]:
    """Everything that differs, by kind."""
    return {
        "unapplied": unapplied(),
        "unmade": unmade(),
        "tables": missing_tables(),
        "columns": missing_columns(),
        "documents": stale_documents(),
        "settings": refused_settings(),
    }


_WORDS = {
    "unapplied": "migrations are not applied",
    "unmade": "apps changed without a migration",
    "tables": "tables are missing",
    "columns": "columns differ",
    "documents": "descriptions of the API are not current",
    "settings": "settings are refused",
}


def check() -> dict[str, list[str]]:
    """The job's run: what was found is kept with it, and told once a day while it lasts."""
    found = look()
    if any(found.values()):
        signals.emit(
            SIGNAL,
            key=f"schema:{clock.now():%Y-%m-%d}",
            payload={"found": {name: items[:20] for name, items in found.items() if items}},
        )
    return {name: items[:20] for name, items in found.items()}


def last_seen() -> Seen | None:
    """What the newest finished look found."""
    run = JobRun.objects.filter(name=JOB, state="done").order_by("-id").first()
    if run is None or run.finished_at is None:
        return None
    found = [
        f"{len(items)} {_WORDS[name]}: {', '.join(items[:5])}"
        for name, items in run.counts.items()
        if name in _WORDS and items
    ]
    return Seen(run.finished_at, found)

"""`manage.py doctor`: what is wrong with this installation, and the mend of each."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from kombu import Connection
from kombu.exceptions import KombuError
from redis import RedisError

from controlplane.embedded.findings import Finding, folder, machine
from controlplane.embedded.launch import probe
from controlplane.embedded.portal import Address
from controlplane.embedded.state import Run, State
from controlplane.lib import clock

OLDEST_DATABASE = 150_000
CLOCK_TOLERANCE_S = 5.0
AUDIT_TABLE = "audit_auditevent"
MARKS = {"ok": " ok ", "warning": "warn", "error": "FAIL"}


class Command(BaseCommand):
    help = "Say what is wrong and the exact mend. Exit code 1 when something serious is."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document")
        # Taken by manage.py before settings load; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: .state)")

    def handle(self, *args: Any, **options: Any) -> None:
        state = State.at(settings.STATE_DIR)
        findings = list(examine(state))
        serious = [finding for finding in findings if finding.level == "error"]
        if options["json"]:
            self.stdout.write(json.dumps([as_dict(f) for f in findings], indent=1))
        else:
            for finding in findings:
                self.stdout.write(f"[{MARKS[finding.level]}] {finding.check}: {finding.said}")
                if finding.mend:
                    self.stdout.write(f"       mend: {finding.mend}")
            self.stdout.write(f"{len(serious)} serious." if serious else "Nothing serious.")
        self.stdout.flush()
        sys.exit(1 if serious else 0)


def as_dict(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "level": finding.level,
        "said": finding.said,
        "mend": finding.mend,
    }


def examine(state: State) -> Iterator[Finding]:
    yield from machine(state)
    yield from folder(state)
    yield from secrets_strength()
    if not is_reachable_by_design(state):
        return
    if not is_being_prepared(state):
        yield from guarded("database", database)
        yield from guarded("broker", broker)
    yield from readiness(state)


def is_reachable_by_design(state: State) -> bool:
    """A stopped embedded portal has no database to ask; that is no finding of its own."""
    if not os.environ.get("DATABASE_URL"):
        return False
    folder = str(settings.DATABASES["default"].get("OPTIONS", {}).get("host", ""))
    own = (state.root / "postgres").exists() and folder.startswith("/")
    return Run.read(state).running or not own


def is_being_prepared(state: State) -> bool:
    """A start that has no program of the portal yet migrates and grants: its database refuses the
    portal's role until that is over, and what it misses is what is being made."""
    run = Run.read(state)
    return (
        run.running
        and run.phase == "starting"
        and not any(name.startswith("web") for name in run.programs)
    )


def guarded(check: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except DatabaseError as error:
        mend = (
            "Check DATABASE_URL, and that the server runs and lets this user in; for the embedded "
            "one `python3 manage.py up`."
        )
        yield Finding(check, f"Can't be reached: {str(error).strip()}", mend, serious=True)


def secrets_strength() -> Iterator[Finding]:
    key = settings.SECRET_KEY
    if key.startswith("local-only-"):
        yield Finding(
            "secrets",
            "SECRET_KEY is the built-in one of a local checkout",
            "Set SECRET_KEY, or start with `python3 manage.py up`, which makes one.",
            serious=settings.PRODUCTION,
        )
    elif len(key) < 50:
        mend = "Set a SECRET_KEY of at least 50 random characters."
        yield Finding("secrets", f"SECRET_KEY has {len(key)} characters", mend)


# --- Database -----------------------------------------------------------------------------------


def database() -> Iterator[Finding]:
    connection = connections["default"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, current_setting('server_version'), clock_timestamp(),"
            " current_setting('server_version_num')::int"
        )
        user, version, theirs, number = cursor.fetchone()
    if number < OLDEST_DATABASE:
        mend = "Move to PostgreSQL 15 or newer."
        yield Finding("database", f"PostgreSQL {version} is too old", mend, serious=True)
    else:
        yield Finding("database", f"PostgreSQL {version} as {user}")
    yield clock_difference(theirs)
    yield migrations()
    yield from tamper_protection()


def clock_difference(theirs: datetime) -> Finding:
    apart = abs((clock.now() - theirs).total_seconds())
    said = f"This machine and the database are {apart:.1f} s apart"
    if apart > CLOCK_TOLERANCE_S:
        mend = "Turn time synchronisation on: `timedatectl set-ntp true` on both machines."
        return Finding("clock", said, mend, serious=apart > 60)
    return Finding("clock", said)


def migrations() -> Finding:
    executor = MigrationExecutor(connections["default"])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        names = ", ".join(f"{m.app_label}.{m.name}" for m, _ in plan[:5])
        mend = "`python3 manage.py prepare` applies them."
        return Finding("migrations", f"{len(plan)} pending: {names}", mend, serious=True)
    return Finding("migrations", "All applied")


def tamper_protection() -> Iterator[Finding]:
    """Whoever owns the audit table can switch its triggers off."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class "
            "WHERE oid = to_regclass(%s)",
            [AUDIT_TABLE],
        )
        row = cursor.fetchone()
    if row is None:
        return
    if row[0]:
        mend = (
            "Give the portal a role of its own: `python3 manage.py db_roles --help`, then set "
            "DATABASE_URL to it and DATABASE_OWNER_URL to the owner."
        )
        said = "Tamper protection is reduced: the portal's role owns the audit log"
        yield Finding("audit", said, mend)
    else:
        yield Finding("audit", "The portal's role doesn't own the audit log")


# --- Broker and processes -----------------------------------------------------------------------


def broker() -> Iterator[Finding]:
    try:
        with Connection(settings.REDIS_URL, connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
            channel: Any = connection.default_channel
            version = channel.client.info("server").get("redis_version", "?")
    except (KombuError, OSError, RedisError) as error:
        mend = "Check REDIS_URL and that the server runs; for the embedded one `manage.py up`."
        yield Finding("broker", f"Can't be reached: {error}", mend, serious=True)
    else:
        yield Finding("broker", f"Redis protocol, version {version}")


def readiness(state: State) -> Iterator[Finding]:
    """What the portal itself says through its own front door."""
    run = Run.read(state)
    if not run.running:
        return
    missing = probe(Address.of_url(run.url))
    if missing and run.phase == "starting":
        mend = "Wait: `up` says when it is ready. Until then stopping it only starts it anew."
        yield Finding("ready", f"The portal is starting: {missing}", mend)
    elif missing:
        mend = f"Read the logs in {state.logs}; `python3 manage.py down`, then `up`, starts anew."
        yield Finding("ready", missing, mend, serious=True)
    else:
        yield Finding("ready", f"{run.url}/ready says yes: web, stream, worker and beat are alive")

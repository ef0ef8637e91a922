"""Bringing a backup back: into a scratch database, into another one, or in place of the live one.

Always into an empty database first, where it is counted and its audit log proved; only then may
it take the live one's name. The old one is kept under another name, so that no restore, however
mistaken, destroys anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.db import connections
from psycopg import sql

from controlplane.audit.proof import prove
from controlplane.audit.sealing import alias
from controlplane.backups import dumping, files, pgtools
from controlplane.jobs import progress
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, Unavailable

Where = dict[str, str]
_SCRATCH, _STAMP = "_scratch_", "%Y%m%d%H%M%S"
# Longer than any drill may take.
_FORGOTTEN = timedelta(hours=6)


@dataclass
class Restored:
    manifest: files.Manifest
    rows: int = 0
    # table -> (rows when dumped, rows restored), only where they differ
    differences: dict[str, tuple[int, int]] = field(default_factory=dict)
    broken_log: str = ""

    @property
    def fault(self) -> str:
        if self.differences:
            table, (then, now) = next(iter(self.differences.items()))
            more = f" and {len(self.differences) - 1} more" if len(self.differences) > 1 else ""
            return f"{table} holds {now} rows, not {then}{more}"
        return self.broken_log


def connect(where: Where, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
    options.setdefault("autocommit", True)
    return psycopg.connect(psycopg.conninfo.make_conninfo(**where), **options)


def restore_into(dump: Path, where: Where) -> Restored:
    """Restore a verified backup into an empty database and compare what came back."""
    progress.step(0, None, f"checking {dump.name}")
    found = Restored(files.verified(dump))
    with connect(where) as target:
        if dumping.counts(target):
            raise Conflict(f"The database {where.get('dbname', '')} is not empty.")
        server = target.info.server_version // 10_000
    # A tool that reads the dump and speaks to the server: as new as the newer of the two.
    tool = pgtools.binary("pg_restore", server=max(server, found.manifest.server))
    pgtools.run(
        [tool, "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
         "-d", where["dbname"], str(dump)],
        where,
        tell=lambda: progress.step(0, None, f"pg_restore reads {dump.name}"),
    )  # fmt: skip
    with connect(where) as target:
        target.execute("SET statement_timeout = 0")
        now = dumping.counts(target)
        target.execute("ANALYZE")
    then = found.manifest.tables
    found.rows = sum(now.values())
    found.differences = {
        name: (then.get(name, 0), now.get(name, 0))
        for name in sorted(then.keys() | now.keys())
        if then.get(name, -1) != now.get(name, -1)
    }
    found.broken_log = _prove(found.manifest, where)
    return found


def _prove(manifest: files.Manifest, where: Where) -> str:
    """The restored audit log must prove itself up to the seal that the manifest remembers."""
    expected = {manifest.seal: manifest.seal_hash} if manifest.seal else {}
    with connect(where, autocommit=False) as target, target.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        proof = prove(
            cursor,
            expected=expected,
            progress=lambda done: progress.step(done, None, "events of the restored log proved"),
        )
    return "" if proof.sound else f"the audit log is broken: {proof.findings[0].message}"


@contextmanager
def scratch() -> Iterator[Where]:
    """An empty database beside the live one, gone at the end."""
    live = pgtools.parameters(alias())
    stamp = f"{clock.now():{_STAMP}}"
    name = f"{live['dbname']}{_SCRATCH}{stamp}_{secrets.token_hex(4)}"[-63:]
    create(live, name)
    try:
        yield {**live, "dbname": name}
    finally:
        drop(live, name)


def sweep() -> int:
    """Drop scratch databases whose drill was killed. Their names say how old they are."""
    live = pgtools.parameters(alias())
    horizon = clock.now() - _FORGOTTEN
    with maintenance(live) as server:
        rows = server.execute("SELECT datname FROM pg_database").fetchall()
    gone = 0
    for (name,) in rows:
        _, mark, rest = str(name).partition(live["dbname"] + _SCRATCH)
        made = _time(rest) if mark else None
        if made is not None and made < horizon:
            drop(live, str(name))
            gone += 1
    return gone


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text.partition("_")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


@contextmanager
def alone(live: Where) -> Iterator[None]:
    """One restore over the live database at a time. The server lets go when we die."""
    with maintenance(live) as server:
        lock = "SELECT pg_try_advisory_lock(hashtext('controlplane restore'), hashtext(%s))"
        taken = server.execute(lock, [live["dbname"]]).fetchone()
        if not (taken and taken[0]):
            raise Conflict("Another restore of this database is running.")
        yield


def drop(live: Where, name: str) -> None:
    """And whoever is in it. An autovacuum is not ours to end by force; a plain drop asks it to go
    and waits for it."""
    gone = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    with maintenance(live) as server:
        try:
            server.execute(gone + sql.SQL(" WITH (FORCE)"))
        except psycopg.errors.InsufficientPrivilege:
            server.execute(gone)


def create(live: Where, name: str) -> None:
    """Made from template0: what an administrator put into template1 would be in the way."""
    with maintenance(live) as server:
        try:
            server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
            )
        except psycopg.errors.InsufficientPrivilege as error:
            raise Unavailable(
                f"The role {live.get('user', '')} may not make databases. Make an empty one and"
                " name it with --into."
            ) from error
        # A copy of everything must not be open to those whom the live one shuts out.
        server.execute(
            sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
        )


@contextmanager
def maintenance(live: Where) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to some other database of the server: nobody may rename what they stand in."""
    for database in ("postgres", "template1"):
        try:
            opened = connect({**live, "dbname": database})
        except psycopg.OperationalError:
            continue
        with opened:
            yield opened
        return
    raise Unavailable("The server lets nobody into its maintenance database.")


def put_in_place(where: Where) -> str:
    """Give the restored database the live one's name. Returns the name the old one now has."""
    live = pgtools.parameters(alias())
    kept = f"{live['dbname']}_before_{clock.now():%Y%m%d%H%M%S}"[-63:]
    for each in ("default", alias()):
        _leave(each)
    with maintenance(live) as server:
        _copy_rights(server, live["dbname"], where["dbname"])
        _admit(server, live["dbname"], False)
        now = live["dbname"]
        try:
            _end_sessions(server, live["dbname"])
            with server.transaction():
                _rename(server, live["dbname"], kept)
                _rename(server, where["dbname"], live["dbname"])
            now = kept
        finally:
            _admit(server, now, True)
    return kept


def _rename(server: psycopg.Connection[tuple[Any, ...]], old: str, new: str) -> None:
    server.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
    )


def _admit(server: psycopg.Connection[tuple[Any, ...]], name: str, yes: bool) -> None:
    """Whether new sessions may begin: the portal reconnects faster than a database is renamed."""
    server.execute(
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(
            sql.Identifier(name), sql.SQL("true" if yes else "false")
        )
    )


def _leave(name: str) -> None:
    """Close our own connections, pooled ones too."""
    wrapper = connections[name]
    wrapper.close()
    close_pool = getattr(wrapper, "close_pool", None)
    if close_pool is not None:
        close_pool()


def _copy_rights(server: psycopg.Connection[tuple[Any, ...]], old: str, new: str) -> None:
    """Who may connect: as with the database it replaces."""
    rights = server.execute(
        "SELECT coalesce(nullif(grantee, 0)::regrole::text, 'public'), privilege_type"
        " FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))"
        " WHERE datname = %s AND grantee <> datdba",
        [old],
    ).fetchall()
    for grantee, right in rights:
        to = sql.SQL("PUBLIC") if grantee in {"public", "-"} else sql.SQL(grantee)
        server.execute(
            sql.SQL("GRANT {} ON DATABASE {} TO {}").format(sql.SQL(right), sql.Identifier(new), to)
        )


def _end_sessions(server: psycopg.Connection[tuple[Any, ...]], name: str) -> None:
    server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = %s AND pid <> pg_backend_pid()",
        [name],
    )


def at_url(url: str) -> Where:
    """Where a URL of the command line points."""
    try:
        found = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error as error:
        raise Invalid("That is not the URL of a PostgreSQL database.") from error
    if not found.get("dbname"):
        raise Invalid("The URL names no database.")
    known = pgtools.KNOWN & found.keys()
    return {name: str(found[name]) for name in known if found[name] is not None}

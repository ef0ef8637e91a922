"""Taking a backup: one snapshot, dumped by pg_dump and counted by us."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psycopg
from django.conf import settings
from psycopg import sql

from controlplane.audit.sealing import alias
from controlplane.backups import files, pgtools
from controlplane.jobs import progress

_TABLES = (
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
    " AND c.relkind = 'r' ORDER BY c.relname"
)


def dump(at: datetime, target: Path) -> tuple[Path, files.Manifest]:
    """Dump the portal's database into the folder.

    The counts are taken in the snapshot that pg_dump uses, so that a restore can be compared to
    the row, however busy the portal was meanwhile.
    """
    where = pgtools.parameters(alias())
    final = target / files.name(at)
    partial = final.with_name(final.name.removesuffix(files.SUFFIX) + ".partial")
    with psycopg.connect(psycopg.conninfo.make_conninfo(**where)) as snapshot:
        snapshot.execute("SET statement_timeout = 0")
        snapshot.execute("SET idle_in_transaction_session_timeout = 0")
        snapshot.commit()
        snapshot.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        [name] = snapshot.execute("SELECT pg_export_snapshot()").fetchone() or [""]
        server = snapshot.info.server_version // 10_000
        tool = pgtools.binary("pg_dump", server=server)
        try:
            wait = "--lock-wait-timeout=30000"
            command = [tool, "-Fc", f"--snapshot={name}", wait, "-f", str(partial)]
            pgtools.run(command, where, tell=lambda: _tell(partial))
            seal, seal_hash = _newest_seal(snapshot)
            manifest = files.Manifest(
                sha256=files.checksum(partial),
                size=partial.stat().st_size,
                taken_at=at.astimezone(UTC).isoformat(),
                version=settings.VERSION,
                server=server,
                tables=counts(snapshot),
                seal=seal,
                seal_hash=seal_hash,
            )
            files.finish(partial, final, manifest)
        finally:
            partial.unlink(missing_ok=True)
    return final, manifest


def _tell(partial: Path) -> None:
    size = partial.stat().st_size if partial.exists() else 0
    progress.step(0, None, f"pg_dump has written {size / 1_000_000:,.1f} MB")


def counts(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    """Rows of every table, counted one by one: estimates would hide what was lost."""
    found: dict[str, int] = {}
    tables = connection.execute(_TABLES).fetchall()
    for (name,) in tables:
        progress.step(len(found), len(tables), f"counting the rows of {name}")
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", str(name)))
        row = connection.execute(query).fetchone()
        found[str(name)] = int(str(row[0])) if row else 0
    return found


def _newest_seal(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[int, str]:
    row = connection.execute(
        "SELECT n, encode(hash, 'hex') FROM audit_auditseal ORDER BY n DESC LIMIT 1"
    ).fetchone()
    return (int(str(row[0])), str(row[1])) if row else (0, "")

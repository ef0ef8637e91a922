"""What each database role may do: the owner makes, the portal writes rows, engineers read.

Rights are granted table by table from the catalogue, after every migration, so that a new table
never starts with more than it should: the portal's role gets plain rows by default privileges,
the reader gets nothing until this has looked at the columns. Columns that open a door are
recognised by name, and a harmless look-alike must be listed: forgetting must fail closed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from controlplane.audit.services import WRITABLE
from controlplane.lib.errors import Invalid

EVENTS, SEALS, PENDING = "audit_auditevent", "audit_auditseal", "audit_auditpending"
# The portal reads these; triggers, the sealer and migrations write them.
READ_ONLY = frozenset({SEALS, PENDING, "django_migrations"})
GUARDS = {
    EVENTS: (
        "audit_stamp",
        "audit_enqueue",
        "audit_no_update",
        "audit_no_delete",
        "audit_no_truncate",
    ),
    SEALS: ("seal_no_change", "seal_no_truncate"),
}
# Nothing in these is for reading by hand: every row is a way in.
HIDDEN_TABLES = frozenset({"django_session", "otp_static_statictoken", "base_idempotencyrecord"})
_SECRET = re.compile(
    r"password|secret|token|sealed|private|session_key|session_hash|digest|cipher|recovery|otp|sha256|\bkey\b"
)
# Named like a secret, but not one.
HARMLESS = frozenset(
    {
        "password_changed_at",
        "token_epoch",
        "root_sha256",
        "file_sha256",
        "sha256",
        "content_sha256",
    }
)
# "key" is a secret in these and a business key (an outbox key, a timer's name) elsewhere.
KEY_IS_SECRET = frozenset({"otp_totp_totpdevice"})


@dataclass(frozen=True, slots=True)
class Roles:
    owner: str
    app: str
    reader: str

    @property
    def separate(self) -> bool:
        return self.app != self.owner


@dataclass
class Protection:
    """Whether the database would stop the portal itself from changing the log."""

    reasons: list[str] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return not self.reasons


def configured(app: str = "", reader: str = "") -> Roles:
    """Role names: as asked, else as the URLs and the environment say."""
    owner_alias = "owner" if "owner" in connections else "default"
    return Roles(
        owner=_user(owner_alias),
        app=app or _user("default"),
        reader=reader or os.environ.get("CONTROLPLANE_READER_ROLE", "cp_reader"),
    )


def _user(alias: str) -> str:
    return str(settings.DATABASES[alias].get("USER") or "")


def grant(roles: Roles, *, using: str) -> dict[str, int]:
    """Give both roles exactly their rights, in one transaction. Safe to repeat."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        _ensure(cursor, roles.reader)
        tables = _tables(cursor)
        _run(cursor, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        if roles.separate:
            _ensure(cursor, roles.app)
            _grant_app(cursor, roles.app, tables)
        _close_functions(cursor, roles.app if roles.separate else "")
        _grant_reader(cursor, roles.reader, tables)
        _lend_reader(cursor, roles)
    return {"tables": len(tables), "app": int(roles.separate)}


def _ensure(cursor: CursorWrapper, role: str) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    if cursor.fetchone():
        return
    cursor.execute("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
    if not cursor.fetchone()[0]:
        raise Invalid(
            f"The role {role} is missing and this role may not make it. As an administrator: "
            f'CREATE ROLE "{role}" NOLOGIN;'
        )
    # Without login: engineers log in as themselves and are granted the role.
    _run(cursor, "CREATE ROLE {} NOLOGIN", role)


_DEFINER = """
    SELECT p.oid::regprocedure::text FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
      AND p.prorettype <> 'trigger'::regtype AND pg_has_role(p.proowner, 'USAGE')
"""


def _close_functions(cursor: CursorWrapper, app: str = "") -> None:
    """What runs with the owner's rights is the portal's alone: PostgreSQL lets everybody call a
    new function, and a reader could write through it. Triggers need nobody's right."""
    cursor.execute(_DEFINER)
    for (name,) in cursor.fetchall():
        # As the server writes it, quotes and arguments included.
        function = sql.SQL(name)
        cursor.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(function))
        if app:
            cursor.execute(
                sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(function, sql.Identifier(app))
            )


def _grant_app(cursor: CursorWrapper, app: str, tables: dict[str, list[str]]) -> None:
    _run(cursor, "GRANT USAGE ON SCHEMA public TO {}", app)
    _run(cursor, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}", app)
    _run(cursor, "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}", app)
    plain = [name for name in tables if name not in READ_ONLY | {EVENTS}]
    rows = "GRANT SELECT, INSERT, UPDATE, DELETE ON"
    _run(cursor, rows + " {tables} TO {}", app, tables=plain)
    _run(cursor, "GRANT SELECT ON {tables} TO {}", app, tables=sorted(READ_ONLY & tables.keys()))
    if EVENTS in tables:
        _run(cursor, "GRANT SELECT ON {tables} TO {}", app, tables=[EVENTS])
        _run(
            cursor,
            "GRANT INSERT ({columns}) ON {tables} TO {}",
            app,
            tables=[EVENTS],
            columns=WRITABLE,
        )
    _run(
        cursor,
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}",
        app,
    )


def _grant_reader(cursor: CursorWrapper, reader: str, tables: dict[str, list[str]]) -> None:
    _run(cursor, "GRANT USAGE ON SCHEMA public TO {}", reader)
    _run(cursor, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}", reader)
    for table, columns in tables.items():
        open_columns = readable_columns(table, columns)
        if len(open_columns) == len(columns):
            _run(cursor, "GRANT SELECT ON {tables} TO {}", reader, tables=[table])
        elif open_columns:
            _run(
                cursor,
                "GRANT SELECT ({columns}) ON {tables} TO {}",
                reader,
                tables=[table],
                columns=open_columns,
            )


def _lend_reader(cursor: CursorWrapper, roles: Roles) -> None:
    """The portal may put its own rights down for a question, and ask it as the reader."""
    borrower = sql.Identifier(roles.app) if roles.separate else sql.SQL("CURRENT_USER")
    cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(roles.reader), borrower))


def readable_columns(table: str, columns: Iterable[str]) -> list[str]:
    """The columns of a table that a reader may see."""
    if table in HIDDEN_TABLES:
        return []
    return [name for name in columns if not _is_secret(table, name)]


def _is_secret(table: str, column: str) -> bool:
    if column == "key":
        return table in KEY_IS_SECRET
    return column not in HARMLESS and bool(_SECRET.search(column))


def _tables(cursor: CursorWrapper) -> dict[str, list[str]]:
    """Tables of the schema that the current role owns, with their columns in order."""
    cursor.execute(
        "SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)::text[] FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')"
        " AND pg_has_role(c.relowner, 'USAGE') GROUP BY c.relname ORDER BY c.relname"
    )
    return {name: list(columns) for name, columns in cursor.fetchall()}


def _run(
    cursor: CursorWrapper,
    statement: str,
    role: str | None = None,
    *,
    tables: Iterable[str] | None = None,
    columns: Iterable[str] = (),
) -> None:
    """One statement with names quoted by psycopg. An empty list of tables is nothing to do."""
    names = None if tables is None else [sql.Identifier("public", name) for name in tables]
    if names is not None and not names:
        return
    parts = [] if role is None else [sql.Identifier(role)]
    composed = sql.SQL(statement).format(
        *parts,
        tables=sql.SQL(", ").join(names or []),
        columns=sql.SQL(", ").join(sql.Identifier(name) for name in columns),
    )
    cursor.execute(composed)


# --- Checking -----------------------------------------------------------------------------------


def protection(*, using: str = "default") -> Protection:
    """Ask the connection that the portal writes with what it could do to the log."""
    found = Protection()
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, pg_has_role(current_user, c.relowner, 'MEMBER')"
            " FROM pg_roles, pg_class c WHERE rolname = current_user AND c.oid = %s::regclass",
            [EVENTS],
        )
        user, is_super, owns = cursor.fetchone()
        if is_super:
            found.reasons.append(f"the portal connects as {user}, a superuser")
        elif owns:
            found.reasons.append(
                f"the portal connects as {user}, which owns the audit tables:"
                " set DATABASE_OWNER_URL and give DATABASE_URL a role of its own"
            )
        _check_rights(cursor, found, owns or is_super)
        _check_guards(cursor, found)
    return found


def _check_rights(cursor: CursorWrapper, found: Protection, owns: bool) -> None:
    if owns:
        return  # said already, and an owner holds every right
    for table in (EVENTS, SEALS, PENDING):
        for right in ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER"):
            cursor.execute("SELECT has_table_privilege(%s, %s)", [table, right])
            if cursor.fetchone()[0]:
                found.reasons.append(f"the portal's role holds {right} on {table}")
    for table, column in ((EVENTS, "id"), (EVENTS, "at"), (EVENTS, "leaf"), (SEALS, "n")):
        cursor.execute("SELECT has_column_privilege(%s, %s, 'INSERT')", [table, column])
        if cursor.fetchone()[0]:
            found.reasons.append(f"the portal's role may write {table}.{column}")


def _check_guards(cursor: CursorWrapper, found: Protection) -> None:
    for table, names in GUARDS.items():
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'",
            [table],
        )
        standing = {row[0] for row in cursor.fetchall()}
        missing = sorted(set(names) - standing)
        if missing:
            found.reasons.append(f"{table}: guards missing or disabled: {', '.join(missing)}")

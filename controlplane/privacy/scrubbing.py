"""Taking people out of a copy of the database: told by its own catalogue, column by column.

Nothing is listed that has to be taken out; listed is what may stay. A table or column that comes
tomorrow is scrubbed without anybody thinking of it:

- texts keep their shape and lose their letters: "Robin Gone" becomes "xxxx xxxx";
- plain identifiers (`mission.run`, `user:12`, a checksum) stay, but not in columns for words;
- addresses become ones that lead nowhere, bytes become other bytes, so that no key of production
  opens anything; sessions, second factors, the outbox and the audit log are emptied.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.apps import apps
from psycopg import sql

# Columns, and keys inside JSON, that people fill with words.
WORDS = frozenset(
    {"name", "title", "subject", "label", "about", "reason", "note", "notes", "description"}
    | {"body", "text", "email", "phone", "handle", "address", "message", "summary", "comment"}
    | {"evidence", "statement", "answer", "said", "words", "changes", "question", "content"}
    | {"detail", "target", "location", "password", "user_agent", "browser", "user_name"}
    | {"sender", "assignee", "owner", "created_by", "actor_name", "author", "added_by"}
)
# What the portal reads by its exact spelling.
STAYS = frozenset(
    {"time_zone", "zone", "version", "server", "key_prefix", "model", "app_label", "codename"}
)
# Addresses made of what somebody called a thing.
FROM_TITLES = frozenset({("incidents_article", "slug")})
KEPT_TABLES = frozenset({"django_migrations", "django_content_type", "auth_permission"})
# Digests of secrets, where they are text: what opens production opens nothing here.
DIGESTS = ("_hash", "_sha256", "token_digest")
# Who was signed in, by what; what was about to be sent; and the log, whose chain covers every word.
EMPTIED = (
    "access_recoverycode",
    "access_revokedtoken",
    "access_usersession",
    "audit_auditevent",
    "audit_auditpending",
    "audit_auditseal",
    "base_idempotencyrecord",
    "django_session",
    "notify_outboxmessage",
    "otp_static_staticdevice",
    "otp_totp_totpdevice",
)
NOWHERE = "example.invalid"
_MAIL = r"[^@[:space:]<>" "]+@[^@[:space:]<>" "]+[.][^@[:space:]<>" "]+"
# An identifier: small letters without a blank, a ref such as INC-12, a moment.
_PLAIN = (
    r"^([a-z/_-][a-z0-9_.:/+#*=-]{0,119}|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,64}|[A-Z]{1,8}(-[0-9]{1,9})?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}(Z|[+-][0-9:]{2,5})?|[0-9][0-9.]{0,5})$"
)

# Salted anew for each copy: whoever guesses a name can't ask the copy whether it was there.
FUNCTIONS = f"""
CREATE FUNCTION pg_temp.blank(t text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN t ~ '^{_MAIL}$'
        THEN 'person-' || left(md5(%(salt)s || lower(t)), 12) || '@{NOWHERE}'
        ELSE regexp_replace(regexp_replace(
            t, '[^[:space:][:punct:][:digit:]]|@', 'x', 'g'), '[[:digit:]]', '0', 'g') END $$;
CREATE FUNCTION pg_temp.apart(t text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN t = '' THEN t ELSE 'x' || md5(%(salt)s || t) END $$;
CREATE FUNCTION pg_temp.scrub(t text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN t ~ '{_PLAIN}' AND t !~ '://' AND t !~ '@' THEN t
        ELSE pg_temp.blank(t) END $$;
CREATE FUNCTION pg_temp.scrub(j jsonb, words boolean) RETURNS jsonb IMMUTABLE LANGUAGE plpgsql
AS $$
BEGIN
    RETURN CASE jsonb_typeof(j)
        WHEN 'string' THEN to_jsonb(CASE WHEN words THEN pg_temp.blank(j #>> '{{}}')
                                         ELSE pg_temp.scrub(j #>> '{{}}') END)
        WHEN 'array' THEN (SELECT coalesce(jsonb_agg(pg_temp.scrub(e, words) ORDER BY n), '[]')
                             FROM jsonb_array_elements(j) WITH ORDINALITY AS x(e, n))
        WHEN 'object' THEN (SELECT coalesce(jsonb_object_agg(pg_temp.scrub(k),
                                       pg_temp.scrub(v, words OR k = ANY (%(words)s))), '{{}}')
                              FROM jsonb_each(j) AS x(k, v))
        WHEN 'number' THEN CASE WHEN words THEN '0'::jsonb ELSE j END
        ELSE j END;
END $$;
"""  # noqa: S608 - put together from constants

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL),
       CASE WHEN a.atttypid = 'varchar'::regtype AND a.atttypmod > 4 THEN a.atttypmod - 4 END,
       EXISTS (SELECT 1 FROM pg_index i
                WHERE i.indrelid = c.oid AND i.indisunique
                  AND (a.attnum = ANY (i.indkey) OR pg_get_indexdef(i.indexrelid) ~ a.attname))
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
   AND a.attidentity = ''
 ORDER BY c.relname, a.attnum
"""


# Only those of the table itself: partitions take them from it.
_CHECKS = """
SELECT c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid)
  FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
 WHERE c.contype = 'c' AND t.relnamespace = 'public'::regnamespace AND NOT t.relispartition
 ORDER BY c.conrelid, c.conname
"""


_GUARDS = """
SELECT g.tgrelid::regclass::text, g.tgname, g.tgenabled = 'A'
  FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid
 WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND NOT t.relispartition
   AND t.relnamespace = 'public'::regnamespace
"""


@dataclass(frozen=True, slots=True)
class Column:
    table: str
    name: str
    kind: str
    longest: int | None
    unique: bool
    prose: bool  # unbounded text, as far as the models know

    @property
    def for_words(self) -> bool:
        return self.prose or self.name in WORDS or (self.table, self.name) in FROM_TITLES


@dataclass(slots=True)
class Scrubbed:
    """What was changed, for whoever vouches for the copy."""

    tables: dict[str, list[str]] = field(default_factory=dict)
    emptied: list[str] = field(default_factory=list)
    loosened: list[str] = field(default_factory=list)  # constraints that old rows don't hold to
    rows: int = 0


def scrub(copy: psycopg.Connection[tuple[Any, ...]]) -> Scrubbed:
    """In one transaction: a copy is scrubbed whole or stays what nobody may take away."""
    told = Scrubbed()
    with copy.transaction(), psycopg.ClientCursor(copy) as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(FUNCTIONS, {"words": sorted(WORDS), "salt": secrets.token_hex(16)})
        short = _short_texts()
        columns = [
            Column(
                table, name, kind, longest, unique, kind == "text" and (table, name) not in short
            )
            for table, name, kind, longest, unique in cursor.execute(_COLUMNS).fetchall()
        ]
        tables = sorted({column.table for column in columns})
        checks = cursor.execute(_CHECKS).fetchall()
        guards = cursor.execute(_GUARDS).fetchall()
        _guard(cursor, guards, lifted=True)
        for table, name, _ in checks:
            _alter(cursor, table, sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(name)))
        for table in EMPTIED:
            if table in tables:
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                told.emptied.append(table)
        left = [each for each in tables if each not in KEPT_TABLES and each not in EMPTIED]
        for table in left:
            changes = dict(_changes([each for each in columns if each.table == table]))
            if changes:
                told.tables[table] = sorted(changes)
                told.rows += _update(cursor, table, changes)
        told.loosened = [f"{table}.{name}" for table, name, words in checks
                         if not _hold_to(copy, cursor, table, name, words)]  # fmt: skip
        _guard(cursor, guards)
    return told


def _hold_to(copy: Any, cursor: Any, table: str, name: str, words: str) -> bool:
    """The constraint as it was. Where scrubbed rows can't hold to it (a text and its checksum),
    it holds for new ones."""
    add = sql.SQL("ADD CONSTRAINT {} {}").format(sql.Identifier(name), sql.SQL(words))
    try:
        with copy.transaction():
            _alter(cursor, table, add)
    except psycopg.errors.CheckViolation:
        _alter(cursor, table, sql.SQL("{} NOT VALID").format(add))
        return False
    return True


def _alter(cursor: Any, table: str, how: sql.Composable) -> None:
    cursor.execute(sql.SQL("ALTER TABLE {} {}").format(sql.SQL(table), how))


def _guard(cursor: Any, guards: list[Any], *, lifted: bool = False) -> None:
    """Rows that only ever stay as they were are changed here, in a copy of theirs."""
    for table, name, always in guards:
        how = "DISABLE" if lifted else "ENABLE ALWAYS" if always else "ENABLE"
        change = sql.SQL("{} TRIGGER {}").format(sql.SQL(how), sql.Identifier(name))
        _alter(cursor, table, change)


def _update(cursor: Any, table: str, changes: dict[str, sql.Composable]) -> int:
    new = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in changes.items()
    )
    cursor.execute(sql.SQL("UPDATE {} SET {}").format(sql.Identifier(table), new))
    return int(cursor.rowcount)


def _changes(columns: list[Column]) -> Iterator[tuple[str, sql.Composable]]:
    chosen = _choices()
    for column in columns:
        if column.name in STAYS or (column.table, column.name) in chosen:
            continue
        value = _value(column)
        if value is not None:
            yield column.name, value


def _value(column: Column) -> sql.Composable | None:
    name = sql.Identifier(column.name)
    if (column.table, column.name) == ("access_user", "password"):
        return sql.SQL("'!'")
    if column.kind in {"text", "character varying"}:
        return _text(column)
    if column.kind == "jsonb":
        for_words = sql.SQL("true" if column.name in WORDS else "false")
        return sql.SQL("pg_temp.scrub({}, {})").format(name, for_words)
    if column.kind in {"text[]", "character varying[]"}:
        call = sql.SQL("pg_temp.blank(e)" if column.name in WORDS else "pg_temp.scrub(e)")
        return sql.SQL(
            "CASE WHEN {n} IS NULL THEN NULL ELSE (SELECT coalesce(array_agg({c} ORDER BY o),"
            " '{{}}') FROM unnest({n}) WITH ORDINALITY AS x(e, o)) END"
        ).format(n=name, c=call)
    if column.kind == "bytea":
        fresh = "CASE WHEN {} IS NULL THEN NULL ELSE sha256(uuid_send(gen_random_uuid())) END"
        return sql.SQL(fresh).format(name)
    if column.kind == "inet":
        return sql.SQL("CASE WHEN {} IS NULL THEN NULL ELSE '192.0.2.1'::inet END").format(name)
    if column.kind == "tsvector":
        return sql.SQL("CASE WHEN {} IS NULL THEN NULL ELSE ''::tsvector END").format(name)
    return None


def _text(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    call = sql.SQL("pg_temp.blank({})" if column.for_words else "pg_temp.scrub({})").format(name)
    if column.name.endswith(DIGESTS):
        call = sql.SQL("pg_temp.apart({})").format(name)
    elif column.unique and column.name != "email":
        # Two titles of one shape would be one title.
        told = "CASE WHEN {n} IS NULL OR {c} = {n} THEN {n} ELSE pg_temp.apart({n}) END"
        call = sql.SQL(told).format(n=name, c=call)
    if column.longest is not None:
        call = sql.SQL("left({}, {})").format(call, sql.Literal(column.longest))
    return call


def _choices() -> set[tuple[str, str]]:
    """Columns that hold one of the words the portal itself knows."""
    return {place for place, each in _fields() if each.choices}


def _short_texts() -> set[tuple[str, str]]:
    """Columns of a table made by hand that are text there and short by their model."""
    return {place for place, each in _fields() if each.max_length and each.max_length <= 200}


def _fields() -> Iterator[tuple[tuple[str, str], Any]]:
    for model in apps.get_models(include_auto_created=True):
        for each in model._meta.concrete_fields:
            yield (model._meta.db_table, str(each.column)), each

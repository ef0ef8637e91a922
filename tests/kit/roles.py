"""Real connections as the portal's role and as the read-only role, on the test database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from controlplane.access import dbroles

# Roles belong to the whole server, where other test runs stand beside this one.
_DATABASE = settings.DATABASES["default"].get("TEST", {}).get("NAME") or "x"
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_SUFFIX = "".join(c for c in f"{_DATABASE}{_WORKER}" if c.isalnum())
PASSWORD = "roles-of-a-test-database"


def roles() -> dbroles.Roles:
    owner = str(settings.DATABASES["default"]["USER"])
    return dbroles.Roles(owner, f"t_app_{_SUFFIX}", f"t_reader_{_SUFFIX}")


def granted() -> dbroles.Roles:
    """Both roles, able to log in, with the rights that `db_roles` gives."""
    found = roles()
    dbroles.grant(found, using="default")
    with connection.cursor() as cursor:
        for name in (found.app, found.reader):
            cursor.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(name), sql.Literal(PASSWORD)
                )
            )
    return found


def drop() -> None:
    with connection.cursor() as cursor:
        for name in (roles().app, roles().reader):
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
            if cursor.fetchone():
                # Whoever makes a role may administer it, but is not one of it.
                cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(name)))
                cursor.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
                cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def lend_reader(monkeypatch: Any) -> dbroles.Roles:
    """The read-only role for whoever runs the tests, as `db_roles` lends it to the portal."""
    found = granted()
    monkeypatch.setenv("CONTROLPLANE_READER_ROLE", found.reader)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(found.reader)))
    return found


@contextmanager
def as_the_portal() -> Iterator[None]:
    """This connection with the portal's rights and no more, until the test is rolled back."""
    app = granted().app
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(app)))
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(app)))
        yield
        cursor.execute("RESET ROLE")


@contextmanager
def connected_as(role: str) -> Iterator[psycopg.Connection[Any]]:
    found = connection.get_connection_params()
    wanted = {name: found[name] for name in ("dbname", "host", "port") if found.get(name)}
    with psycopg.connect(**wanted, user=role, password=PASSWORD, autocommit=True) as opened:
        yield opened

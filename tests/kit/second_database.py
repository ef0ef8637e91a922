"""An inhabited database beside the test database, for tests that look at pages of a whole world.

Settling a world takes some 3,400 questions. So it is settled once for each process, in a copy of
the test database, and committed there. A test that asks for `world` (`tests/console/conftest.py`)
stands in that copy, in a transaction that is taken back, like any other test in its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

from django.db import connection, transaction

from tests.kit import inhabited

SUFFIX = "inhabited"
# What processes remember of rows they name by their keys: none of the copy's may be one of the
# test database, where the sequences go on from the same numbers.
APART = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass,
              coalesce(last_value, start_value) + 1000000)
FROM pg_sequences WHERE schemaname = 'public' AND data_type <> 'smallint'::regtype"""


@dataclass(frozen=True, slots=True)
class Copy:
    name: str
    world: inhabited.World

    @contextmanager
    def entered(self) -> Iterator[inhabited.World]:
        with standing_in(self.name):
            yield deepcopy(self.world)


def make() -> Copy:
    assert not connection.in_atomic_block, "ask for the world before anything in the database"
    leave()  # a database is copied only while nobody is in it
    connection.creation.clone_test_db(SUFFIX, verbosity=0, autoclobber=True)
    name = connection.creation.get_test_db_clone_settings(SUFFIX)["NAME"]
    with standing_in(name):
        with connection.cursor() as cursor:
            cursor.execute(APART)
        with transaction.atomic():
            world = inhabited.settle()
            connection.run_on_commit.clear()  # no worker is told: it would look elsewhere
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return Copy(name, world)


def remove(copy: Copy) -> None:
    leave()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(copy.name)}")


def leave() -> None:
    """Those that the pool keeps open too: they would answer from the database they began in."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


@contextmanager
def standing_in(name: str) -> Iterator[None]:
    assert not connection.in_atomic_block, "ask for the world before anything in the database"
    home = connection.settings_dict["NAME"]
    leave()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        leave()
        connection.settings_dict["NAME"] = home

"""The migrations of flags go back and forth."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.kit.flags import World


def migrate(*targets: tuple[str, str | None]) -> None:
    MigrationExecutor(connection).migrate([*targets])


def functions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'feature_flags_%%'")
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_migrations__are_reversible() -> None:
    world = World()  # an environment that was there before
    # Of every app: what builds upon flags goes and comes with them.
    leaves = MigrationExecutor(connection).loader.graph.leaf_nodes()
    standing = functions()
    assert standing
    try:
        migrate(("feature_flags", None))
        assert not functions()
    finally:
        migrate(*leaves)
    assert functions() == standing
    assert set(world.revisions().values()) == {1}
    assert world.flag.enabled

"""The migrations of flags go back and forth."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.kit.flags import World


def migrate(*target: str) -> None:
    executor = MigrationExecutor(connection)
    executor.loader.build_graph()
    executor.migrate([target])  # type: ignore[list-item]


def functions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'feature_flags_%%'")
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_migrations__are_reversible() -> None:
    world = World()  # an environment that was there before
    executor = MigrationExecutor(connection)
    leaves = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "feature_flags"]
    standing = functions()
    assert standing
    migrate("feature_flags", None)  # type: ignore[arg-type]
    assert not functions()
    executor = MigrationExecutor(connection)
    executor.migrate(leaves)
    assert functions() == standing
    assert set(world.revisions().values()) == {1}
    assert world.flag.enabled

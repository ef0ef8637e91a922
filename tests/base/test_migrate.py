"""An empty database gets its tables in a fraction of Django's time, and the same ones."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command, get_commands
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from controlplane.base.management.commands import migrate
from controlplane.lib import clock

pytestmark = pytest.mark.django_db


def statements() -> Any:
    """All that the migrations say, from none to the last."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    return executor.loader.collect_sql(plan)


@pytest.mark.slow
def test_statements__are_django_s_own(time_machine: Any) -> None:
    time_machine.move_to(clock.now(), tick=False)  # a default may be the time
    with connection.cursor() as cursor:
        # Django's way computes for longer than a transaction may idle, where others compute too.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    with migrate.alone():
        ours = statements()
    assert len(ours) > 500
    assert ours == statements()


def rendered(state: Any, monkeypatch: pytest.MonkeyPatch) -> list[set[tuple[str, str]]]:
    found: list[set[tuple[str, str]]] = []
    monkeypatch.setattr(state, "_reload", found.append)
    return found


def test_alone__a_changed_relation_still_brings_its_whole_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state: Any = MigrationExecutor(connection).loader.project_state()
    assert state.apps  # from here on the state keeps its classes up to date
    found = rendered(state, monkeypatch)
    with migrate.alone():
        state.reload_model("access", "workspace", delay=True)
        state.reload_model("access", "workspace")
    assert found[0] == {("access", "workspace")}
    assert ("access", "apikey") in found[1]
    assert state.is_delayed


def test_command__database_with_tables__goes_django_s_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_commands()["migrate"] == "controlplane.base"
    used: list[bool] = []
    monkeypatch.setattr(migrate, "alone", lambda: used.append(True))
    own = ProjectState._find_reload_model  # type: ignore[attr-defined]
    call_command("migrate", verbosity=0)
    assert used == []
    assert ProjectState._find_reload_model is own  # type: ignore[attr-defined]

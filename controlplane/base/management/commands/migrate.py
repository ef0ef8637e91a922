"""`manage.py migrate`, ten times quicker on an empty database: half a minute of every first start,
and of every process that tests begin in.

With each step Django makes the classes of the changed model anew, and of all that are related to
it, however far. Here everything is related to everything through the workspace, so it makes most
of a hundred classes some three hundred times. A table that is new, or gets a column, an index or
a constraint, needs its own class alone.

Only on an empty database: there the steps are always the same, and a test proves that their SQL
is too. What a later version changes in tables that hold rows goes Django's own way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

_COLUMNS = ("add_field", "alter_field")


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with alone() if _is_empty(options["database"]) else nullcontext():
            super().handle(*args, **options)


def _is_empty(database: str) -> bool:
    return not MigrationRecorder(connections[database]).has_table()


@contextmanager
def alone() -> Iterator[None]:
    """In the block a model that is new, or has a column more or another one, is made anew without
    the others."""
    kept = {name: getattr(ProjectState, name) for name in ("_find_reload_model", *_COLUMNS)}
    everything = kept["_find_reload_model"]
    columns = 0

    def find(
        state: Any, app_label: str, model_name: str, delay: bool = False
    ) -> set[tuple[str, str]]:
        if not (delay or columns) and model_name in state.apps.all_models[app_label]:
            return everything(state, app_label, model_name, delay)  # type: ignore[no-any-return]
        # As after Django's own shortcuts: Python code of a migration gets all classes anew.
        state.is_delayed = True
        return {(app_label, model_name)}

    def counted(change: Callable[..., None]) -> Callable[..., None]:
        def changed(*args: Any, **kwargs: Any) -> None:
            nonlocal columns
            columns += 1
            try:
                change(*args, **kwargs)
            finally:
                columns -= 1

        return changed

    ProjectState._find_reload_model = find  # type: ignore[attr-defined]
    for name in _COLUMNS:
        setattr(ProjectState, name, counted(kept[name]))
    try:
        yield
    finally:
        for name, own in kept.items():
            setattr(ProjectState, name, own)

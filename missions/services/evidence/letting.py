"""The bytes of what is kept no longer."""

from __future__ import annotations

from django.db import transaction

from controlplane.base import files
from controlplane.lib.errors import ControlPlaneError
from missions.evidence.limits import ALIAS
from missions.models import Artifact, Bundle


def drop_later(key: str) -> None:
    """Once the transaction is over: a file that stays behind is an orphan, which the sweep finds.
    The other way round a crash would leave a row that promises what is gone."""
    transaction.on_commit(lambda: _drop(key))


def _drop(key: str) -> None:
    try:
        files.drop(ALIAS, key)
    except ControlPlaneError:
        return


def let_go(row: Artifact | Bundle) -> None:
    """The bytes of a row that is held."""
    key = row.storage_key
    type(row).objects.filter(pk=row.pk).update(storage_key="")
    drop_later(key)

"""Rows that come with a release. One that nobody changed follows the next release; one that
somebody changed is theirs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models, transaction

Row = Mapping[str, Any]


def mark_of(values: Row) -> str:
    said = json.dumps(values, sort_keys=True, default=str).encode()
    return hashlib.sha256(said).hexdigest()


def content(row: models.Model, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def is_untouched(row: Any, names: Sequence[str]) -> bool:
    """Whether it still says what some release shipped."""
    return bool(mark_of(content(row, names)) == row.shipped_mark)


def adopt(model: Any, key: Sequence[str], shipped: Sequence[Row]) -> int:
    """Make what is missing and bring up to date what nobody changed; returns how many."""
    known = {
        tuple(getattr(row, name) for name in key): row
        for row in model.objects.filter(workspace=None)
    }
    changed = 0
    for values in shipped:
        there = known.get(tuple(values[name] for name in key))
        if there is None or there.shipped_mark != mark_of(values):
            changed += _ship(model, key, values)
    return changed


@transaction.atomic
def _ship(model: Any, key: Sequence[str], values: Row) -> int:
    mark = mark_of(values)
    where = {name: values[name] for name in key}
    # Not so that it hinders those who only refer to the row: they hold what we may wait for later.
    held = model.objects.select_for_update(no_key=True)
    row = held.filter(workspace=None, **where).first()
    if row is None:
        made = model(shipped_mark=mark, **values)
        # Another process may be first: its row is the same.
        return len(model.objects.bulk_create([made], ignore_conflicts=True))
    if row.shipped_mark == mark or not is_untouched(row, list(values)):
        return 0  # somebody was first, or somebody changed it
    model.objects.filter(pk=row.pk).update(**values, shipped_mark=mark, version=row.version + 1)
    return 1

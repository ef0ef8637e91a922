"""One row by its public id, with a statement that is kept.

What an admin's queryset is made of is known to itself alone. It is made once with a request that
knows no more than who asks and in which workspace: one that looks at anything else of a request
is asked anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import kept
from controlplane.lib.actors import Actor

Rows = Callable[[Any], QuerySet[Any]]


class _Known:
    """Whoever wants more of it than it has learns so, and isn't told something else."""

    def __init__(self, **known: Any) -> None:
        self.__dict__.update(known)

    def __getattr__(self, name: str) -> Any:
        raise TypeError(f"a kept question knows no {name}")


def by_uid(request: HttpRequest, uid: str, named: Any, rows: Rows) -> Any:
    """The row, or None. `rows` makes a queryset of a request, and `named` says which one it is."""
    try:
        wanted = UUID(uid)
    except ValueError:
        return None
    actor, workspace = actor_of(request), workspace_of(request)

    def build(like: Actor, uid: UUID, here: int | None) -> QuerySet[Any]:
        asked: Any = request
        if like is not actor:
            chosen = None if here is None else _Known(pk=here)
            asked = _Known(actor=like, workspace=chosen)
        return rows(asked).order_by().filter(uid=uid)

    here = workspace.pk if workspace is not None else None
    found = kept.seen_by(actor, ("row", named), build, wanted, here)
    return next(iter(found), None)

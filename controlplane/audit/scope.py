"""Who may read the log, asked of the package that knows.

The log stands below `access` so that access itself can be audited, and so it can't import the
permission table. `access` provides it at start. Until then nobody but the portal's own jobs
reads anything: forgetting to provide it must fail closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed


@dataclass(frozen=True)
class Policy:
    # The rows of the log this actor may read. None: none.
    readable: Callable[[Actor], Q | None]
    require: Callable[[Actor, str, Any], None]


_policy: list[Policy] = []


def provide(policy: Policy) -> None:
    _policy[:] = [policy]


def readable(actor: Actor) -> Q | None:
    return _policy[0].readable(actor) if _policy else None


def require(actor: Actor, action: str, obj: Any) -> None:
    if not _policy:
        raise NotAllowed("nobody has provided the permission table")
    _policy[0].require(actor, action, obj)

"""How the palette finds rows by what somebody types: a ref, its number, or words of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from controlplane.base.registries import RefFinder, Target
from controlplane.lib.actors import Actor

_MOST_WORDS, _LONGEST = 6, 100


def by_ref(
    prefix: str,
    noun: str,
    rows: Callable[[Actor, int | None], Any],
    target: Callable[[Any], Target],
    *,
    field: str = "ref",
) -> RefFinder:
    """A ref is unique in a workspace; of several workspaces' the newest."""

    def find(actor: Actor, workspace_id: int | None, number: int) -> Target | None:
        wanted = _numbered(prefix, number, field)
        row = rows(actor, workspace_id).filter(**wanted).order_by("-pk").first()
        return None if row is None else target(row)

    return RefFinder(prefix, noun, find)


def typed(rows: Any, text: str, prefix: str, *names: str, field: str = "ref") -> Any:
    """The one whose number it is ("INC-7", "inc-7", "7"), or those that have every word in one of
    these fields."""
    number = text.strip().upper().removeprefix(f"{prefix}-")
    if number.isascii() and number.isdigit() and len(number) < 10:
        return rows.filter(**_numbered(prefix, int(number), field))
    return having(rows, text, *names)


def having(rows: Any, text: str, *names: str) -> Any:
    """NUL is the one character the database refuses."""
    for word in text.replace("\x00", "").split()[:_MOST_WORDS]:
        asked = (Q(**{f"{name}__icontains": word[:_LONGEST]}) for name in names)
        rows = rows.filter(reduce(or_, asked))
    return rows


def _numbered(prefix: str, number: int, field: str) -> dict[str, Any]:
    return {field: f"{prefix}-{number}" if field == "ref" else number}

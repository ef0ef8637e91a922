"""Numbers and moments of many places of one page, in one question for all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from controlplane.base.registries import NavCount, NavItem, NavRows, Tone
from controlplane.console.surviving import survive
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader


def newest(
    asked: Mapping[str, ForReader[Any]], actor: Actor, workspace_id: int | None
) -> dict[str, datetime | None]:
    """What each answers: one row of one column."""
    known, questions, parameters = [], [], list[Any]()
    for slug, question in asked.items():
        try:
            text, values = question.text(actor, workspace_id)
        except EmptyResultSet:
            continue
        known.append(slug)
        questions.append(f"({text})")
        parameters.extend(values)
    return dict(zip(known, _answers(questions, parameters), strict=True))


def counted(
    asked: Iterable[NavItem], actor: Actor, workspace_id: int | None
) -> dict[str, NavCount]:
    """How many rows wait beside each entry of the sidebar, in one question for all. Each is capped,
    so that none of them reads a table to its end."""
    found: dict[str, NavCount] = {}
    questions: list[str] = []
    parameters: list[Any] = []
    places: dict[str, tuple[_Counted, int | None, int | None]] = {}

    def ask(rows: ForReader[Any] | None) -> int | None:
        """Where in the answer its number will stand; None where it is known to be nothing."""
        found = rows and survive(lambda: _text(rows, actor, workspace_id), None, "a count")
        if not found:
            return None
        text, values = found
        # The texts are Django's own, of querysets; what came from outside is a parameter.
        questions.append(f"(SELECT count(*) FROM ({text}) AS rows_{len(questions)})")  # noqa: S608
        parameters.extend(values)
        return len(questions) - 1

    for item in asked:
        one = _of(item, actor, workspace_id)
        if isinstance(one, NavCount):
            found[item.slug] = one
        elif one is not None:
            places[item.slug] = one, ask(one.rows), ask(one.grave)
    answer = _answers(questions, parameters)

    def told(place: int | None) -> int:
        return 0 if place is None else int(answer[place])

    for slug, (one, rows, grave) in places.items():
        tone = one.grave_tone if told(grave) else one.tone
        found[slug] = NavCount(told(rows), tone)
    return found


class _Counted(NamedTuple):
    """How an entry's rows are asked for: the texts are kept, so that its function is not called
    each time somebody looks."""

    tone: Tone
    grave_tone: Tone
    rows: ForReader[Any]
    grave: ForReader[Any] | None


Count = Callable[[Actor, "int | None"], NavCount | NavRows]
_known: OrderedDict[Hashable, _Counted] = OrderedDict()
MOST_KNOWN = 5_000  # entries of some hundred bytes; the questions are one pair for each function


def _of(item: NavItem, actor: Actor, workspace_id: int | None) -> _Counted | NavCount | None:
    count = item.count
    if count is None:
        return None
    # What it answers may be another thing for other roles and another place.
    key = (count, workspace_id, frozenset(actor.roles.items()), actor.superuser)
    known = _known.get(key)
    if known is not None:
        return known
    said = survive(lambda: count(actor, workspace_id), None, f"count {item.slug}")
    if not isinstance(said, NavRows):
        return said
    rows, grave = _questions(count)
    made = _Counted(said.tone, said.grave_tone, rows, None if said.grave is None else grave)
    _known[key] = made
    if len(_known) > MOST_KNOWN:
        _known.popitem(last=False)
    return made


@lru_cache(maxsize=256)
def _questions(count: Count) -> tuple[ForReader[Any], ForReader[Any]]:
    def rows(like: Actor, workspace_id: int | None) -> QuerySet[Any]:
        said = cast("NavRows", count(like, workspace_id))
        return _capped(said.rows, said.most)

    def grave(like: Actor, workspace_id: int | None) -> QuerySet[Any]:
        return _capped(cast("Any", count(like, workspace_id)).grave, 1)

    return ForReader(rows), ForReader(grave)


def _text(
    rows: ForReader[Any], actor: Actor, workspace_id: int | None
) -> tuple[str, Sequence[Any]] | None:
    """None where it is known that there is nothing."""
    try:
        return rows.text(actor, workspace_id)
    except EmptyResultSet:
        return None


def _capped(rows: QuerySet[Any], most: int) -> QuerySet[Any]:
    return rows.order_by().values("pk")[:most]


def _answers(questions: list[str], parameters: list[Any]) -> tuple[Any, ...]:
    if not questions:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(questions)}", parameters)
        found: tuple[Any, ...] = cursor.fetchone()
    return found

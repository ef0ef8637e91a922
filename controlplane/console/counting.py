"""Numbers and moments of many places of one page, in one question for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from controlplane.base.registries import NavCount, NavRows
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


def counted(asked: Mapping[str, NavRows]) -> dict[str, NavCount]:
    """How many rows wait beside each entry of the sidebar. Each is capped, so that none of them
    reads a table to its end."""
    questions: list[str] = []
    parameters: list[Any] = []

    def ask(rows: QuerySet[Any] | None, most: int) -> int | None:
        """Where in the answer its number will stand; None where it is known to be nothing."""
        if rows is None:
            return None
        try:
            text, values = rows.order_by().values("pk")[:most].query.sql_with_params()
        except EmptyResultSet:
            return None
        # The texts are Django's own, of querysets; what came from outside is a parameter.
        questions.append(f"(SELECT count(*) FROM ({text}) AS rows_{len(questions)})")  # noqa: S608
        parameters.extend(values)
        return len(questions) - 1

    places = {slug: (ask(one.rows, one.most), ask(one.grave, 1)) for slug, one in asked.items()}
    answer = _answers(questions, parameters)

    def told(place: int | None) -> int:
        return 0 if place is None else int(answer[place])

    return {
        slug: NavCount(told(rows), asked[slug].grave_tone if told(grave) else asked[slug].tone)
        for slug, (rows, grave) in places.items()
    }


def _answers(questions: list[str], parameters: list[Any]) -> tuple[Any, ...]:
    if not questions:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(questions)}", parameters)
        found: tuple[Any, ...] = cursor.fetchone()
    return found

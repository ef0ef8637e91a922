"""Which applications of an environment are kept by name.

A client calls itself whatever it likes, and a browser's token is in everybody's hands: names made
up would make a row each, an hour. So many names are kept; what others send counts under one name.
Names told by browsers have a room of their own, so that they leave no service without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from controlplane.lib import clock
from controlplane.lib.defaults import define

APPS_MOST = define(
    "flags.apps_most",
    500,
    unit="names",
    why="Applications kept by name, of one environment: of services, and as many of browsers.",
)
OTHER = "(other)"  # what all the others are counted under


class App(NamedTuple):
    """What an application is called, and whether a browser said so."""

    name: str
    browser: bool = False


Told = tuple[int, App]  # (environment, application)

_KNOWN = """
    SELECT k.environment_id, k.name, k.browser, k.last_seen < %s::timestamptz - interval '1 hour'
    FROM unnest(%s::bigint[], %s::text[], %s::boolean[]) AS t(environment_id, name, browser)
    JOIN feature_flags_sdkapp k USING (environment_id, name, browser)
"""
_ROOM = """
    SELECT e.id, t.browser
    FROM unnest(%s::bigint[], %s::boolean[]) AS t(environment_id, browser)
    JOIN catalog_environment e ON e.id = t.environment_id
    WHERE (SELECT count(*) FROM feature_flags_sdkapp k
           WHERE k.environment_id = e.id AND k.browser = t.browser) < %s
"""
_ADMIT = """
    INSERT INTO feature_flags_sdkapp
        (workspace_id, environment_id, name, browser, first_seen, last_seen)
    SELECT workspace_id, environment_id, name, browser, %s, %s
    FROM (
        SELECT e.workspace_id, e.id AS environment_id, t.name, t.browser,
               row_number() OVER (PARTITION BY e.id, t.browser ORDER BY t.name) AS nth
        FROM unnest(%s::bigint[], %s::text[], %s::boolean[]) AS t(environment_id, name, browser)
        JOIN catalog_environment e ON e.id = t.environment_id
        WHERE NOT EXISTS (
            SELECT FROM feature_flags_sdkapp k
            WHERE (k.environment_id, k.name, k.browser) = (e.id, t.name, t.browser))
    ) fresh
    WHERE nth + (SELECT count(*) FROM feature_flags_sdkapp k
                 WHERE k.environment_id = fresh.environment_id AND k.browser = fresh.browser) <= %s
    ORDER BY environment_id, browser, name
"""
_SEEN = """
    UPDATE feature_flags_sdkapp SET last_seen = %s WHERE id IN (
        SELECT k.id
        FROM unnest(%s::bigint[], %s::text[], %s::boolean[]) AS t(environment_id, name, browser)
        JOIN feature_flags_sdkapp k USING (environment_id, name, browser)
        ORDER BY k.id FOR NO KEY UPDATE OF k SKIP LOCKED)
"""
_APPS = 0x61707073  # of the locks under which names are admitted


def settle(told: Iterable[Told]) -> Mapping[Told, str]:
    """The name under which each is counted. Call it in the transaction that writes the counts,
    before it takes any row: a new name waits for others who admit one there."""
    asked = sorted(set(told))
    if not asked:
        return {}
    now = clock.now()
    known, unseen = _known(asked, now)
    fresh = _with_room([each for each in asked if each not in known])
    if fresh:
        _admit(fresh, now)
        known |= _known(fresh, now)[0]
    if unseen:
        _execute(_SEEN, [now, *_columns(unseen)])
    return {each: each[1].name if each in known else OTHER for each in asked}


def _known(asked: list[Told], now: datetime) -> tuple[set[Told], list[Told]]:
    """Who has a row; and of them, whose row was not touched for an hour."""
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [now, *_columns(asked)])
        rows = [((place, App(name, browser)), old) for place, name, browser, old in cursor]
    return {each for each, _ in rows}, [each for each, old in rows if old]


def _with_room(fresh: list[Told]) -> list[Told]:
    """Where no name is free, nobody waits for one."""
    if not fresh:
        return []
    rooms = sorted({(place, app.browser) for place, app in fresh})
    with connection.cursor() as cursor:
        cursor.execute(_ROOM, [*map(list, zip(*rooms, strict=True)), APPS_MOST.value])
        free = set(cursor.fetchall())
    return [(place, app) for place, app in fresh if (place, app.browser) in free]


def _admit(fresh: list[Told], now: datetime) -> None:
    for place in sorted({place for place, _ in fresh}):
        _execute("SELECT pg_advisory_xact_lock(%s, %s)", [_APPS, place % 2**31])
    _execute(_ADMIT, [now, now, *_columns(fresh), APPS_MOST.value])


def _columns(told: list[Told]) -> list[list[Any]]:
    rows = [(place, app.name, app.browser) for place, app in told]
    return [list(column) for column in zip(*rows, strict=True)]


def _execute(sql: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)

"""Alerts stored set by set: ten thousand of a storm cost three statements, not thirty thousand.

Whoever calls holds the locks of the groups these belong to, so that of two messages about one
alert the second sees what the first made of it. Rows are written in the order of their keys: two
messages that overlap never wait for each other in a circle.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from incidents.intake.normal import DESCRIPTION, TITLE, Incoming
from incidents.models import AlertSource
from incidents.routing.judging import Verdict


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one of them. `position`: in what was given."""

    position: int
    alert: int
    what: str  # made | raised | repeated | resolved | late | unknown
    incident: int | None
    flaps: bool = False


_GIVEN = """
    given AS (
        SELECT * FROM jsonb_to_recordset(%(given)s::jsonb) AS g(
            position int, key text, fires bool, timed bool, late bool, severity text, title text,
            description text, labels jsonb, annotations jsonb, links jsonb, starts_at timestamptz,
            ends_at timestamptz, repeats int, rule bigint, group_key text, service bigint,
            silence bigint, inhibited_by bigint, flaps int, flap_window float8,
            resolve_due_at timestamptz)
    ),
    last AS (
        SELECT DISTINCT ON (a.dedup_key) a.id, a.dedup_key, a.status, a.severity, a.starts_at,
            a.resolved_at, a.over_by, a.flips, a.flaps_until, a.incident_id
        FROM incidents_alert a
        WHERE a.source_id = %(source)s AND a.dedup_key = ANY(SELECT key FROM given)
        ORDER BY a.dedup_key, a.id DESC
    )
"""
_RANK = "array_position(ARRAY['info', 'warning', 'critical'], {}::text)"

# What is over ends what fires, unless it tells of an earlier time than this one began.
_RESOLVE = f"""
    WITH {_GIVEN},
    over AS (
        UPDATE incidents_alert a SET
            status = 'resolved', over_by = 'sender', version = a.version + 1,
            resolved_at = greatest(least(coalesce(g.ends_at, %(now)s), %(now)s), a.starts_at),
            ends_at = coalesce(g.ends_at, %(now)s), last_at = greatest(a.last_at, %(now)s),
            resolve_due_at = NULL,
            annotations = a.annotations || g.annotations
        FROM given g
        WHERE NOT g.fires AND a.source_id = %(source)s AND a.dedup_key = g.key
            AND a.status = 'firing'
            AND NOT (g.timed AND coalesce(g.ends_at, %(now)s) < a.starts_at)
        RETURNING g.position, a.id, a.incident_id
    ),
    told AS (
        INSERT INTO incidents_alertevent (alert_id, at, kind, inbound_id, note)
        SELECT id, %(now)s, 'resolved', %(inbound)s, '' FROM over
    ),
    -- It came before the firing that it ends: kept, so that the firing is known for over.
    early AS (
        INSERT INTO incidents_alert (uid, workspace_id, source_id, dedup_key, status, severity,
            title, description, labels, annotations, links, service_id, starts_at, ends_at,
            first_at, last_at, repeats, resolved_at, over_by, rule_id, group_key, flips, version)
        SELECT gen_random_uuid(), %(workspace)s, %(source)s, g.key, 'resolved', g.severity,
            g.title, g.description, g.labels, g.annotations, g.links, g.service, g.starts_at,
            g.ends_at, %(now)s, %(now)s, g.repeats, greatest(g.ends_at, g.starts_at), 'late',
            g.rule, g.group_key, 0, 1
        FROM given g LEFT JOIN last l ON l.dedup_key = g.key
        WHERE NOT g.fires AND g.timed AND g.ends_at IS NOT NULL
            AND (l.id IS NULL OR l.status = 'resolved' AND l.starts_at < g.starts_at)
        ORDER BY g.key
        RETURNING id, dedup_key
    )
    SELECT position, id, 'resolved', incident_id FROM over
    UNION ALL SELECT g.position, early.id, 'late', NULL FROM early JOIN given g
        ON g.key = early.dedup_key
"""  # noqa: S608 - parts of our own

_FIRE = f"""
    WITH {_GIVEN},
    -- Over already, by the sender's own word: a message that was overtaken.
    overtaken AS (
        SELECT g.position, g.key, l.id FROM given g JOIN last l ON l.dedup_key = g.key
        WHERE g.fires AND g.timed AND l.status = 'resolved' AND l.over_by IN ('sender', 'late')
            AND g.starts_at <= l.starts_at
    ),
    put AS (
        INSERT INTO incidents_alert AS a (uid, workspace_id, source_id, dedup_key, status,
            severity, title, description, labels, annotations, links, service_id, starts_at,
            ends_at, first_at, last_at, repeats, over_by, rule_id, group_key, silence_id,
            inhibited_by_id, flips, flaps_until, resolve_due_at, version)
        SELECT gen_random_uuid(), %(workspace)s, %(source)s, g.key, 'firing', g.severity, g.title,
            g.description, g.labels, g.annotations, g.links, g.service,
            coalesce(g.starts_at, %(now)s), g.ends_at, %(now)s, %(now)s, g.repeats, '', g.rule,
            g.group_key, g.silence, g.inhibited_by, coalesce(f.flips, 0),
            CASE WHEN f.flips >= g.flaps
                THEN %(now)s + make_interval(secs => g.flap_window) END,
            g.resolve_due_at, 1
        FROM given g
        LEFT JOIN LATERAL (
            SELECT least(l.flips + 1, 32000) AS flips FROM last l
            WHERE l.dedup_key = g.key AND l.status = 'resolved'
                AND l.resolved_at > %(now)s - make_interval(secs => g.flap_window)
        ) f ON true
        WHERE g.fires AND g.key NOT IN (SELECT key FROM overtaken)
        ORDER BY g.key
        ON CONFLICT (source_id, dedup_key) WHERE status = 'firing' DO UPDATE SET
            last_at = excluded.last_at, repeats = a.repeats + excluded.repeats + 1,
            severity = excluded.severity, title = excluded.title,
            description = CASE WHEN excluded.description = '' THEN a.description
                ELSE excluded.description END,
            labels = excluded.labels, links = excluded.links,
            annotations = CASE WHEN excluded.annotations = '{{}}' THEN a.annotations
                ELSE excluded.annotations END,
            ends_at = excluded.ends_at, resolve_due_at = excluded.resolve_due_at,
            service_id = coalesce(excluded.service_id, a.service_id),
            starts_at = least(a.starts_at, excluded.starts_at), version = a.version + 1
        RETURNING a.id, a.dedup_key, a.incident_id, (xmax = 0) AS made, a.severity,
            a.flaps_until, a.silence_id, a.inhibited_by_id
    ),
    seen AS (
        SELECT g.position, put.id, put.incident_id, put.made, put.flaps_until > %(now)s AS flaps,
            put.silence_id, put.inhibited_by_id,
            NOT put.made AND l.status = 'firing'
                AND {_RANK.format("put.severity")} > {_RANK.format("l.severity")} AS raised
        FROM put JOIN given g ON g.key = put.dedup_key LEFT JOIN last l ON l.dedup_key = g.key
    ),
    told AS (
        INSERT INTO incidents_alertevent (alert_id, at, kind, inbound_id, note)
        SELECT id, %(now)s, kind, %(inbound)s, '' FROM (
            SELECT id, 'fired' AS kind FROM seen WHERE made
            UNION ALL SELECT id, 'raised' FROM seen WHERE raised
            UNION ALL SELECT id, 'silenced' FROM seen WHERE made AND silence_id IS NOT NULL
            UNION ALL SELECT id, 'inhibited' FROM seen
                WHERE made AND silence_id IS NULL AND inhibited_by_id IS NOT NULL
            UNION ALL SELECT id, 'flapping' FROM seen WHERE made AND flaps
            UNION ALL SELECT id, 'late' FROM overtaken
        ) every
    )
    SELECT position, id, CASE WHEN made THEN 'made' WHEN raised THEN 'raised' ELSE 'repeated' END,
        incident_id, coalesce(flaps, false) FROM seen
    UNION ALL SELECT position, id, 'late', NULL, false FROM overtaken
"""  # noqa: S608 - parts of our own


def put(
    source: AlertSource,
    inbound: int | None,
    alerts: Sequence[Incoming],
    verdicts: Sequence[Verdict],
    now: datetime,
) -> list[Stored]:
    """Store what a message says; each key stands in it once."""
    if not alerts:
        return []
    given = json.dumps(
        [
            _plain(place, alert, verdict, now)
            for place, (alert, verdict) in enumerate(zip(alerts, verdicts, strict=True))
        ]
    )
    values = {
        "given": given, "source": source.pk, "workspace": source.workspace_id,
        "inbound": inbound, "now": now,
    }  # fmt: skip
    found: list[Stored] = []
    with connection.cursor() as cursor:
        if any(not alert.fires for alert in alerts):
            cursor.execute(_RESOLVE, values)
            found += [Stored(*row) for row in cursor.fetchall()]
        if any(alert.fires for alert in alerts):
            cursor.execute(_FIRE, values)
            found += [Stored(*row) for row in cursor.fetchall()]
    return found


def _plain(place: int, alert: Incoming, verdict: Verdict, now: datetime) -> dict[str, Any]:
    rule = verdict.rule
    return {
        "position": place,
        "key": alert.key,
        "fires": alert.fires,
        "timed": alert.timed,
        "late": alert.late,
        "severity": verdict.severity,
        "title": alert.title[:TITLE],
        "description": alert.description[:DESCRIPTION],
        "labels": alert.labels,
        "annotations": alert.annotations,
        "links": alert.links,
        "starts_at": _moment(alert.starts_at),
        "ends_at": _moment(alert.ends_at),
        "repeats": alert.repeats,
        "rule": rule.pk if rule else None,
        "group_key": verdict.group_key,
        "service": verdict.service.pk if verdict.service else None,
        "silence": verdict.silence,
        "inhibited_by": verdict.inhibited_by,
        "flaps": rule.flaps if rule else 4,
        "flap_window": float(rule.flap_window_s if rule else 3_600),
        "resolve_due_at": _moment(_resolve_due(alert, verdict, now)),
    }


def _resolve_due(alert: Incoming, verdict: Verdict, now: datetime) -> datetime | None:
    """A sender that says until when it fires says it again before that; without that, the rule may
    say how long silence means that it is over."""
    if alert.ends_at is not None and alert.ends_at > now:
        return alert.ends_at
    seconds = verdict.rule.resolve_after_s if verdict.rule else None
    return now + timedelta(seconds=seconds) if seconds else None


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value is not None else None

"""Alerts stored set by set: ten thousand of a storm cost two statements, not thirty thousand.

That an alert fired is told by its row alone: when, and by its source's message of that instant.
What happens to it afterwards is an event of its own.

Whoever calls holds the locks of the groups these belong to, so that of two messages about one
alert the second sees what the first made of it. Rows are written in the order of their keys: two
messages that overlap never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db import DEFAULT_DB_ALIAS, connection

from controlplane.jobs.leases import LeaseLost
from controlplane.lib import prepared
from incidents.intake.deciding import (
    EARLY,
    LATE,
    MADE,
    RAISED,
    REPEATED,
    RESOLVED,
    Decision,
    Last,
)
from incidents.intake.keeping import Done
from incidents.intake.normal import DESCRIPTION, TITLE, Incoming
from incidents.models import AlertSource, Incident
from incidents.querysets import OVER
from incidents.routing.judging import Verdict

_OF_INCIDENT = ("id", "uid", "workspace_id", "ref", "severity", "item_id", "opened_at")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# What is known of keys, and which incidents burn for groups: by index, key for key.
_LOOK = f"""
    SELECT
        (SELECT coalesce(json_agg(json_build_array(a.dedup_key, a.id, a.status, a.severity,
                (extract(epoch FROM a.starts_at) * 1000000)::bigint,
                (extract(epoch FROM a.resolved_at) * 1000000)::bigint,
                a.over_by, a.flips, a.incident_id, a.item_id)), '[]')::text
         FROM unnest(%(keys)s::text[]) AS asked(key)
         CROSS JOIN LATERAL (
            SELECT * FROM incidents_alert
            WHERE source_id = %(source)s AND dedup_key = asked.key
            ORDER BY id + 0 DESC LIMIT 1  -- of these; never all there are, the last one first
         ) AS a),
        (SELECT coalesce(json_agg(json_build_array(i.group_key, i.id, i.uid, i.ref, i.severity,
                i.item_id, (extract(epoch FROM i.opened_at) * 1000000)::bigint)), '[]')::text
         FROM incidents_incident i
         WHERE i.workspace_id = %(workspace)s AND i.group_key = ANY(%(groups)s::text[])
            AND i.group_key <> '' AND i.status NOT IN ({", ".join(f"'{each}'" for each in OVER)}))
"""  # noqa: S608 - in the words of the index of those that burn
# Most alerts of a message share what became of them: that is said once for each such kind.
_GIVEN = """
    given AS (
        SELECT g.*, k.what, k.severity, k.rule, k.group_key, k.service, k.silence, k.inhibited_by,
            k.incident, k.item
        FROM json_to_recordset(%(given)s::json) AS g(
            kind int, key text, title text, description text, labels jsonb, annotations jsonb,
            links jsonb, starts_at timestamptz, ends_at timestamptz, repeats int, flips int,
            flaps_until timestamptz, resolve_due_at timestamptz, asks jsonb)
        JOIN json_to_recordset(%(kinds)s::json) AS k(
            kind int, what text, severity text, rule bigint, group_key text, service bigint,
            silence bigint, inhibited_by bigint, incident bigint, item bigint) USING (kind)
    )
"""
_END = f"""
    WITH {_GIVEN},
    over AS (
        UPDATE incidents_alert a SET
            status = 'resolved', over_by = 'sender', version = a.version + 1,
            resolved_at = greatest(least(coalesce(g.ends_at, %(now)s), %(now)s), a.starts_at),
            ends_at = coalesce(g.ends_at, %(now)s), last_at = greatest(a.last_at, %(now)s),
            resolve_due_at = NULL, look_at = NULL, annotations = a.annotations || g.annotations
        FROM given g
        WHERE a.source_id = %(source)s AND a.dedup_key = g.key AND a.status = 'firing'
        RETURNING a.id, a.incident_id
    ),
    told AS (
        INSERT INTO incidents_alertevent (alert_id, at, kind, inbound_id, note)
        SELECT id, %(now)s::timestamptz, 'resolved', %(inbound)s::bigint, '' FROM over
    )
    SELECT id, incident_id FROM over
"""  # noqa: S608 - parts of our own
# Its end came before it did: kept, so that the firing is known for over when it comes.
_KEEP = f"""
    WITH {_GIVEN}
    INSERT INTO incidents_alert (uid, workspace_id, source_id, dedup_key, status, severity, title,
        description, labels, annotations, links, service_id, starts_at, ends_at, first_at, last_at,
        repeats, resolved_at, over_by, rule_id, group_key, flips, asks, version)
    SELECT gen_random_uuid(), %(workspace)s::bigint, %(source)s::bigint, g.key, 'resolved',
        g.severity, g.title, g.description, g.labels, g.annotations, g.links, g.service,
        g.starts_at, g.ends_at, %(now)s::timestamptz, %(now)s::timestamptz, g.repeats,
        greatest(g.ends_at, g.starts_at), 'late', g.rule,
        g.group_key, 0, g.asks, 1
    FROM given g ORDER BY g.key
"""  # noqa: S608
_FIRE = f"""
    WITH {_GIVEN},
    put AS (
        INSERT INTO incidents_alert AS a (uid, workspace_id, source_id, dedup_key, status,
            severity, title, description, labels, annotations, links, service_id, starts_at,
            ends_at, first_at, last_at, repeats, over_by, rule_id, group_key, silence_id,
            inhibited_by_id, flips, flaps_until, resolve_due_at, look_at, incident_id,
            item_id, asks, version)
        SELECT gen_random_uuid(), %(workspace)s::bigint, %(source)s::bigint, g.key, 'firing',
            g.severity, g.title, g.description, g.labels, g.annotations, g.links, g.service,
            coalesce(g.starts_at, %(now)s), g.ends_at, %(now)s::timestamptz,
            %(now)s::timestamptz, g.repeats, '', g.rule,
            g.group_key, g.silence, g.inhibited_by, g.flips, g.flaps_until, g.resolve_due_at,
            g.resolve_due_at, g.incident, g.item, g.asks, 1
        FROM given g ORDER BY g.key
        ON CONFLICT (source_id, dedup_key) WHERE status = 'firing' DO UPDATE SET
            last_at = excluded.last_at, repeats = a.repeats + excluded.repeats + 1,
            severity = excluded.severity, title = excluded.title,
            description = CASE WHEN excluded.description = '' THEN a.description
                ELSE excluded.description END,
            labels = excluded.labels, links = excluded.links,
            annotations = CASE WHEN excluded.annotations = '{{}}' THEN a.annotations
                ELSE excluded.annotations END,
            ends_at = excluded.ends_at, resolve_due_at = excluded.resolve_due_at,
            look_at = least(a.look_at, excluded.resolve_due_at),
            service_id = coalesce(excluded.service_id, a.service_id),
            incident_id = coalesce(a.incident_id, excluded.incident_id),
            item_id = coalesce(a.item_id, excluded.item_id),
            starts_at = least(a.starts_at, excluded.starts_at), version = a.version + 1
        RETURNING a.id, a.dedup_key, a.incident_id, (xmax = 0) AS made
    ),
    seen AS (
        SELECT g.what, put.id, put.incident_id, put.made, g.flaps_until, g.silence,
            g.inhibited_by
        FROM put JOIN given g ON g.key = put.dedup_key
    ),
    told AS (
        INSERT INTO incidents_alertevent (alert_id, at, kind, inbound_id, note)
        SELECT id, %(now)s::timestamptz, kind, %(inbound)s::bigint, '' FROM (
            SELECT id, 'raised' AS kind FROM seen WHERE what = 'raised' AND NOT made
            UNION ALL SELECT id, 'silenced' FROM seen WHERE made AND silence IS NOT NULL
            UNION ALL SELECT id, 'inhibited' FROM seen
                WHERE made AND silence IS NULL AND inhibited_by IS NOT NULL
            UNION ALL SELECT id, 'flapping' FROM seen WHERE made AND flaps_until IS NOT NULL
        ) every
    ),
    counted AS (
        UPDATE incidents_incident AS i SET alert_count = i.alert_count + n.joined,
            firing_count = i.firing_count + n.joined, last_alert_at = %(now)s
        FROM (SELECT incident_id, count(*)::int AS joined FROM seen
              WHERE made AND incident_id IS NOT NULL GROUP BY incident_id) AS n
        WHERE i.id = n.incident_id
        RETURNING i.id, n.joined, i.alert_count, i.firing_count
    )
    SELECT id, joined, alert_count, firing_count FROM counted ORDER BY id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Ended:
    """An alert that is over, by its sender's word."""

    alert: int
    incident: int | None


@dataclass(frozen=True, slots=True)
class Joined:
    """So many came to an incident, and how many it has had and has now."""

    incident: int
    joined: int
    alerts: int
    firing: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a message's alerts."""

    ended: list[Ended]
    joined: list[Joined]


@dataclass(frozen=True, slots=True)
class Place:
    """Where alerts of a group go."""

    incident: int | None = None
    item: int | None = None


def looking(
    source: AlertSource, keys: Sequence[str], groups: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """Asks for the newest alert of each key, and for the incident that burns for each group."""
    return _LOOK, {
        "source": source.pk, "workspace": source.workspace_id, "keys": list(keys),
        "groups": list(groups),
    }  # fmt: skip


def look(source: AlertSource, keys: Sequence[str]) -> dict[str, Last]:
    return seen(source, prepared.one(*looking(source, keys, ())))[0]


def seen(source: AlertSource, row: Sequence[Any]) -> tuple[dict[str, Last], dict[str, Incident]]:
    """What that answered."""
    alerts, incidents = row
    found = {
        key: Last(pk, status, severity, _moment(starts), _moment_or_none(over), *rest)
        for key, pk, status, severity, starts, over, *rest in msgspec.json.decode(alerts)
    }
    burning = {key: _incident(source, *row) for key, *row in msgspec.json.decode(incidents)}
    return found, burning


def _incident(source: AlertSource, pk: int, uid: str, *rest: Any) -> Incident:
    """What most messages need of it; the rest is read when it is asked for."""
    *known, opened = rest
    row = (pk, UUID(uid), source.workspace_id, *known, _moment(opened))
    found: Incident = Incident.from_db(DEFAULT_DB_ALIAS, _OF_INCIDENT, row)
    found.workspace = source.workspace
    return found


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _moment_or_none(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _moment(microseconds)


def put(
    source: AlertSource,
    alerts: Sequence[Incoming],
    verdicts: Sequence[Verdict],
    decisions: Sequence[Decision],
    places: Mapping[str, Place],
    now: datetime,
    *,
    message: Done | None = None,
) -> Stored:
    """Store what a message says, each key of which stands in it once, and that it is done. Raises
    `LeaseLost` where somebody else has the message by now."""
    inbound = message.row.pk if message is not None else None

    def written(statement: str, *what: str) -> list[tuple[str, dict[str, Any]]]:
        kinds = _Kinds(places)
        rows = [
            _plain(alerts[place], verdicts[place], decision, kinds, now)
            for place, decision in enumerate(decisions)
            if decision.what in what
        ]
        if not rows:
            return []
        values: dict[str, Any] = {
            "given": msgspec.json.encode(rows).decode(),
            "kinds": msgspec.json.encode(kinds.rows).decode(), "source": source.pk,
            "workspace": source.workspace_id, "inbound": inbound, "now": now,
        }  # fmt: skip
        return [(statement, values)]

    parts = [
        *written(_END, RESOLVED),
        *written(_KEEP, EARLY),
        *written(_FIRE, MADE, RAISED, REPEATED),
    ]
    last = [message.statement()] if message is not None else []
    told = prepared.together(*parts, *last)
    if message is not None and not told[-1][0][0]:
        raise LeaseLost(str(message.row))
    _note_late(decisions, inbound, now)
    found: dict[str, list[Any]] = {
        statement: rows for (statement, _), rows in zip(parts, told, strict=False)
    }
    return Stored(
        ended=[Ended(*row) for row in found.get(_END, ())],
        joined=[Joined(*row) for row in found.get(_FIRE, ())],
    )


def _note_late(decisions: Sequence[Decision], inbound: int | None, now: datetime) -> None:
    late = [each.last.pk for each in decisions if each.what == LATE and each.last is not None]
    if late:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO incidents_alertevent (alert_id, at, kind, inbound_id, note)"
                " SELECT unnest(%s::bigint[]), %s, 'late', %s, ''",
                [late, now, inbound],
            )


class _Kinds:
    """What alerts of a message have in common, each kind once."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.rows: list[dict[str, Any]] = []
        self._places = places
        self._known: dict[tuple[int, str, bool], int] = {}

    def of(self, verdict: Verdict, decision: Decision) -> int:
        """Verdicts stay for as long as the message is taken, so that one is told by where it is."""
        flaps = decision.flaps_until is not None
        key = (id(verdict), decision.what, flaps)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = len(self.rows)
            self.rows.append(self._row(known, verdict, decision.what, flaps=flaps))
        return known

    def _row(self, kind: int, verdict: Verdict, what: str, *, flaps: bool) -> dict[str, Any]:
        place = self._places.get(verdict.group_key)
        joins = place is not None and not verdict.held_back and not flaps
        return {
            "kind": kind,
            "what": what,
            "severity": verdict.severity,
            "rule": verdict.rule.pk if verdict.rule else None,
            "group_key": verdict.group_key,
            "service": verdict.service.pk if verdict.service else None,
            "silence": verdict.silence,
            "inhibited_by": verdict.inhibited_by,
            "incident": place.incident if joins and place else None,
            "item": place.item if joins and place else None,
        }


def _plain(
    alert: Incoming, verdict: Verdict, decision: Decision, kinds: _Kinds, now: datetime
) -> dict[str, Any]:
    """One alert by itself. What is not named is NULL there."""
    row = {
        "kind": kinds.of(verdict, decision),
        "key": alert.key,
        "title": alert.title[:TITLE],
        "description": alert.description[:DESCRIPTION],
        "labels": alert.labels,
        "annotations": alert.annotations,
        "links": alert.links,
        "starts_at": alert.starts_at,
        "repeats": alert.repeats,
        "flips": decision.flips,
        "asks": alert.asks,
    }
    if alert.ends_at is not None:
        row["ends_at"] = alert.ends_at
    if decision.flaps_until is not None:
        row["flaps_until"] = decision.flaps_until
    due = resolve_due(alert, verdict, now)
    if due is not None:
        row["resolve_due_at"] = due
    return row


def resolve_due(alert: Incoming, verdict: Verdict, now: datetime) -> datetime | None:
    """A sender that says until when it fires says it again before that; without that, the rule may
    say how long silence means that it is over."""
    if alert.ends_at is not None and alert.ends_at > now:
        return alert.ends_at
    seconds = verdict.rule.resolve_after_s if verdict.rule else None
    return now + timedelta(seconds=seconds) if seconds else None

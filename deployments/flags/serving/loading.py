"""From rows to a snapshot: read what changed, make anew what was made of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from controlplane.lib.actors import Actor
from deployments.flags import documents, engine
from deployments.flags.engine import Ruleset
from deployments.flags.models import FlagEnvironment, FlagState, SdkToken, Segment
from deployments.flags.serving.snapshots import Feature, Snapshot, Token

logger = logging.getLogger(__name__)
# The version of a row in PostgreSQL itself: no writer can forget to count it. It tells two contents
# apart only once the transaction that wrote them has ended, see `load`.
_VERSIONS = """
    SELECT s.id, f.flag_name, f.xmin::text || ' ' || s.xmin::text
    FROM feature_flags_flagstate s JOIN feature_flags f ON f.id = s.flag_id
    WHERE s.environment_id = %s AND f.archived_at IS NULL
    ORDER BY f.flag_name
"""
_REVISIONS = """
    SELECT e.environment_id, e.revision
    FROM feature_flags_flagenvironment e JOIN access_workspace w ON w.id = e.workspace_id
    WHERE e.environment_id = ANY(%s) AND w.archived_at IS NULL
"""


def revisions(environment_ids: Iterable[int]) -> dict[int, int]:
    """The present revision of each. An environment that is gone, or whose workspace was archived,
    is not there."""
    with connection.cursor() as cursor:
        cursor.execute(_REVISIONS, [list(environment_ids)])
        return dict(cursor.fetchall())


def load(environment_id: int, before: Snapshot | None) -> Snapshot | None:
    """What stands now, with whatever of `before` still holds. None: no such environment.

    Nothing of a provisional `before` does: a row that one transaction writes twice has the same
    version both times, and what was read between would be taken for what stands.
    """
    provisional = connection.in_atomic_block
    known = None if before is not None and before.provisional else before
    with _one_moment():
        rows = FlagEnvironment.objects.filter(
            environment_id=environment_id, workspace__archived_at=None
        )
        place = rows.select_related("environment", "workspace").first()
        if place is None:
            return None
        segments = {
            row.pk: documents.to_segment(row)
            for row in Segment.objects.filter(workspace_id=place.workspace_id).order_by("pk")
        }
        features, versions = _features(environment_id, segments, known)
        tokens = _tokens(place)
    made = Snapshot(
        environment_id=environment_id,
        environment=place.environment.slug,
        workspace=place.workspace,
        revision=place.revision,
        ruleset=_compiled(features, segments, known),
        features=features,
        segments=segments,
        tokens=tokens,
        versions=versions,
        provisional=provisional,
    )
    _tell_unreadable(made, before)
    return made


def _tell_unreadable(made: Snapshot, before: Snapshot | None) -> None:
    """Once, and not at each change of another flag."""
    known = before.unreadable if before is not None else frozenset[str]()
    for name in sorted(made.unreadable - known):
        logger.error(
            "the flag %s of %s in %s is off: its row can't be read",
            name,
            made.workspace.slug,
            made.environment,
        )


@contextmanager
def _one_moment() -> Any:
    """All questions see the database at one moment: a rule never stands beside segments of
    another time."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def _features(
    environment_id: int, segments: Mapping[int, dict[str, Any]], before: Snapshot | None
) -> tuple[dict[str, Feature], dict[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS, [environment_id])
        rows = cursor.fetchall()
    versions = {name: version for _, name, version in rows}
    ids = {segment["name"]: pk for pk, segment in segments.items()}
    known: dict[str, Feature] = {}
    if before is not None and ids == {s["name"]: pk for pk, s in before.segments.items()}:
        known = {
            name: before.features[name]
            for name, version in versions.items()
            if before.versions.get(name) == version
        }
    fresh = _made([pk for pk, name, _ in rows if name not in known], ids)
    # A flag that went between two questions is not there; the next look tells.
    found = {name: known.get(name) or fresh.get(name) for name in versions}
    return {name: told for name, told in found.items() if told is not None}, versions


def _made(state_ids: list[int], segment_ids: Mapping[str, int]) -> dict[str, Feature]:
    if not state_ids:
        return {}
    states = FlagState.objects.filter(pk__in=state_ids).select_related("flag")
    return {row.flag.flag_name: documents.to_feature(row.flag, row, segment_ids) for row in states}


def _compiled(
    features: Mapping[str, Feature],
    segments: Mapping[int, dict[str, Any]],
    before: Snapshot | None,
) -> Ruleset:
    if before is None:
        return engine.compile(
            {"version": 2, "features": [*features.values()], "segments": [*segments.values()]}
        )
    return before.ruleset.updated(
        [told for name, told in features.items() if before.features.get(name) is not told],
        [name for name in before.features if name not in features],
        [told for pk, told in segments.items() if before.segments.get(pk) != told],
        segments_removed=[pk for pk in before.segments if pk not in segments],
    )


def _tokens(place: FlagEnvironment) -> dict[bytes, Token]:
    rows = SdkToken.objects.in_force().filter(environment_id=place.environment_id)
    return {bytes(row.secret_sha256): _token(row, place) for row in rows}


def _token(row: SdkToken, place: FlagEnvironment) -> Token:
    return Token(
        pk=row.pk,
        kind=row.kind,
        name=row.name,
        environment_id=place.environment_id,
        expires_at=row.expires_at.timestamp() if row.expires_at else None,
        actor=Actor(
            kind="service",
            ref=f"sdk-token:{row.pk}",
            label=row.name,
            roles={place.workspace_id: frozenset()},
            scopes=frozenset(),
        ),
    )

"""What agents remember of a mission: written from the version they read, or refused and counted."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from controlplane.access import policy
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import InvalidTransition
from missions.models import AgentSession, Mission
from missions.services import given, reading
from missions.services.noting import tell

SNAPSHOT = 60_000  # bytes
_COUNT = 2**53


class Written(NamedTuple):
    """`conflict`: somebody else wrote since; nothing of this was kept."""

    session: AgentSession
    created: bool
    conflict: bool


@transaction.atomic
def write_session(
    mission: Mission,
    agent: str,
    *,
    actor: Actor,
    version: int | None = None,
    key: str = "",
    snapshot: Any = None,
    tokens: int | None = None,
    lag_ms: int | None = None,
    creation_ms: int | None = None,
) -> Written:
    """Open it, or write in it what it goes on from `version`. It is a heartbeat as well: with
    nothing but its name it needs no version.

    A conflict is answered, not raised: that it happened is kept.
    """
    policy.require(actor, "mission.session", mission)
    name = given.name("agent", agent)[:64]
    values = _read(key, snapshot, tokens, lag_ms, creation_ms)
    if not mission.is_under_way and not mission.status == Mission.Status.DRAFT:
        raise InvalidTransition(
            f"{mission.ref} is {mission.get_status_display().lower()}.",
            details={"status": mission.status},
        )
    row, created = AgentSession.objects.get_or_create(
        mission=mission, agent=name, defaults={**values, "opened_by": actor.ref[:80]}
    )
    row.mission = mission
    if created:
        _tell_made(row, actor)
        _tell_beat(row, actor)
        return Written(row, created=True, conflict=False)
    expected = version if version is not None else (None if "snapshot" in values else row.version)
    if expected is None:
        raise reading.refuse("version", "Which version it goes on from.")
    other = "key" in values and values["key"] != row.key
    if other:
        values.setdefault("creation_ms", None)  # how long the last one took says nothing of it
    untold = "creation_ms" in values and (other or row.creation_ms is None)
    rows = AgentSession.objects.filter(pk=row.pk, version=expected)
    if not rows.update(**values, beat_at=clock.now(), version=F("version") + 1):
        return Written(_conflicted(row, expected, actor), created=False, conflict=True)
    row.refresh_from_db()
    row.mission = mission
    if row.status != AgentSession.Status.ACTIVE:
        advance(row, "active", actor=actor, changes={"ended_at": None})
    if untold:
        _tell_made(row, actor)
    _tell_beat(row, actor)
    return Written(row, created=False, conflict=False)


def _read(key: str, snapshot: Any, tokens: Any, lag_ms: Any, creation_ms: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if key:
        values["key"] = given.name("key", key)[:64]
    if snapshot is not None:
        kept = given.document("snapshot", snapshot, SNAPSHOT)
        values["snapshot"] = kept
        values["size_bytes"] = len(json.dumps(kept, ensure_ascii=False).encode())
    if tokens is not None:
        values["tokens"] = given.amount("tokens", tokens, _COUNT)
    if lag_ms is not None:
        values["lag_ms"] = given.amount("lag_ms", lag_ms, 2**31 - 1)
    if creation_ms is not None:
        values["creation_ms"] = given.amount("creation_ms", creation_ms, 2**31 - 1)
    return values


def _conflicted(row: AgentSession, expected: int, actor: Actor) -> AgentSession:
    AgentSession.objects.filter(pk=row.pk).update(
        conflicts=F("conflicts") + 1, conflict_at=clock.now(),
        beat_at=Greatest(F("beat_at"), clock.now()),
    )  # fmt: skip
    mission = row.mission
    row.refresh_from_db()
    row.mission = mission
    said = {
        "session_id": row.key or str(row.uid),
        "expected_version": expected,
        "found_version": row.version,
    }
    tell(mission, "session_state_conflict", said, actor=actor, status="error")
    return row


def _tell_made(row: AgentSession, actor: Actor) -> None:
    """The Tool Router's session of this mission and agent, and what it took to make it."""
    if row.creation_ms is None:
        return
    said = {"session_id": row.key or str(row.uid), "duration_ms": row.creation_ms}
    tell(row.mission, "session_created", said, actor=actor)


def _tell_beat(row: AgentSession, actor: Actor) -> None:
    if row.mission.stage != "execute_observe":
        return
    said = {
        "lag_ms": row.lag_ms or 0,
        "token_usage": row.tokens,
        "session_state_size_bytes": row.size_bytes,
    }
    tell(row.mission, "session_heartbeat", said, actor=actor)


@transaction.atomic
def end_session(session: AgentSession, *, actor: Actor) -> AgentSession:
    policy.require(actor, "mission.session", session)
    row: AgentSession = AgentSession.objects.select_for_update().get(pk=session.pk)
    row.mission = session.mission
    if row.status == AgentSession.Status.TERMINATED:
        return row
    return advance(row, "terminated", actor=actor, changes={"ended_at": clock.now()})


@transaction.atomic
def still_session(session: AgentSession, *, actor: Actor) -> bool:
    """Its heartbeat does not come any more."""
    row: AgentSession = AgentSession.objects.select_for_update().get(pk=session.pk)
    row.mission = session.mission
    if row.status != AgentSession.Status.ACTIVE or row.beat_at != session.beat_at:
        return False
    advance(row, "idle", actor=actor)
    return True

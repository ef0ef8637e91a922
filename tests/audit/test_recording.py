"""One row for each change, in its transaction, fit to keep whatever it was given."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent, AuditPending
from controlplane.audit.services import record, record_denied, record_each
from controlplane.lib import actors, clock, context
from controlplane.lib.errors import NotAllowed

pytestmark = pytest.mark.django_db
ACTOR = actors.Actor(kind="person", ref="user:7", label="robin@example.org")


def stored(event: AuditEvent) -> AuditEvent:
    return AuditEvent.objects.get(pk=event.pk)


def test_record__says_who_what_where() -> None:
    workspace = Workspace.objects.create(slug="here", name="Here")
    with context.bind(request_id="r1", correlation_id="c1", address="203.0.113.9", source="api"):
        event = stored(
            record(ACTOR, "workspace.manage", workspace, before={"a": 1}, after={"a": 2})
        )
    assert (event.actor_kind, event.actor_ref, event.actor_label) == (
        "person", "user:7", "robin@example.org",
    )  # fmt: skip
    assert event.subject_ref == f"access.workspace:{workspace.pk}"
    assert (event.subject_type, event.subject_label) == ("access.workspace", "Here")
    assert event.workspace_id == workspace.pk
    assert (event.before, event.after, event.outcome) == ({"a": 1}, {"a": 2}, "done")
    assert (event.request_id, event.correlation_id) == ("r1", "c1")
    assert (event.address, event.source) == ("203.0.113.9", "api")
    assert len(bytes(event.leaf)) == 32
    assert AuditPending.objects.filter(pk=event.pk).exists()


def test_record__returns_what_was_stored() -> None:
    event = record(ACTOR, "a.b", "thing:1")
    again = stored(event)
    assert (event.at, bytes(event.leaf), event.uid) == (again.at, bytes(again.leaf), again.uid)


def test_record__of_the_past__says_when_it_was_written_and_of_when_it_tells() -> None:
    plain = stored(record(ACTOR, "a.b", "thing:1", details={"x": 1}))
    assert plain.details == {"x": 1}
    assert plain.happened_at == plain.at
    with clock.set_back(timedelta(days=9)):
        then = clock.now()
        one = stored(record(ACTOR, "a.b", "thing:1", details={"x": 1}))
        [each] = record_each(ACTOR, "a.b", [("thing:1", None)])
    for event in (one, stored(each)):
        assert event.at >= plain.at  # the log's own clock is set by nobody
        assert abs(event.happened_at - then) < timedelta(seconds=5)
    assert one.details is not None
    assert one.details["x"] == 1


def test_record__costs_one_insert() -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        record(ACTOR, "a.b", "thing:1", before={"x": 1}, reason="because")
    assert len(queries) == 1
    assert queries[0]["sql"].startswith("INSERT INTO audit_auditevent")


def test_record_each__is_one_insert_that_says_what_one_by_one_says() -> None:
    workspace = Workspace.objects.create(slug="here", name="Here")
    told: list[tuple[Any, Any]] = [
        (workspace, {"password": "violet harbour"}),
        ("thing:1", None),
        ("thing:2", {"note": "x" * 70_000}),
    ]
    with CaptureQueriesContext(connection) as queries:
        together = record_each(ACTOR, "a.b", told, details={"added": True})
    assert len(queries) == 1
    alone = [
        record(ACTOR, "a.b", each, after=after, details={"added": True}) for each, after in told
    ]
    same = (
        "workspace_id", "actor_kind", "actor_ref", "actor_label", "action", "subject_type",
        "subject_ref", "subject_label", "outcome", "reason", "rule", "before", "after", "details",
        "source", "request_id", "correlation_id", "address", "form",
    )  # fmt: skip
    for one, other in zip(together, alone, strict=True):
        first, second = stored(one), stored(other)
        assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]
        assert (one.at, bytes(one.leaf), one.uid) == (first.at, bytes(first.leaf), first.uid)
    assert "violet" not in str(stored(together[0]).after)
    numbers = [event.pk for event in (*together, *alone)]
    assert numbers == sorted(numbers)
    assert AuditPending.objects.count() == 6


def test_record_each__of_nothing__asks_nothing() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert record_each(ACTOR, "a.b", []) == []
    assert not queries.captured_queries


def test_record__rolled_back_change__leaves_nothing() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        record(ACTOR, "a.b", "thing:1")
        raise RuntimeError
    assert not AuditEvent.objects.exists()
    assert not AuditPending.objects.exists()


def test_record__secrets__are_redacted_before_storage() -> None:
    event = stored(
        record(
            ACTOR,
            "a.b",
            "thing:1",
            before={"password": "hunter2hunter2"},
            after={"nested": [{"api_key": "sk-live-0123456789abcdef0123456789"}]},
            reason="key was AKIAIOSFODNN7EXAMPLE",
        )
    )
    text = f"{event.before} {event.after} {event.reason}"
    assert "hunter2" not in text
    assert "sk-live" not in text
    assert "AKIAIOSFODNN7EXAMPLE" not in text
    assert "***redacted***" in text


@pytest.mark.parametrize(
    "hostile",
    [
        "nul\x00inside",
        "half \ud800 surrogate",
        "x" * 5_000,
        "line\nbreak\r\n",
        '{"json": "\\u0000"}',
    ],
)
def test_record__hostile_text__is_kept_not_refused(hostile: str) -> None:
    with context.bind(request_id="ok", address="203.0.113.9"):
        event = stored(
            record(
                actors.Actor(kind="anonymous", ref=hostile, label=hostile),
                "a.b",
                hostile,
                before={hostile: hostile},
                details=[hostile],
                reason=hostile,
            )
        )
    assert event.actor_ref
    assert "\x00" not in event.subject_ref


def test_record__any_value__becomes_plain() -> None:
    values: dict[str, Any] = {
        "when": datetime(2026, 11, 21, tzinfo=UTC),
        "id": uuid.UUID(int=5),
        "price": Decimal("1.50"),
        "nan": float("nan"),
        "raw": b"12345",
        "set": {2, 1},
    }
    kept = stored(record(ACTOR, "a.b", "thing:1", details=values)).details
    assert kept is not None
    assert kept["when"] == "2026-11-21T00:00:00+00:00"
    assert kept["id"] == str(uuid.UUID(int=5))
    assert (kept["price"], kept["nan"], kept["raw"]) == ("1.50", "nan", "(5 bytes)")
    assert kept["set"] == [1, 2]


def test_record__document_too_large__keeps_its_hash_only() -> None:
    event = stored(record(ACTOR, "a.b", "thing:1", after={"log": ["some line"] * 10_000}))
    assert event.after is not None
    assert event.after["too_large"] is True
    assert len(event.after["sha256"]) == 64


def test_record_denied__writes_the_refusal_once() -> None:
    workspace = Workspace.objects.create(slug="here", name="Here")
    denial = {"actor": ACTOR, "action": "key.manage", "subject": workspace, "rule": "role",
              "reason": "needs Security lead"}  # fmt: skip
    error = NotAllowed("no", denial=denial)
    record_denied(error)
    record_denied(error)
    event = AuditEvent.objects.get()
    assert (event.outcome, event.rule, event.reason) == ("denied", "role", "needs Security lead")
    assert (event.action, event.workspace_id) == ("key.manage", workspace.pk)


def test_record_denied__never_raises() -> None:
    class Broken:
        def __str__(self) -> str:
            raise ValueError("no name")

    record_denied(NotAllowed("no", denial={"actor": ACTOR, "action": "a.b", "subject": Broken()}))
    record_denied(NotAllowed("no"))
    assert not AuditEvent.objects.exists()

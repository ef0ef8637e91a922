"""What storms, broken databases and bad senders do to the ingest: a verdict or a 503, never a
500, never a batch half stored without a word."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.access.models import Workspace
from controlplane.lib.errors import Invalid, TooLarge, Unavailable
from telemetry.ingest import Receipt, ingest, wire
from telemetry.ingest.receipts import CODES
from telemetry.models import Dirty, Event
from tests import make
from tests.kit.api import Api
from tests.kit.racing import race
from tests.kit.telemetry import PATH, event, forget, tell

JSON = "application/json"


def agent_of(workspace: Workspace) -> Api:
    return Api(make.key(make.agent(workspace, role="executor"))[1])


def given_to(workspace: Workspace, events: list[dict[str, Any]]) -> Receipt:
    return ingest(make.JOB, workspace, wire.decode(json.dumps(events).encode(), JSON))


# --- Any bytes ----------------------------------------------------------------------------------

KEYS = st.one_of(
    st.sampled_from([*event(), "context", "count", "duration_ms", "level", "trace_id", "tenantId"]),
    st.text(max_size=5),
)
ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(["2025-10-16T08:00:00Z", "0001-01-01T00:00:00+14:00", "\x00", "a@b.co"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=15,
)


@pytest.mark.django_db
@settings(max_examples=60)
@given(body=st.one_of(st.lists(ANYTHING, max_size=4), ANYTHING))
def test_any_json__every_event_has_its_verdict(body: Any) -> None:
    workspace = Workspace.objects.first() or make.workspace()
    forget()
    try:
        items = wire.decode(json.dumps(body).encode(), JSON)
    except (Invalid, TooLarge):
        return
    before = Event.objects.count()
    receipt = ingest(make.JOB, workspace, items)
    assert receipt.received == len(body if isinstance(body, list) else [body])
    assert receipt.received == receipt.accepted + receipt.duplicates + receipt.rejected
    assert Event.objects.count() == before + receipt.accepted
    assert {each.code for each in receipt.verdicts if each.status == "rejected"} <= set(CODES)


@pytest.mark.django_db
@settings(max_examples=40)
@given(body=st.binary(max_size=200), kind=st.sampled_from([JSON, wire.NDJSON]))
def test_any_bytes__are_read_or_refused(body: bytes, kind: str) -> None:
    try:
        wire.decode(body, kind)
    except Invalid:
        assert kind == JSON


@pytest.mark.django_db
def test_large_context__refused_alone() -> None:
    workspace = make.workspace()
    large = {f"key_{number}": "x" * 50 for number in range(2_000)}
    receipt = tell(workspace, [event(context=large), event()])
    assert (receipt.accepted, receipt.rejected) == (1, 1)
    assert receipt.verdicts[0].code == "TOO_LARGE"


@pytest.mark.django_db
def test_numbers_past_all_bounds__stored_or_refused() -> None:
    api = agent_of(make.workspace())
    body = (
        b'[{"event":"a","context":{"n":1e999}},{"event":"a","context":{"n":'
        + b"9" * 4_000
        + b'}},{"event":"a","duration_ms":1e300},{"event":"a","count":0},{"event":"a"}]'
    )
    answer = api.raw("POST", PATH, body)
    assert answer.status_code == 202
    found = json.loads(answer.content)
    assert found["accepted"] + found["rejected"] == 5
    assert found["accepted"] >= 1


# --- Storms -------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_same_events_from_many_in_any_order__stored_once() -> None:
    workspace = make.workspace()
    batch = [event() for _ in range(120)]
    forget()

    def deliver(number: int) -> Receipt:
        mine = list(batch)
        random.Random(number).shuffle(mine)
        return given_to(workspace, mine)

    receipts = race(8, deliver)
    assert [each for each in receipts if isinstance(each, Exception)] == []
    assert sum(each.accepted for each in receipts) == len(batch) == Event.objects.count()
    assert sum(each.duplicates for each in receipts) == 7 * len(batch)


# --- A database that fails ----------------------------------------------------------------------


@contextmanager
def failing(table: str, state: str) -> Iterator[None]:
    """Inserts into this table fail as the server fails, by its own error."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION fail_now() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = '{state}'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER fail_now BEFORE INSERT ON {table} EXECUTE FUNCTION fail_now()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER fail_now ON {table}")
            cursor.execute("DROP FUNCTION fail_now()")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["telemetry_events", "telemetry_dirty"])
@pytest.mark.parametrize("state", ["53100", "40P01", "57014", "XX000"])
def test_full_disk_and_the_like__503_and_nothing_stored(table: str, state: str) -> None:
    api = agent_of(make.workspace())
    batch = [event() for _ in range(3)]
    with failing(table, state):
        answer = api.post(PATH, batch)
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        assert not Event.objects.exists()
        assert not Dirty.objects.exists()
    answer = api.post(PATH, batch)
    assert (answer.status_code, json.loads(answer.content)["accepted"]) == (202, 3)


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle__503_and_whole_when_sent_again() -> None:
    """The server ends the connection while the COPY waits for the table."""
    workspace = make.workspace()
    batch = [event() for _ in range(50)]
    forget()
    found: list[Any] = []
    started = threading.Event()

    def deliver() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                found.append(cursor.fetchone()[0])
            started.set()
            found.append(given_to(workspace, batch))
        except Exception as error:  # noqa: BLE001 - what it was is asserted below
            found.append(error)
        finally:
            connections.close_all()

    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE telemetry_events IN ACCESS EXCLUSIVE MODE")
        thread = threading.Thread(target=deliver)
        thread.start()
        assert started.wait(20)
        until_waiting(found[0])
        cursor.execute("SELECT pg_terminate_backend(%s)", [found[0]])
        thread.join(20)
        cursor.execute("ROLLBACK")
    assert isinstance(found[1], Unavailable)
    assert not Event.objects.exists()
    assert given_to(workspace, batch).accepted == 50


def until_waiting(pid: int) -> None:
    """Until that connection stands before a lock, by what the server says of it."""
    with connection.cursor() as cursor:
        for _ in range(20_000):
            cursor.execute("SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", [pid])
            if cursor.fetchone():
                return
    raise AssertionError("it never waited")

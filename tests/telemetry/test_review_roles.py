"""Where the portal's role owns nothing: it takes in events, sums them up and opens days all the
same; engineers who read find the events of days that were opened after they were let in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from psycopg import sql

from telemetry import erasing, partitions, rollups
from telemetry.ingest import ingest, wire
from telemetry.models import Event, RollupMinute
from telemetry.partitions import closing, tables
from tests import make
from tests.kit import roles
from tests.kit.days import days_ago, forget_days, midnight, opened, put
from tests.kit.telemetry import event, forget

pytestmark = pytest.mark.django_db(transaction=True)
OLD = 200


@pytest.fixture
def portal() -> Iterator[None]:
    """The default connection has the portal's rights and no more; the owner has one of its own, as
    where DATABASE_OWNER_URL is set."""
    app = sql.Identifier(roles.granted().app)
    connections.databases["owner"] = connections.databases["default"]
    connections["owner"] = connections.create_connection("default")
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(app))
        cursor.execute(sql.SQL("SET ROLE {}").format(app))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
        connections["owner"].close()
        del connections["owner"]
        del connections.databases["owner"]
        forget_days(days_ago(OLD - 20))
        roles.drop()


def sent(workspace: Any, events: list[dict[str, Any]]) -> Any:
    forget()
    return ingest(make.JOB, workspace, wire.decode(json.dumps(events).encode(), ""))


def test_portals_role__takes_in_sums_up_opens_and_closes(portal: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone()[0] == roles.roles().app
    workspace = make.workspace()
    batch = [event(), event()]
    assert sent(workspace, batch).accepted == 2
    assert sent(workspace, [*batch, event()]).duplicates == 2  # the careful way, with a table
    rollups.settle()
    assert RollupMinute.objects.filter(workspace=workspace).exists()
    day = days_ago(OLD)
    assert opened(day)
    put(workspace, [midnight(day) + timedelta(hours=3)])
    rollups.settle()
    assert partitions.close_old(midnight(days_ago(OLD - 1))) == [day]
    assert day not in tables.attached()
    assert closing.drop(day)
    assert Event.objects.count() == 3
    assert erasing.erase_events(make.JOB, workspace, reason="asked for") == 3


def test_reader__finds_events_of_days_opened_later(portal: None) -> None:
    day = days_ago(OLD)
    assert opened(day)
    put(make.workspace(), [midnight(day) + timedelta(hours=1)])
    with roles.connected_as(roles.roles().reader) as reader:
        assert reader.execute("SELECT count(*) FROM telemetry_events").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("SELECT telemetry_open_day(current_date + 30)")

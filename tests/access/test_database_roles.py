"""The portal's role can add to the log and no more; engineers read, without what opens a door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from psycopg import errors

from controlplane.access import dbroles
from controlplane.audit import sealing
from controlplane.audit.proof import verify
from controlplane.audit.services import WRITABLE
from controlplane.lib.ids import uuid7
from tests import make
from tests.kit import audit, roles

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", autouse=True)
def both(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Granted once: what the tests change is rows, which are emptied after each."""
    with django_db_blocker.unblock():
        roles.granted()
        yield
        roles.drop()
        connection.close()


@pytest.fixture
def app() -> Iterator[psycopg.Connection[Any]]:
    audit.events(3)
    sealing.seal_batch(2)
    with roles.connected_as(roles.roles().app) as opened:
        yield opened


@pytest.fixture
def reader() -> Iterator[psycopg.Connection[Any]]:
    with roles.connected_as(roles.roles().reader) as opened:
        yield opened


ATTACKS = {
    "update": "UPDATE audit_auditevent SET reason = ''",
    "delete": "DELETE FROM audit_auditevent",
    "truncate": "TRUNCATE audit_auditevent",
    "drop": "DROP TABLE audit_auditevent",
    "disable a trigger": "ALTER TABLE audit_auditevent DISABLE TRIGGER audit_no_update",
    "replica mode": "SET session_replication_role = replica",
    "forge an id": "INSERT INTO audit_auditevent (id, action) VALUES (1, 'x')",
    "forge a time": "INSERT INTO audit_auditevent (at, action) VALUES (now(), 'x')",
    "forge a leaf": "INSERT INTO audit_auditevent (leaf, action) VALUES ('', 'x')",
    "empty the waiting list": "DELETE FROM audit_auditpending",
    "add to the waiting list": "INSERT INTO audit_auditpending VALUES (99)",
    "forge a seal": "INSERT INTO audit_auditseal SELECT * FROM audit_auditseal",
    "remove a seal": "DELETE FROM audit_auditseal",
    "replace the function": "CREATE OR REPLACE FUNCTION public.audit_refuse() RETURNS trigger"
    " LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "become the owner": "SET ROLE {owner}",
    "copy to a program": "COPY audit_auditevent TO PROGRAM 'cat'",
    "move the sequence": "SELECT setval(pg_get_serial_sequence('audit_auditevent', 'id'), 1)",
    "own trigger": "CREATE TRIGGER mine BEFORE INSERT ON audit_auditevent"
    " FOR EACH ROW EXECUTE FUNCTION public.audit_refuse()",
    "row security": "ALTER TABLE audit_auditevent ENABLE ROW LEVEL SECURITY",
    "a rule": "CREATE RULE quiet AS ON INSERT TO audit_auditevent DO INSTEAD NOTHING",
    "make a table": "CREATE TABLE public.audit_shadow (id int)",
    "rewrite history of migrations": "DELETE FROM django_migrations",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_as_the_portals_role__is_refused(app: psycopg.Connection[Any], name: str) -> None:
    statement = ATTACKS[name].format(owner=roles.roles().owner)
    with pytest.raises(errors.InsufficientPrivilege):
        app.execute(statement)
    assert verify().sound


def test_all_attacks_together__leave_the_log_sound(app: psycopg.Connection[Any]) -> None:
    assert len(ATTACKS) >= 15
    before = verify()
    for statement in ATTACKS.values():
        with pytest.raises(psycopg.Error):
            app.execute(statement.format(owner=roles.roles().owner))
    after = verify()
    assert after.sound
    assert after.events == before.events == 3


def test_portals_role__adds_events_and_works_on_plain_rows(app: psycopg.Connection[Any]) -> None:
    fields: dict[str, Any] = dict.fromkeys(WRITABLE, "")
    fields |= {"uid": uuid7(), "workspace_id": None, "before": None, "after": None, "details": None}
    fields |= {"actor_kind": "job", "action": "test.act", "outcome": "done"}
    app.execute(
        f"INSERT INTO audit_auditevent ({', '.join(WRITABLE)})"
        f" VALUES ({', '.join(['%s'] * len(WRITABLE))}) RETURNING id, at, form, leaf",
        list(fields.values()),
    )
    app.execute("SELECT count(*) FROM audit_auditpending")
    app.execute("UPDATE access_workspace SET name = name")
    assert verify().events == 4


def test_portals_role__may_use_tables_of_later_migrations(app: psycopg.Connection[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE public.later_thing (id int)")
    try:
        app.execute("INSERT INTO later_thing VALUES (1)")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE public.later_thing")


def test_reader__reads_and_writes_nothing(reader: psycopg.Connection[Any]) -> None:
    make.workspace("seen")
    found = reader.execute("SELECT slug FROM access_workspace").fetchall()
    assert ("seen",) in found
    for statement in (
        "INSERT INTO access_workspace (slug) VALUES ('x')",
        "UPDATE access_workspace SET name = 'x'",
        "DELETE FROM access_workspace",
        "TRUNCATE access_workspace",
        "CREATE TABLE public.mine (id int)",
        "SELECT 1 FROM access_workspace FOR UPDATE",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(statement)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT password FROM access_user",
        "SELECT * FROM access_user",
        "SELECT secret_sha256 FROM access_apikey",
        "SELECT key FROM otp_totp_totpdevice",
        "SELECT token FROM otp_static_statictoken",
        "SELECT session_hash FROM access_usersession",
        "SELECT session_data FROM django_session",
        "SELECT secret_sealed FROM notify_channel",
    ],
)
def test_reader__never_sees_what_opens_a_door(reader: psycopg.Connection[Any], query: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        reader.execute(query)


def test_reader__sees_the_rest_of_such_a_table(reader: psycopg.Connection[Any]) -> None:
    person = make.person(make.workspace())
    rows = reader.execute("SELECT email FROM access_user WHERE id = %s", [person.pk]).fetchall()
    assert rows == [(person.email,)]


def test_columns_named_like_secrets__are_hidden_unless_listed() -> None:
    """A new column with such a name stays hidden until somebody decides otherwise."""
    assert dbroles.readable_columns("new_thing", ["id", "webhook_secret", "note"]) == ["id", "note"]
    hidden = {
        f"{model._meta.db_table}.{field.column}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.column
        and field.column not in dbroles.readable_columns(model._meta.db_table, [field.column])
    }
    assert {"access_user.password", "access_apikey.secret_sha256"} <= hidden


def test_grant__twice__changes_nothing() -> None:
    dbroles.grant(roles.roles(), using="default")
    with roles.connected_as(roles.roles().reader) as reader:
        reader.execute("SELECT slug FROM access_workspace")


def test_check__with_one_role__says_protection_is_reduced() -> None:
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("db_roles", "--check", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert report["full"] is False
    assert "owns the audit tables" in report["reasons"][0]


def test_check__as_the_portals_role__says_protection_is_full(
    app: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Through:
        """The checks, asked on the connection of the portal's role."""

        def __getitem__(self, alias: str) -> psycopg.Connection[Any]:
            return app

    monkeypatch.setattr(dbroles, "connections", Through())
    assert dbroles.protection().reasons == []


def test_check__guard_switched_off__is_told() -> None:
    with audit.forging():
        reasons = dbroles.protection().reasons
    assert any("guards missing" in each for each in reasons)
    assert not any("guards missing" in each for each in dbroles.protection().reasons)

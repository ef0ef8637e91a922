"""The database itself refuses changes to the log, whoever asks, also its owner."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from controlplane.audit import sealing
from controlplane.audit.models import AuditEvent, AuditSeal
from controlplane.lib.ids import uuid7
from tests.kit import audit

pytestmark = [pytest.mark.django_db, pytest.mark.servers]

REFUSED = [
    "UPDATE audit_auditevent SET reason = 'other'",
    "UPDATE audit_auditevent SET leaf = ''::bytea",
    "DELETE FROM audit_auditevent",
    "TRUNCATE audit_auditevent",
    "TRUNCATE audit_auditevent CASCADE",
    "UPDATE audit_auditseal SET count = 7",
    "DELETE FROM audit_auditseal",
    "TRUNCATE audit_auditseal",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_change__is_refused(statement: str) -> None:
    audit.events(2)
    sealing.seal_batch()
    with (
        pytest.raises(ProgrammingError, match="can only be added to"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_insert__time_and_leaf_are_the_databases() -> None:
    [event] = audit.events(1)
    forged = AuditEvent.objects.get(pk=event.pk)
    forged.pk, forged.uid = None, uuid7()
    forged.at = forged.at.replace(year=2001)
    forged.leaf = b"forged"
    forged.form = 9
    forged.save(force_insert=True)
    kept = AuditEvent.objects.get(pk=forged.pk)
    assert kept.at > event.at
    assert (kept.form, len(bytes(kept.leaf))) == (1, 32)


def test_temporary_table__does_not_stand_in_for_the_waiting_list() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE audit_auditpending (event_id bigint)")
        audit.events(1)
        cursor.execute("SELECT count(*) FROM public.audit_auditpending")
        assert cursor.fetchone()[0] == 1
        cursor.execute("DROP TABLE pg_temp.audit_auditpending")


def test_guards__stay_on_in_replica_mode() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'A'"
            " AND tgrelid IN ('audit_auditevent'::regclass, 'audit_auditseal'::regclass)"
        )
        assert cursor.fetchall() == []


def test_seal__of_nothing__adds_no_link() -> None:
    assert sealing.seal_batch() == 0
    assert not AuditSeal.objects.exists()

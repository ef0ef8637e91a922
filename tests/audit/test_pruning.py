"""Events leave after their year, by a sealed record, and no way earlier."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from controlplane.audit import sealing
from controlplane.audit.models import AuditEvent, AuditSeal
from controlplane.audit.proof import verify
from controlplane.audit.pruning import prune
from controlplane.lib import actors, clock
from controlplane.lib.errors import Invalid, NotAllowed
from tests.kit import audit, settled

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
JOB = actors.job("prune_audit")


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, settings: Any) -> None:
    settings.STATE_DIR = tmp_path


@settled.once
def old_and_new() -> list[AuditEvent]:
    """Two batches from 500 days ago and one of today, each proved by honest leaves."""
    with audit.written_days_ago(500):
        old = audit.events(3)
        sealing.seal_batch(2)
        sealing.seal_batch()
    new = audit.events(2)
    sealing.seal_batch()
    assert verify().sound
    return [*old, *new]


def test_prune__removes_the_old_and_the_rest_stays_provable(old_and_new: list[AuditEvent]) -> None:
    done = prune(JOB, dry_run=False)
    assert (done.events, done.deleted, done.through_seal) == (3, 3, 2)
    left = set(AuditEvent.objects.filter(action="test.act").values_list("pk", flat=True))
    assert left == {event.pk for event in old_and_new[3:]}
    sealing.seal_batch()
    proof = verify()
    assert proof.sound, proof.findings
    assert proof.pruned == 3
    assert AuditEvent.objects.filter(action="audit.prune", details__events=3).count() == 1


def test_prune__dry_run__changes_nothing(old_and_new: list[AuditEvent]) -> None:
    assert prune(JOB).events == 3
    assert AuditEvent.objects.count() == 5
    assert not AuditSeal.objects.filter(kind="prune").exists()


def test_prune__younger_than_a_year__is_refused() -> None:
    with pytest.raises(Invalid, match="365 days"):
        prune(JOB, before=clock.now() - timedelta(days=364), dry_run=False)


def test_prune__twice__finds_nothing_more(old_and_new: list[AuditEvent]) -> None:
    prune(JOB, dry_run=False)
    assert prune(JOB, dry_run=False).events == 0
    assert AuditSeal.objects.filter(kind="prune").count() == 1


def test_prune__cut_short__is_finished_by_the_next(
    old_and_new: list[AuditEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("controlplane.audit.pruning._delete", lambda through: 0)
        prune(JOB, dry_run=False)
    assert verify().sound
    assert prune(JOB, dry_run=False).deleted == 3
    assert verify().sound


def test_delete_by_hand__of_an_old_row__needs_the_sealed_record(
    old_and_new: list[AuditEvent],
) -> None:
    with (
        pytest.raises(ProgrammingError, match="can only be added to"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM audit_auditevent WHERE id = %s", [old_and_new[0].pk])


def test_young_row_named_in_a_prune_record__stays(old_and_new: list[AuditEvent]) -> None:
    young = old_and_new[4].pk
    with transaction.atomic(), connection.cursor() as cursor:
        sealing.append(cursor, kind="prune", ids=[(young, young)], leaves=[])
    with (
        pytest.raises(ProgrammingError, match="can only be added to"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM audit_auditevent WHERE id = %s", [young])


def test_forged_prune_record__is_found(old_and_new: list[AuditEvent], settings: Any) -> None:
    settings.AUDIT_SEAL_KEY = "a forger's own key"
    with transaction.atomic(), connection.cursor() as cursor:
        sealing.append(cursor, kind="prune", ids=[(old_and_new[0].pk,) * 2], leaves=[])
    settings.AUDIT_SEAL_KEY = ""
    assert "seal_unknown_key" in {each.kind for each in verify().findings}


def test_prune__by_a_person__is_refused(old_and_new: list[AuditEvent]) -> None:
    person = actors.Actor(kind="person", ref="user:1", label="root", superuser=True)
    with pytest.raises(NotAllowed):
        prune(person, dry_run=False)
    assert AuditEvent.objects.count() == 5


def test_command__without_yes__only_says_what_would_go(old_and_new: list[AuditEvent]) -> None:
    out = StringIO()
    call_command("prune_audit", stdout=out)
    assert "3 events" in out.getvalue()
    assert AuditEvent.objects.count() == 5
    with pytest.raises(CommandError, match="365 days"):
        call_command("prune_audit", "--yes", "--before", clock.now().isoformat())
    call_command("prune_audit", "--yes", stdout=StringIO())
    assert AuditEvent.objects.filter(action="test.act").count() == 2

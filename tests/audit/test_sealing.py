"""Sealing takes every committed event exactly once and stands in nobody's way."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from controlplane.audit import anchors, sealing
from controlplane.audit.models import AuditEvent, AuditPending, AuditSeal
from controlplane.audit.proof import verify
from controlplane.audit.services import WRITABLE
from controlplane.lib.ids import uuid7
from tests.kit import audit

pytestmark = pytest.mark.django_db(transaction=True)
_INSERT = (
    f"INSERT INTO audit_auditevent ({', '.join(WRITABLE)}) VALUES"
    f" ({', '.join(['%s'] * len(WRITABLE))})"
)


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, settings: Any) -> None:
    settings.STATE_DIR = tmp_path


def own_connection() -> psycopg.Connection[Any]:
    """Outside the pool: these tests want more connections than a process of the portal has."""
    found = connection.get_connection_params()
    wanted = {
        name: found[name]
        for name in ("dbname", "user", "password", "host", "port")
        if found.get(name)
    }
    return psycopg.connect(**wanted)


@pytest.fixture
def held() -> Iterator[psycopg.Connection[Any]]:
    with own_connection() as writer:
        yield writer
        writer.rollback()


def write(writer: psycopg.Connection[Any], thing: str) -> None:
    fields: dict[str, Any] = dict.fromkeys(WRITABLE, "")
    fields |= {"uid": uuid7(), "workspace_id": None, "before": None, "after": None, "details": None}
    fields |= {"actor_kind": "job", "action": "test.act", "outcome": "done", "subject_ref": thing}
    writer.execute(_INSERT, [fields[name] for name in WRITABLE])


def test_eight_writers_with_rollbacks__all_sealed_exactly_once() -> None:
    """The sealer runs all the while, so that it meets transactions in every state."""
    stop, kept, lock = threading.Event(), [0], threading.Lock()

    def writing(seed: int) -> None:
        dice = random.Random(seed)
        with own_connection() as mine:
            for turn in range(40):
                for each in range(dice.randint(1, 4)):
                    write(mine, f"thing:{seed}-{turn}-{each}")
                if dice.random() < 0.3:
                    mine.rollback()
                    continue
                with lock:
                    kept[0] += each + 1
                mine.commit()

    def sealer() -> None:
        try:
            while not stop.is_set():
                sealing.seal_batch(17)
        finally:
            connection.close()

    writers = [threading.Thread(target=writing, args=(seed,)) for seed in range(8)]
    sealers = [threading.Thread(target=sealer) for _ in range(2)]
    for thread in (*writers, *sealers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    sealing.seal_all()
    assert AuditEvent.objects.count() == kept[0]
    sealed = [
        each
        for ids in AuditSeal.objects.values_list("ids", flat=True)
        for first, last in ids
        for each in range(first, last + 1)
    ]
    assert len(sealed) == len(set(sealed)) == kept[0]
    assert verify().sound


def test_open_transactions__block_neither_each_other_nor_the_sealer(
    held: psycopg.Connection[Any],
) -> None:
    write(held, "thing:held")
    with own_connection() as other:
        other.execute("SET lock_timeout = '200ms'")
        write(other, "thing:other")
        audit.events(3)
        assert sealing.seal_batch() == 3
    assert sealing.seal_batch() == 1
    held.commit()
    assert sealing.seal_batch() == 1
    assert verify().sound


def test_two_sealers__one_steps_back(held: psycopg.Connection[Any]) -> None:
    audit.events(1)
    held.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.LOCK])
    assert sealing.seal_batch() == 0
    held.rollback()
    assert sealing.seal_batch() == 1


def test_crash_before_the_commit__loses_nothing(held: psycopg.Connection[Any]) -> None:
    audit.events(2)
    held.execute("DELETE FROM audit_auditpending")
    held.rollback()
    assert sealing.seal_batch() == 2


def test_lag__is_the_age_of_the_oldest_waiting_event() -> None:
    assert sealing.lag() == 0.0
    audit.events(1)
    assert 0.0 < sealing.lag() < sealing.MAX_LAG.value
    with audit.forging() as cursor:
        cursor.execute("UPDATE audit_auditevent SET at = at - interval '61 seconds'")
    assert sealing.overdue()
    sealing.seal_all()
    assert sealing.lag() == 0.0
    assert not AuditPending.objects.exists()


def test_seal_all__carries_every_hash_outside_once() -> None:
    audit.events(5)
    while sealing.seal_batch(2):
        pass
    anchors.export()
    anchors.export()
    lines = anchors.default_file().read_text().splitlines()
    assert [anchor.n for anchor in anchors.parse(lines)] == [1, 2, 3]
    hashes = [
        bytes(each).hex() for each in AuditSeal.objects.order_by("n").values_list("hash", flat=True)
    ]
    assert list(anchors.expected(lines).values()) == hashes

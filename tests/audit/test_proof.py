"""Every way to falsify the log is found and the first broken row named."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from controlplane.access.models import Workspace
from controlplane.audit import anchors, chain, sealing
from controlplane.audit.models import AuditEvent, AuditSeal
from controlplane.audit.proof import Proof, verify
from tests.kit import audit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, settings: Any) -> Path:
    settings.STATE_DIR = tmp_path
    return tmp_path / "audit-seals.jsonl"


def sealed_log(batches: int = 3, size: int = 4) -> list[AuditEvent]:
    events = []
    for _ in range(batches):
        events += audit.events(size, details={"n": 1})
        sealing.seal_all()
    return events


def kinds(proof: Proof) -> list[tuple[str, int | None]]:
    return [(each.kind, each.event) for each in proof.findings]


def test_verify__untouched_log__is_sound() -> None:
    sealed_log()
    audit.events(2)
    proof = verify(expected=anchors.expected(anchors.default_file().read_text().splitlines()))
    assert proof.sound, proof.findings
    assert (proof.events, proof.seals, proof.pending) == (14, 3, 2)


def test_verify__empty_log__is_sound() -> None:
    assert verify().sound


def test_edit__is_found() -> None:
    events = sealed_log()
    with audit.forging() as cursor:
        cursor.execute(
            "UPDATE audit_auditevent SET reason = 'nothing to see' WHERE id = %s", [events[5].pk]
        )
    assert kinds(verify()) == [("altered", events[5].pk)]


def test_edit_with_leaf_computed_anew__is_found() -> None:
    events = sealed_log()
    with audit.forging() as cursor:
        cursor.execute("UPDATE audit_auditevent SET actor_ref = 'x' WHERE id = %s", [events[6].pk])
        audit.rehash(cursor, events[6].pk)
    [finding] = verify().findings
    assert (finding.kind, finding.event, finding.seal) == ("altered", events[6].pk, 2)
    assert "computed anew" in finding.message


def test_deletion__is_found() -> None:
    events = sealed_log()
    with audit.forging() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE id = %s", [events[4].pk])
    assert kinds(verify()) == [("deleted", events[4].pk)]


def test_insertion_behind_the_guards__is_found() -> None:
    events = sealed_log()
    with audit.forging() as cursor:
        cursor.execute(
            "INSERT INTO audit_auditevent SELECT (e).* FROM (SELECT jsonb_populate_record(a,"
            " jsonb_build_object('id', a.id + 1000, 'uid', gen_random_uuid())) e"
            " FROM audit_auditevent a WHERE a.id = %s) x",
            [events[0].pk],
        )
        audit.rehash(cursor, events[0].pk + 1000)
    assert kinds(verify()) == [("inserted", events[0].pk + 1000)]


def test_swap__is_found_as_reordered() -> None:
    events = sealed_log()
    first, second = events[4].pk, events[6].pk
    with audit.forging() as cursor:
        for source, target in ((first, -1), (second, first), (-1, second)):
            cursor.execute("UPDATE audit_auditevent SET id = %s WHERE id = %s", [target, source])
    assert kinds(verify()) == [("reordered", first), ("reordered", second)]


def test_cut_off_tail__needs_an_anchor_to_be_found(outside: Path) -> None:
    events = sealed_log()
    with audit.forging() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE id >= %s", [events[8].pk])
        cursor.execute("DELETE FROM audit_auditseal WHERE n = 3")
    assert verify().sound
    proof = verify(expected=anchors.expected(outside.read_text().splitlines()))
    assert [each.kind for each in proof.findings] == ["tail_cut"]


def test_cut_tail_sealed_over__is_found_as_rewritten(outside: Path) -> None:
    events = sealed_log()
    with audit.forging() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE id >= %s", [events[8].pk])
        cursor.execute("DELETE FROM audit_auditseal WHERE n = 3")
    audit.events(4)
    sealing.seal_batch()
    proof = verify(expected=anchors.expected(outside.read_text().splitlines()))
    assert [(each.kind, each.seal) for each in proof.findings] == [("rewritten", 3)]


def test_seal_removed_from_the_middle__is_found() -> None:
    events = sealed_log()
    with audit.forging() as cursor:
        cursor.execute("DELETE FROM audit_auditseal WHERE n = 2")
    found = verify().findings
    assert (found[0].kind, found[0].seal) == ("seal_deleted", 2)
    assert {each.event for each in found if each.kind == "inserted"} == {
        event.pk for event in events[4:8]
    }


def test_whole_batch_made_anew_without_the_key__is_found(settings: Any) -> None:
    """The strongest forger short of the key: row, leaf, leaves, root, hash, all consistent."""
    events = sealed_log(batches=1)
    with audit.forging() as cursor:
        cursor.execute("UPDATE audit_auditevent SET reason = 'x' WHERE id = %s", [events[1].pk])
        audit.rehash(cursor, events[1].pk)
        cursor.execute("DELETE FROM audit_auditseal")
        cursor.execute("INSERT INTO audit_auditpending SELECT id FROM audit_auditevent")
    settings.AUDIT_SEAL_KEY = "a forger's own key"
    settings.SECRET_KEY, true_key = "another", settings.SECRET_KEY
    sealing.seal_batch()
    settings.AUDIT_SEAL_KEY, settings.SECRET_KEY = "", true_key
    assert [each.kind for each in verify().findings] == ["seal_unknown_key"]


def test_row_removed_before_its_seal__is_told_for_ever() -> None:
    events = audit.events(3)
    with audit.forging() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE id = %s", [events[1].pk])
    assert kinds(verify()) == [("deleted", events[1].pk)]
    sealing.seal_batch()
    assert kinds(verify()) == [("deleted", events[1].pk)]


def test_key_rotation__old_seals_stay_provable(settings: Any) -> None:
    sealed_log(batches=1)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key of this installation 0123456789"
    sealed_log(batches=1)
    assert verify().sound
    settings.SECRET_KEY_FALLBACKS = []
    assert {each.kind for each in verify().findings} == {"seal_unknown_key"}


def test_seal_keys_own_rotation__old_seals_stay_provable(settings: Any) -> None:
    settings.AUDIT_SEAL_KEY = "the first seal key 0123456789 0123456789"
    sealed_log(batches=1)
    settings.AUDIT_SEAL_KEYS_OLD = [settings.AUDIT_SEAL_KEY]
    settings.AUDIT_SEAL_KEY = "the second seal key 0123456789 0123456789"
    sealed_log(batches=1)
    assert verify().sound
    settings.AUDIT_SEAL_KEYS_OLD = []
    assert {each.kind for each in verify().findings} == {"seal_unknown_key"}


def test_restored_database__counts_anchors_anew(outside: Path) -> None:
    events = sealed_log()
    with audit.forging() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE id >= %s", [events[8].pk])
        cursor.execute("DELETE FROM audit_auditseal WHERE n = 3")
    anchors.mark_restored()
    sealed_log(batches=1)
    proof = verify(expected=anchors.expected(outside.read_text().splitlines()))
    assert proof.sound, proof.findings
    assert oct(outside.stat().st_mode)[-3:] == "600"


def test_torn_anchor_line__is_written_again(outside: Path) -> None:
    sealed_log(batches=2)
    lines = outside.read_text().splitlines(keepends=True)
    outside.write_text(lines[0] + lines[1][:20])
    sealed_log(batches=1)
    assert set(anchors.expected(outside.read_text().splitlines())) >= {1, 3}
    anchors.export()
    assert verify(expected=anchors.expected(outside.read_text().splitlines())).sound


def test_command__names_the_first_broken_row(outside: Path) -> None:
    events = sealed_log()
    with audit.forging() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE id = %s", [events[4].pk])
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert report["sound"] is False
    assert report["anchors"] == 3
    assert report["findings"][0]["event"] == events[4].pk


def test_command__of_one_workspace__is_silent_of_another() -> None:
    here = Workspace.objects.create(slug="here", name="Here")
    Workspace.objects.create(slug="there", name="There")
    events = audit.events(3, workspace_id=here.pk)
    sealing.seal_all()
    with audit.forging() as cursor:
        cursor.execute("UPDATE audit_auditevent SET reason = 'x' WHERE id = %s", [events[0].pk])
    call_command("verify_audit", "--workspace", "there", stdout=StringIO())
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--workspace", "here", stdout=StringIO())


def test_seal_hash__covers_what_the_seal_says() -> None:
    sealed_log(batches=1)
    with audit.forging() as cursor:
        cursor.execute("UPDATE audit_auditseal SET ids = ids + '{[900,901)}'::int8multirange")
    assert "seal_altered" in {each.kind for each in verify().findings}
    assert AuditSeal.objects.get().count == 4
    connection.check_constraints()


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40), st.data())
def test_merkle_root__changes_with_any_leaf(leaves: list[bytes], data: st.DataObject) -> None:
    root = chain.merkle_root(leaves)
    where = data.draw(st.integers(0, len(leaves) - 1))
    other = bytes(b ^ 1 for b in leaves[where])
    assert chain.merkle_root([*leaves[:where], other, *leaves[where + 1 :]]) != root
    if len(leaves) > 1:
        assert chain.merkle_root(leaves[:-1]) != root


@given(st.sets(st.integers(1, 500), min_size=1))
def test_ranges__hold_exactly_the_ids(ids: set[int]) -> None:
    assert chain.expand(chain.ranges(sorted(ids))) == sorted(ids)

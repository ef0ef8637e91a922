"""Identifiers made by the thousand are those that are made one by one."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from controlplane.lib.ids import uuid7, uuid7_texts


def test_many_at_once__are_versions_7_in_order_and_each_another() -> None:
    before = uuid7()
    texts = uuid7_texts(2_000)
    after = uuid7()
    found = [UUID(text) for text in texts]
    assert [str(each) for each in found] == texts
    assert len(set(found)) == 2_000
    assert {(each.version, each.variant) for each in found} == {(7, RFC_4122)}
    # Of the first 48 bits each is a time between those of the ones made before and after.
    assert all(before.int >> 80 <= each.int >> 80 <= after.int >> 80 for each in found)
    assert uuid7_texts(0) == []

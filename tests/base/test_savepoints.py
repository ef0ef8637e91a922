"""Savepoints travel with the next statement, and take back what they always took back."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from controlplane.access.models import Workspace
from controlplane.lib import prepared
from tests import make

pytestmark = pytest.mark.django_db


class TakenBackError(Exception):
    pass


@pytest.fixture(autouse=True)
def notes(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE note (word text UNIQUE) ON COMMIT DROP")


def note(word: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO note VALUES (%s)", [word])


def noted() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM note")
        return {word for (word,) in cursor.fetchall()}


def message() -> str:
    """All that came to the server with this very question."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_query()")
        return str(cursor.fetchone()[0])


def test_savepoint__comes_with_the_next_statement_and_goes_with_the_one_after() -> None:
    noted()
    with transaction.atomic(), transaction.atomic():
        first = message()
        second = message()
    after = message()
    assert (first.count("SAVEPOINT"), first.count("RELEASE")) == (2, 0)
    assert "SAVEPOINT" not in second
    assert (after.count("RELEASE SAVEPOINT"), after.count("SAVEPOINT")) == (2, 2)


def test_block_that_says_nothing__sends_nothing() -> None:
    noted()
    with transaction.atomic(), transaction.atomic():
        pass
    with pytest.raises(TakenBackError), transaction.atomic():
        raise TakenBackError
    assert "SAVEPOINT" not in message()


def test_log__holds_the_statement_alone() -> None:
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        note("one")
    assert [each["sql"] for each in captured] == ["INSERT INTO note VALUES ('one')"]


def test_blocks_in_blocks__some_fail__what_ended_well_stays() -> None:
    chance = random.Random(7)
    count = 0

    def block(depth: int) -> set[str]:
        nonlocal count
        kept: set[str] = set()
        for _ in range(chance.randrange(4)):
            if depth < 4 and chance.random() < 0.6:
                inner: set[str] = set()
                try:
                    with transaction.atomic():
                        inner = block(depth + 1)
                        if chance.random() < 0.4:
                            inner = set()
                            raise TakenBackError
                except TakenBackError:
                    pass
                kept |= inner
            else:
                count += 1
                note(str(count))
                kept.add(str(count))
            if chance.random() < 0.2:
                assert kept <= noted()
        return kept

    expected: set[str] = set()
    for _ in range(30):
        with transaction.atomic():
            expected |= block(0)
        assert noted() == expected
    assert count > len(expected) > 10


def test_refused_by_the_database__only_the_block_is_lost() -> None:
    note("kept")
    with pytest.raises(IntegrityError), transaction.atomic():
        note("lost")
        with transaction.atomic():
            note("kept")
    with pytest.raises(IntegrityError), transaction.atomic():
        note("kept")
    assert noted() == {"kept"}


def test_error_that_was_swallowed__is_told_at_the_end_of_its_block() -> None:
    with pytest.raises(DatabaseError, match="aborted"), transaction.atomic():  # noqa: SIM117
        with transaction.atomic():
            note("lost")
            with suppress(IntegrityError):
                note("lost")
    assert noted() == set()


def test_value_that_can_not_be_told__nothing_was_sent() -> None:
    noted()
    with transaction.atomic():
        with pytest.raises(DatabaseError, match="NUL"), transaction.atomic():
            note("a\0b")
        note("kept")
    assert noted() == {"kept"}


def test_statements_of_other_kinds__stand_inside_their_block_too() -> None:
    def many(cursor: Any) -> None:
        cursor.executemany("INSERT INTO note VALUES (%s)", [["lost"], ["also lost"]])

    def copied(cursor: Any) -> None:
        with cursor.copy("COPY note FROM STDIN") as copy:
            copy.write_row(["lost"])

    def streamed(cursor: Any) -> None:
        assert list(cursor.stream("INSERT INTO note VALUES ('lost') RETURNING word"))

    def as_prepared(cursor: Any) -> None:
        prepared.rows("INSERT INTO note VALUES (%(word)s)", {"word": "lost"})

    for way in (many, copied, streamed, as_prepared):
        with pytest.raises(TakenBackError), transaction.atomic(), connection.cursor() as cursor:
            way(cursor)
            assert "lost" in noted(), way
            raise TakenBackError
        assert noted() == set(), way


def test_rows_one_by_one__read_inside_a_block() -> None:
    made = {make.workspace().pk for _ in range(3)}
    with transaction.atomic():
        found = Workspace.objects.filter(pk__in=made).values_list("pk", flat=True)
        assert set(found.iterator(chunk_size=2)) == made


@pytest.mark.django_db(transaction=True)
def test_outermost_block__commits_and_rolls_back() -> None:
    with transaction.atomic():
        kept = make.workspace()
        with transaction.atomic():
            pass
    with pytest.raises(TakenBackError), transaction.atomic():
        make.workspace()
        with transaction.atomic():
            raise TakenBackError
    assert set(Workspace.objects.values_list("pk", flat=True)) == {kept.pk}
    assert "SAVEPOINT" not in message()

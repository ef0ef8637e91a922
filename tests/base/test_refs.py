"""Refs count per workspace and prefix, with gaps allowed and doubles never."""

from __future__ import annotations

import pytest
from django.db import transaction

from controlplane.base import refs
from tests import make
from tests.kit.racing import race

pytestmark = pytest.mark.servers


def test_allocate__counts_per_workspace_and_prefix(db: None) -> None:
    here, there = make.workspace(), make.workspace()
    assert str(refs.allocate(here.pk, "INC")) == "INC-1"
    assert str(refs.allocate(here.pk, "INC")) == "INC-2"
    assert str(refs.allocate(here.pk, "MSN")) == "MSN-1"
    assert str(refs.allocate(there.pk, "INC")) == "INC-1"


def test_allocate__unknown_prefix__refused(db: None) -> None:
    with pytest.raises(ValueError, match="XYZ"):
        refs.allocate(make.workspace().pk, "XYZ")


def test_allocate__rolled_back__number_is_given_again_or_skipped_but_never_twice(db: None) -> None:
    here = make.workspace()
    with pytest.raises(RuntimeError), transaction.atomic():
        refs.allocate(here.pk, "INC")
        raise RuntimeError
    first, second = refs.allocate(here.pk, "INC"), refs.allocate(here.pk, "INC")
    assert first.number < second.number


def test_allocate__many_at_once__all_different(transactional_db: None) -> None:
    here = make.workspace()

    def take(_: int) -> list[int]:
        return [refs.allocate(here.pk, "INC").number for _ in range(5)]

    taken = [number for numbers in race(6, take) for number in numbers]
    assert sorted(taken) == list(range(1, 31))

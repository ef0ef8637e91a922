"""Cost as a function of rows: the arithmetic, and what the most used pages read of large tables."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import override_settings

from controlplane.access.models import Workspace
from controlplane.base.admin import changelist
from controlplane.console.benches import growth
from controlplane.console.benches.growth import filling, reading
from controlplane.console.benches.growth.pages import PAGES, looks
from controlplane.console.benches.growth.reading import Cost, Scan, exponent, too_much
from controlplane.console.benches.load import world
from controlplane.jobs.models import Timer
from missions.models import Mission
from tests.kit import loaded

ROWS = 4_000
# Of a table with four thousand rows: a plan that reads it from end to end is found out.
MOST = 2_000


def test_exponent__flat_linear_square() -> None:
    sizes = [10.0**power for power in (3, 4, 5)]
    assert exponent(sizes, [7, 7, 7]) == pytest.approx(0.0)
    assert exponent(sizes, [size * 3 for size in sizes]) == pytest.approx(1.0)
    assert exponent(sizes, [size**2 for size in sizes]) == pytest.approx(2.0)
    assert exponent([1_000], [5]) == 0.0
    assert exponent(sizes, [0, 0, 0]) == pytest.approx(0.0)


def test_steps__in_tens_up_to_what_was_asked() -> None:
    assert growth.steps(100_000) == [1_000, 10_000, 100_000]
    assert growth.steps(1_000_000)[-1] == 1_000_000
    assert growth.steps(2_500) == [1_000, 2_500]
    assert growth.steps(10) == [1_000]


def test_too_much__of_large_tables_and_their_partitions_alone() -> None:
    found = Cost(scans=[
        Scan("Seq Scan", "missions_mission", 90_000), Scan("Seq Scan", "access_grant", 90_000),
        Scan("Index Scan", "telemetry_events_2026_11_23", 6_000),
        Scan("Index Scan", "audit_auditevent", 50),
    ])  # fmt: skip
    assert too_much(found, filling.BIG, 5_000) == [
        "Seq Scan of 90,000 rows of missions_mission",
        "Index Scan of 6,000 rows of telemetry_events_2026_11_23",
    ]


def test_missed__what_grows_with_the_rows() -> None:
    sizes = [1_000, 10_000, 100_000]
    flat = [Cost(5.0, 9, 40), Cost(5.0, 9, 44), Cost(5.1, 9, 47)]
    linear = [Cost(5.0, 9, 40), Cost(6.0, 9, 400), Cost(9.0, 14, 4_000)]
    assert growth.missed(sizes, {"home": flat}) == []
    assert growth.missed(sizes, {"home": linear}) == [
        "growth: blocks of home grow as rows^1.00",
        "growth: home asks 14 times, not 9",
    ]
    # Counts of lists come to their end at ten thousand: what grows until there is none.
    assert growth.missed(sizes[:2], {"home": linear[:2]}) == []
    told = list(growth.rows(sizes, {"home": linear}))
    assert [row.figure for row in told] == ["home, CPU", "home, blocks read", "home, queries"]
    assert told[1].ratio == pytest.approx(100)
    assert "rows^1.00" in told[1].note
    json.dumps(growth.document(sizes, {"home": flat}))
    assert growth.table(sizes, {"home": linear}).splitlines()[2:] == [
        "| home | 5 | 9 | 40 | 4,000 | 14 | 1.00 |"
    ]


@pytest.mark.django_db
def test_cost__counts_what_is_asked_and_its_blocks() -> None:
    found = reading.cost(lambda: list(Timer.objects.filter(kind="none")), looks=1)
    assert found.queries == 1
    assert [scan.table for scan in found.scans] == ["jobs_timer"]
    assert found.cpu_ms > 0


@pytest.mark.django_db
@pytest.mark.slow
@pytest.mark.servers
def test_ten_most_used_pages__read_no_large_table_from_end_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(changelist, "COUNT_CAP", SimpleNamespace(value=500))
    with override_settings(REQUIRE_SECOND_FACTOR=False):
        filled: dict[str, Any] = loaded.small(monkeypatch, agents=8)
        herd = filling.Herd(Workspace.objects.get(slug=world.NAME))
        herd.grow(ROWS)
        assert Mission.objects.count() >= ROWS - 10
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        wrong = {}
        for name, look in looks(filled).items():
            found = reading.cost(look, looks=1)
            assert found.scans, name
            if told := too_much(found, filling.BIG, MOST):
                wrong[name] = told
    assert len(PAGES) == 10
    assert not wrong, json.dumps(wrong, indent=1)

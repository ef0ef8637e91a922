"""Uptime: the formula of the facts, at every edge of the window, against a plain count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.base.registries import kpis
from controlplane.catalog import services, uptime
from controlplane.catalog.models import DownInterval, Environment, Probe, Service, WatchPeriod
from controlplane.lib import clock
from tests import make
from tests.kit import catalog
from tests.kit.catalog import at, saw

pytestmark = pytest.mark.django_db
MONTH = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
Period = tuple[datetime, datetime]


@pytest.fixture
def planned() -> Iterator[list[Period]]:
    """Windows of planned maintenance in production, as the package that owns them would tell."""
    periods: list[Period] = []

    def tell(asked: Sequence[Service], *where_and_when: Any) -> dict[int, list[uptime.Planned]]:
        return _in_production(asked, periods)

    uptime.maintenance(tell)
    yield periods
    uptime._maintenance.remove(tell)


def _in_production(
    asked: Sequence[Service], periods: Sequence[Period]
) -> dict[int, list[uptime.Planned]]:
    place = Environment.objects.get(workspace=asked[0].workspace, slug="production").pk
    return {service.pk: [(place, *period) for period in periods] for service in asked}


def down(probe: Probe, start: datetime, end: datetime | None) -> None:
    DownInterval.objects.create(
        workspace=probe.workspace,
        service=probe.service,
        environment=probe.environment,
        probe=probe,
        starts_at=start,
        ends_at=end,
    )


def watched(probe: Probe, start: datetime, end: datetime | None = None) -> Probe:
    WatchPeriod.objects.create(probe=probe, starts_at=start, ends_at=end)
    return probe


def test_month_of_the_facts__two_overlapping_outages_and_one_planned(planned: Any) -> None:
    service = catalog.service()
    first = watched(catalog.probe(service, url="https://a.example/"), MONTH[0])
    second = watched(catalog.probe(service), MONTH[0])
    noon = datetime(2026, 1, 10, 12, tzinfo=UTC)
    down(first, noon, noon + timedelta(minutes=20))
    down(second, noon + timedelta(minutes=10), noon + timedelta(minutes=30))
    night = datetime(2026, 1, 20, tzinfo=UTC)
    down(first, night, night + timedelta(hours=1))
    planned.append((night - timedelta(hours=1), night + timedelta(hours=3)))
    figure = uptime.of(service, *MONTH)
    assert figure.down_s == 5400
    assert figure.percent == pytest.approx(99.7984, abs=1e-4)
    assert figure.unplanned_down_s == 1800
    assert figure.percent_without_maintenance == pytest.approx(99.9324, abs=1e-4)


def test_no_probe_or_none_that_reported__no_figure() -> None:
    service = catalog.service()
    assert uptime.of(service, *MONTH).percent is None
    catalog.probe(service)
    now = clock.now()
    assert uptime.of(service, now - timedelta(days=1), now).percent is None


def test_empty_or_backward_window__no_figure() -> None:
    service = watched(catalog.probe(), MONTH[0]).service
    assert uptime.of(service, MONTH[0], MONTH[0]).percent is None
    assert uptime.of(service, MONTH[1], MONTH[0]).percent is None


def test_service_younger_than_the_window__measured_since_it_was_watched() -> None:
    probe = watched(catalog.probe(), MONTH[1] - timedelta(hours=10))
    down(probe, MONTH[1] - timedelta(hours=1), MONTH[1])
    figure = uptime.of(probe.service, *MONTH)
    assert (figure.measured_s, figure.percent) == (36_000, 90)


def test_outage_across_both_edges__only_the_window_counts() -> None:
    probe = watched(catalog.probe(), MONTH[0] - timedelta(days=9))
    down(probe, MONTH[0] - timedelta(days=1), MONTH[0] + timedelta(days=1))
    down(probe, MONTH[1] - timedelta(days=1), None)
    figure = uptime.of(probe.service, *MONTH)
    assert figure.down_s == 2 * 86_400


def test_time_nobody_watched__is_neither_up_nor_down() -> None:
    probe = watched(catalog.probe(), MONTH[0], MONTH[0] + timedelta(days=1))
    watched(probe, MONTH[1] - timedelta(days=1))
    down(probe, MONTH[0] + timedelta(hours=12), MONTH[1] - timedelta(hours=12))
    figure = uptime.of(probe.service, *MONTH)
    assert (figure.measured_s, figure.down_s, figure.percent) == (2 * 86_400, 86_400, 50)


def test_time_to_come__is_not_up() -> None:
    now = clock.now()
    probe = watched(catalog.probe(), now - timedelta(hours=1))
    figure = uptime.of(probe.service, now - timedelta(hours=1), now + timedelta(days=300))
    assert 3600 <= figure.measured_s < 3700


def test_planned_in_production__excuses_nothing_in_staging(planned: Any) -> None:
    service = catalog.service()
    here, there = catalog.probe(service), catalog.probe(service, where="staging")
    for probe, start in ((here, at(0)), (there, at(30))):
        watched(probe, at(0), at(100))
        down(probe, start, start + timedelta(minutes=10))
    planned.append((at(0), at(60)))
    both = uptime.of(service, at(0), at(100))
    assert (both.down_s, both.unplanned_down_s) == (1200, 600)
    assert both.percent_without_maintenance == pytest.approx(90)
    alone = uptime.of(service, at(0), at(100), environment="production")
    assert (alone.down_s, alone.unplanned_down_s) == (600, 0)


def test_all_of_the_window_planned__no_figure_without_maintenance(planned: Any) -> None:
    probe = watched(catalog.probe(), MONTH[0])
    planned.append(MONTH)
    figure = uptime.of(probe.service, *MONTH)
    assert (figure.percent, figure.percent_without_maintenance) == (100, None)


def test_environments__apart_or_together() -> None:
    service = catalog.service()
    watched(catalog.probe(service), MONTH[0])
    staging = watched(catalog.probe(service, where="staging"), MONTH[0])
    down(staging, MONTH[0], MONTH[1])
    assert uptime.of(service, *MONTH, environment="production").percent == 100
    assert uptime.of(service, *MONTH, environment="staging").percent == 0
    assert uptime.of(service, *MONTH).percent == 0


def test_another_service__is_not_counted() -> None:
    mine, other = (watched(catalog.probe(), MONTH[0]) for _ in range(2))
    down(other, *MONTH)
    assert uptime.of(mine.service, *MONTH).percent == 100


def test_from_results__exact_to_the_second() -> None:
    probe = saw(catalog.probe(down_after=2), "++--+++++++")
    assert uptime.of(probe.service, at(0), at(10)).percent == 80
    assert uptime.of(probe.service, at(-60), at(10)).percent == 80


def test_switched_off_for_a_while__that_while_is_left_out() -> None:
    probe = saw(catalog.probe(), "+")
    services.switch_probe(probe, actor=make.JOB, active=False)
    WatchPeriod.objects.filter(probe=probe).update(ends_at=at(30))
    assert uptime.of(probe.service, at(0), at(60)).measured_s == 1800


def test_key_figure__worst_active_service_in_production() -> None:
    workspace = make.workspace()
    kpi = kpis.get("uptime")
    assert kpi is not None
    assert kpi.target == 99.9
    assert kpi.compute(workspace.pk, *MONTH) is None
    good, bad, gone = (catalog.service(workspace) for _ in range(3))
    for service in (good, bad, gone):
        watched(catalog.probe(service), MONTH[0])
    down(Probe.objects.get(service=bad), MONTH[0], MONTH[0] + (MONTH[1] - MONTH[0]) / 4)
    down(Probe.objects.get(service=gone), *MONTH)
    services.retire_service(gone, actor=make.JOB)
    assert kpi.compute(workspace.pk, *MONTH) == 75
    assert kpi.compute(make.workspace().pk, *MONTH) is None


minutes = st.integers(-30, 90)
spans = st.lists(st.tuples(minutes, minutes).map(sorted), max_size=5)


def _apart(found: list[list[int]]) -> list[list[int]]:
    """One probe's intervals as the database allows them."""
    kept: list[list[int]] = []
    for begin, end in sorted(found):
        if begin < end and all(end <= low or high <= begin for low, high in kept):
            kept.append([begin, end])
    return kept


@settings(max_examples=12)  # each is rows in the database
@given(spans, spans, spans, spans)
def test_any_intervals__as_counted_minute_by_minute(
    seen: list[list[int]], first: list[list[int]], second: list[list[int]], calm: list[list[int]]
) -> None:
    window, seen, first, second = range(60), _apart(seen), _apart(first), _apart(second)

    def covered(found: list[list[int]]) -> set[int]:
        return {minute for minute in window for low, high in found if low <= minute < high}

    def tell(asked: Sequence[Service], *rest: Any) -> dict[int, list[uptime.Planned]]:
        return _in_production(asked, [(at(low), at(high)) for low, high in calm])

    with transaction.atomic():
        service = catalog.service()
        one, two = catalog.probe(service), catalog.probe(service, url="https://b.example/")
        for low, high in seen:
            watched(one, at(low), at(high))
        for probe, found in ((one, first), (two, second)):
            for low, high in found:
                down(probe, at(low), at(high))
        uptime.maintenance(tell)
        try:
            figure = uptime.of(service, at(0), at(60))
        finally:
            uptime._maintenance.remove(tell)
        transaction.set_rollback(True)
    whole, bad = covered(seen), covered([*first, *second]) & covered(seen)
    planned = covered(calm)
    assert (figure.measured_s, figure.down_s) == (60 * len(whole), 60 * len(bad))
    assert figure.unplanned_down_s == 60 * len(bad - planned)
    expected = 100 * (1 - len(bad) / len(whole)) if whole else None
    assert figure.percent == (None if expected is None else pytest.approx(expected))
    rest = whole - planned
    calmly = 100 * (1 - len(bad - planned) / len(rest)) if rest else None
    assert figure.percent_without_maintenance == (None if calmly is None else pytest.approx(calmly))

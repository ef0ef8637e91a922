"""Results add up to health and down intervals, exactly, whoever reports at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.catalog import services, watching
from controlplane.catalog.models import DownInterval, Probe, ProbeResult, WatchPeriod
from controlplane.catalog.probing import Sight
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from tests import make
from tests.kit import catalog
from tests.kit.catalog import at, saw
from tests.kit.racing import race

pytestmark = pytest.mark.django_db


def intervals(probe: Probe) -> list[tuple[datetime, datetime | None]]:
    rows = DownInterval.objects.filter(probe=probe).order_by("starts_at")
    return list(rows.values_list("starts_at", "ends_at"))


# --- From results to intervals ------------------------------------------------------------------


def test_down__since_the_first_failure_of_the_row() -> None:
    probe = saw(catalog.probe(down_after=3), "+--")
    assert (probe.health, intervals(probe)) == ("up", [])
    saw(probe, "-", start=3)
    assert (probe.health, probe.since) == ("down", at(1))
    assert intervals(probe) == [(at(1), None)]
    assert DownInterval.objects.get().first_error == "broken 1"


def test_up__ends_the_interval_at_the_good_look() -> None:
    probe = saw(catalog.probe(), "--+")
    assert (probe.health, probe.since, probe.failures_in_a_row) == ("up", at(2), 0)
    assert intervals(probe) == [(at(0), at(2))]


def test_single_failures__are_weather() -> None:
    probe = saw(catalog.probe(down_after=2), "+-+-+-+-")
    assert (probe.health, intervals(probe)) == ("up", [])


def test_flapping__each_outage_its_own_interval() -> None:
    probe = saw(catalog.probe(down_after=1), "-+-+-")
    assert intervals(probe) == [(at(0), at(1)), (at(2), at(3)), (at(4), None)]


def test_late_result__kept_and_believed_no_more() -> None:
    probe = saw(catalog.probe(down_after=1), "+", start=10)
    saw(probe, "-", start=5)
    assert (probe.health, intervals(probe)) == ("up", [])
    assert ProbeResult.objects.count() == 2


@settings(max_examples=12)  # each is rows and transitions in the database
@given(st.text("+- ", max_size=40), st.integers(1, 4))
def test_any_results__intervals_are_the_rows_of_failures(pattern: str, down_after: int) -> None:
    with transaction.atomic():
        probe = saw(catalog.probe(down_after=down_after), pattern)
        expected: list[tuple[datetime, datetime | None]] = []
        row = first = 0
        for minute, sign in enumerate(pattern):
            if sign == "-":
                first = minute if row == 0 else first
                row += 1
            elif sign == "+":
                if row >= down_after:
                    expected.append((at(first), at(minute)))
                row = 0
        if row >= down_after:
            expected.append((at(first), None))
        assert intervals(probe) == expected
        assert (probe.health == "down") == bool(expected and expected[-1][1] is None)
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_reports_at_once__one_interval_one_event() -> None:
    probe = catalog.probe(down_after=2)
    race(6, lambda n: services.report_result(probe, actor=make.JOB, ok=False, error="x"))
    assert [end for _, end in intervals(probe)] == [None]
    assert Signal.objects.filter(kind="catalog.service_down").count() == 1
    race(6, lambda n: services.report_result(probe, actor=make.JOB, ok=True))
    assert None not in [end for _, end in intervals(probe)]
    assert Signal.objects.filter(kind="catalog.service_up").count() == 1
    assert ProbeResult.objects.count() == 12


def test_overlap__refused_by_the_database() -> None:
    probe = saw(catalog.probe(down_after=1), "-+")
    again = DownInterval.objects.get()
    again.pk, again.starts_at, again.ends_at = None, at(0.5), at(3)
    again.uid = catalog.service().uid
    with pytest.raises(IntegrityError, match="downinterval_no_overlap"), transaction.atomic():
        again.save(force_insert=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        WatchPeriod.objects.create(probe=probe, starts_at=at(5))


# --- Nobody looks any more ----------------------------------------------------------------------


def test_switch_off__ends_what_was_open_and_forgets() -> None:
    probe = saw(catalog.probe(down_after=1), "-")
    before = clock.now()
    off = services.switch_probe(probe, actor=make.JOB, active=False, reason="moved")
    assert (off.health, off.failing_since, off.is_active) == ("unknown", None, False)
    [(_, end)] = intervals(probe)
    assert end is not None
    assert before <= end <= clock.now()
    assert WatchPeriod.objects.get().ends_at == end
    saw(probe, "--", start=600)
    assert len(intervals(probe)) == 1, "results of a probe that is off count for nothing"


def test_switch_on_again__believes_only_what_came_since() -> None:
    probe = saw(catalog.probe(down_after=1), "+")
    services.switch_probe(probe, actor=make.JOB, active=False)
    on = services.switch_probe(probe, actor=make.JOB, active=True)
    saw(on, "-", start=1)
    assert (on.health, intervals(on)) == ("unknown", [])
    services.report_result(on, actor=make.JOB, ok=False)
    on.refresh_from_db()
    assert on.health == "down"
    assert WatchPeriod.objects.filter(ends_at=None).count() == 1


def test_switch__twice__changes_and_records_once() -> None:
    probe = catalog.probe()
    for _ in range(2):
        services.switch_probe(probe, actor=make.JOB, active=False)
    rows = AuditEvent.objects.filter(subject_ref=f"catalog.probe:{probe.pk}")
    assert [row.after for row in rows.order_by("id")][1:] == [{"is_active": False}]


def test_retired_service__down_no_more_and_nothing_opens() -> None:
    probe = saw(catalog.probe(down_after=1), "-")
    services.retire_service(probe.service, actor=make.JOB, reason="gone")
    [(_, end)] = intervals(probe)
    assert end is not None
    services.report_result(probe, actor=make.JOB, ok=False)
    probe.refresh_from_db()
    assert (probe.health, len(intervals(probe))) == ("unknown", 1)
    services.restore_service(probe.service, actor=make.JOB, reason="back")
    services.report_result(probe, actor=make.JOB, ok=False)
    assert len(intervals(probe)) == 2


@pytest.mark.django_db(transaction=True)
def test_retire__while_results_arrive__leaves_no_interval_open() -> None:
    for _ in range(5):
        probe = catalog.probe(down_after=1)
        service = probe.service

        def work(number: int, probe: Probe = probe, service: object = service) -> None:
            if number == 0:
                services.retire_service(service, actor=make.JOB)  # type: ignore[arg-type]
            else:
                services.report_result(probe, actor=make.JOB, ok=False)

        assert [found for found in race(4, work) if isinstance(found, Exception)] == []
        assert None not in [end for _, end in intervals(probe)]
        assert not WatchPeriod.objects.filter(probe=probe, ends_at=None).exists()


# --- Silence ------------------------------------------------------------------------------------


def heard(probe: Probe, seconds_ago: float) -> None:
    moment = clock.now() - timedelta(seconds=seconds_ago)
    Probe.objects.filter(pk=probe.pk).update(last_at=moment, on_since=moment - timedelta(days=1))
    WatchPeriod.objects.filter(probe=probe).update(starts_at=moment - timedelta(hours=1))


def test_silence__what_was_up_is_unknown_and_watched_no_longer() -> None:
    probe = saw(catalog.probe(every_s=60), "+")
    heard(probe, 170)
    assert services.note_silence(actor=make.JOB) == 0
    heard(probe, 190)
    assert services.note_silence(actor=make.JOB) == 1
    assert services.note_silence(actor=make.JOB) == 0
    probe.refresh_from_db()
    assert probe.health == "unknown"
    assert WatchPeriod.objects.get().ends_at == probe.last_at
    assert Signal.objects.filter(kind="catalog.service_unknown").count() == 1
    [finding] = watching.silent_probes()
    assert not finding.critical
    assert probe.service.slug in finding.subject
    assert "Nobody reports" in finding.message


def test_silence__of_what_was_down__stays_down_until_somebody_says_otherwise() -> None:
    probe = saw(catalog.probe(down_after=1), "-")
    heard(probe, 7200)
    assert services.note_silence(actor=make.JOB) == 1
    probe.refresh_from_db()
    assert probe.health == "down"
    services.report_result(probe, actor=make.JOB, ok=True)
    assert None not in [end for _, end in intervals(probe)]
    assert WatchPeriod.objects.count() == 2


def test_silence__longer_intervals_have_more_patience() -> None:
    probe = saw(catalog.probe(every_s=3600), "+")
    heard(probe, 3 * 3600 - 30)
    assert services.note_silence(actor=make.JOB) == 0
    assert list(watching.silent_probes()) == []


def test_silence__never_heard_of__is_a_finding_too() -> None:
    probe = catalog.probe()
    assert "never yet" in next(iter(watching.silent_probes())).message
    services.switch_probe(probe, actor=make.JOB, active=False)
    assert list(watching.silent_probes()) == []
    services.switch_probe(probe, actor=make.JOB, active=True)
    assert list(watching.silent_probes()) == [], "it was switched on a moment ago"


# --- Who hears of it ----------------------------------------------------------------------------


def test_change_of_health__audited_and_signalled_once() -> None:
    probe = saw(catalog.probe(down_after=1), "+--+")
    about = AuditEvent.objects.filter(subject_ref=f"catalog.probe:{probe.pk}")
    told = [
        (row.after or {})["health"] for row in about.filter(action="catalog.report").order_by("id")
    ]
    assert told == ["down", "up"]
    down = Signal.objects.get(kind="catalog.service_down")
    assert down.payload["slug"] == probe.service.slug
    assert down.payload["environment"] == "production"
    assert down.workspace_id == probe.workspace_id


def test_many_probes__seen_with_few_statements() -> None:
    probe = saw(catalog.probe(), "+")
    with CaptureQueriesContext(connection) as queries:
        services.record_result(probe, Sight(True, 200, 5), actor=make.JOB)
    assert len(queries) <= 7, [row["sql"] for row in queries]


def test_timers__of_news__stand_for_open_intervals_only() -> None:
    probe = saw(catalog.probe(down_after=1), "-+-+")
    states = Timer.objects.filter(kind="catalog.down_news").values_list("state", flat=True)
    assert sorted(states) == ["cancelled", "cancelled"]
    assert Timer.objects.filter(workspace_id=probe.workspace_id, ready_at__gt=Now()).count() == 0

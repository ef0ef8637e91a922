"""Looking at services over HTTP: what counts as good, what is never called, who looks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now

from controlplane.audit.models import AuditEvent
from controlplane.catalog import probing, services, tasks
from controlplane.catalog.models import DownInterval, Probe, ProbeResult
from controlplane.catalog.services import probes
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed
from tests import make
from tests.kit import catalog
from tests.kit.racing import race
from tests.kit.receivers import Receiver, free_port, http_receiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(settings: Any) -> Iterator[Receiver]:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        yield receiver


def probe_of(url: str, **fields: Any) -> Probe:
    return catalog.probe(url=url, **fields)


# --- One look -----------------------------------------------------------------------------------


def test_look__expected_status__good_and_timed(site: Receiver) -> None:
    sight = probing.look(probe_of(f"{site.url}/health"))
    assert (sight.ok, sight.status_code, sight.error) == (True, 200, "")
    assert sight.latency_ms is not None
    assert site.received[0].path == "/health"


def test_look__large_page__is_no_outage(site: Receiver) -> None:
    site.will_answer(200, b"x" * 300_000)
    assert probing.look(probe_of(site.url)).ok


@pytest.mark.parametrize("status", [204, 301, 404, 500, 503])
def test_look__another_status__said(site: Receiver, status: int) -> None:
    site.will_answer(status, Location="http://127.0.0.1:1/")
    sight = probing.look(probe_of(site.url))
    assert (sight.ok, sight.status_code) == (False, status)
    assert sight.error == f"answered {status}, not 200"
    assert len(site.received) == 1, "a redirect is not followed"


def test_look__another_status_expected__good(site: Receiver) -> None:
    site.will_answer(401)
    assert probing.look(probe_of(site.url, expected_status=401)).ok


def test_look__nobody_listens__failed(settings: Any) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    sight = probing.look(probe_of(f"http://127.0.0.1:{free_port()}/"))
    assert not sight.ok
    assert not sight.refused
    assert "127.0.0.1" in sight.error


@pytest.mark.slow
def test_look__no_answer__ends_with_the_time_out(settings: Any) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        sight = probing.look(probe_of(url, timeout_s=1))
    assert (sight.ok, sight.error) == (False, "127.0.0.1 did not answer in time.")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8/", "http://169.254.169.254/latest", "http://[::1]/", "http://10.0.0.1/"],
)
def test_look__private_address__refused_and_no_news_of_the_service(url: str) -> None:
    probe = probe_of(url)
    sight = services.probe_now(probe, actor=make.JOB)
    assert sight.refused
    probe.refresh_from_db()
    assert (probe.health, probe.failures_in_a_row, probe.last_at) == ("unknown", 0, None)
    assert "not looked at" in probe.last_error


def test_look__own_page__found_wherever_the_portal_runs(settings: Any) -> None:
    with http_receiver() as portal:
        settings.PUBLIC_URL = portal.url
        assert probing.look(probe_of("/ready")).ok
        assert portal.received[0].path == "/ready"


@pytest.mark.parametrize(
    "url", ["ftp://x.example/", "http://a:b@x.example/", "/metrics", "javascript:x", "http://"]
)
def test_add_probe__odd_address__refused(url: str) -> None:
    service = catalog.service()
    production = catalog.environment(service.workspace)
    with pytest.raises(Invalid):
        services.add_probe(service, production, actor=make.JOB, url=url)


# --- Whose turn it is ---------------------------------------------------------------------------


def due(*probes: Probe) -> None:
    keys = [probe.pk for probe in probes]
    Probe.objects.filter(pk__in=keys).update(next_at=Now() - timedelta(seconds=1))


def test_claim__moves_the_turn_on_by_the_interval(site: Receiver) -> None:
    probe = probe_of(site.url, every_s=90)
    due(probe)
    assert [row.pk for row in probes.claim_due(5)] == [probe.pk]
    assert probes.claim_due(5) == []
    wait = Probe.objects.annotate(now=Now()).get().next_at - clock.now()
    assert timedelta(seconds=80) < wait < timedelta(seconds=91)


def test_claim__off_retired_pushed_or_later__left_in_peace(site: Receiver) -> None:
    off, retired, later = (probe_of(f"{site.url}/{n}") for n in range(3))
    pushed = catalog.probe()
    services.switch_probe(off, actor=make.JOB, active=False)
    services.retire_service(retired.service, actor=make.JOB)
    due(off, retired, pushed)
    Probe.objects.filter(pk=later.pk).update(next_at=Now() + timedelta(minutes=1))
    assert probes.claim_due(9) == []


@pytest.mark.django_db(transaction=True)
def test_claim__many_workers__each_probe_once(site: Receiver) -> None:
    service = catalog.service()
    made = [catalog.probe(service, url=f"{site.url}/{n}") for n in range(12)]
    due(*made)
    claimed = race(4, lambda n: [row.pk for row in probes.claim_due(3)])
    keys = [pk for batch in claimed for pk in batch]
    assert len(keys) == len(set(keys))
    keys += [row.pk for row in probes.claim_due(12)]
    assert sorted(keys) == sorted(row.pk for row in made)


@pytest.mark.django_db(transaction=True)
def test_claim__row_held_by_another__skipped_not_waited_for(site: Receiver) -> None:
    held, free = probe_of(f"{site.url}/a"), probe_of(f"{site.url}/b")
    due(held, free)
    found: list[Any] = []
    with transaction.atomic():
        Probe.objects.select_for_update().get(pk=held.pk)
        thread = threading.Thread(
            target=lambda: found.extend(race(1, lambda n: probes.claim_due(9)))
        )
        thread.start()
        thread.join(10)
    assert [row.pk for row in found[0]] == [free.pk]


# --- The job ------------------------------------------------------------------------------------


def test_job__looks_once_at_each_and_notes_it(site: Receiver) -> None:
    good, bad = probe_of(f"{site.url}/good"), probe_of(f"{site.url}/bad")
    site.answer_by_path["/bad"] = 500
    due(good, bad)
    assert tasks.probe_services() == {"seen": 2, "failed": 1, "broken": 0, "silent": 0}
    assert tasks.probe_services() == {"seen": 0, "failed": 0, "broken": 0, "silent": 0}
    assert sorted(row.path for row in site.received) == ["/bad", "/good"]
    assert ProbeResult.objects.filter(ok=True).get().probe_id == good.pk
    good.refresh_from_db()
    assert good.health == "up"


def test_job__one_probe_that_trips__does_not_blind_the_others(
    site: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, good = probe_of(f"{site.url}/odd"), probe_of(f"{site.url}/good")
    due(odd, good)
    look = probing.look

    def trips(probe: Probe) -> probing.Sight:
        if probe.pk == odd.pk:
            raise RuntimeError("unforeseen")
        return look(probe)

    monkeypatch.setattr(probing, "look", trips)
    assert tasks.probe_services() == {"seen": 1, "failed": 0, "broken": 1, "silent": 0}


@pytest.mark.django_db(transaction=True)
def test_job__twice_at_once__nobody_is_asked_twice(site: Receiver) -> None:
    service = catalog.service()
    due(*[catalog.probe(service, url=f"{site.url}/{n}") for n in range(10)])
    assert sum(counts["seen"] for counts in race(2, lambda n: tasks.probe_services())) == 10
    paths = [row.path for row in site.received]
    assert len(paths) == len(set(paths)) == 10


def test_look__that_ends_late__is_true_of_its_beginning(site: Receiver) -> None:
    """Two looks that overlap: the one begun first but noted last does not undo the other."""
    probe = probe_of(site.url, down_after=1)
    first = probing.look(probe)
    site.will_answer(500)
    second = probing.look(probe)
    services.record_result(probe, second, actor=make.JOB)
    services.record_result(probe, first, actor=make.JOB)
    probe.refresh_from_db()
    assert probe.health == "down"
    assert ProbeResult.objects.count() == 2


# --- By hand, and reported ----------------------------------------------------------------------


def test_look_now__for_somebody_who_waits(site: Receiver) -> None:
    probe = probe_of(site.url, down_after=1)
    site.will_answer(503)
    assert not services.probe_now(probe, actor=make.JOB).ok
    assert DownInterval.objects.get().probe_id == probe.pk


def test_look_now__off_retired_or_pushed__refused(site: Receiver) -> None:
    off, retired = probe_of(f"{site.url}/1"), probe_of(f"{site.url}/2")
    services.switch_probe(off, actor=make.JOB, active=False)
    services.retire_service(retired.service, actor=make.JOB)
    for probe in (off, retired, catalog.probe()):
        with pytest.raises(Invalid):
            services.probe_now(probe, actor=make.JOB)
    assert site.received == []


def test_report__redacted_and_only_where_reported(site: Receiver) -> None:
    pushed = catalog.probe()
    said = "password=hunter2secret failed"
    seen = services.report_result(pushed, actor=make.JOB, ok=False, error=said)
    assert "hunter2secret" not in seen.last_error
    with pytest.raises(Invalid):
        services.report_result(probe_of(site.url), actor=make.JOB, ok=True)


def test_strangers__neither_look_nor_report(site: Receiver) -> None:
    pulled, pushed = probe_of(site.url), catalog.probe()
    elsewhere = make.actor(make.person(make.workspace(), "workspace_admin"))
    viewer = make.actor(make.person(pulled.service.workspace, "viewer"))
    for actor in (elsewhere, viewer):
        with pytest.raises(NotAllowed):
            services.probe_now(pulled, actor=actor)
        with pytest.raises(NotAllowed):
            services.report_result(pushed, actor=actor, ok=True)
        with pytest.raises(NotAllowed):
            services.record_result(pulled, probing.Sight(True, 200, 1), actor=actor)
    assert site.received == []
    assert not ProbeResult.objects.exists()


def test_change__of_address_and_pace__audited(site: Receiver) -> None:
    probe = probe_of(site.url)
    changed = services.change_probe(probe, actor=make.JOB, url=f"{site.url}/live", every_s=120)
    assert (changed.url, changed.every_s, changed.version) == (f"{site.url}/live", 120, 2)
    event = AuditEvent.objects.filter(subject_ref=f"catalog.probe:{probe.pk}").latest("id")
    assert event.after == {"url": f"{site.url}/live", "every_s": 120}
    for wrong in ({"url": ""}, {"url": "gopher://x"}, {"every_s": 5}, {"every_s": 86_401}):
        with pytest.raises(Invalid):
            services.change_probe(probe, actor=make.JOB, **wrong)
    with pytest.raises(Invalid):
        services.change_probe(catalog.probe(), actor=make.JOB, url=site.url)

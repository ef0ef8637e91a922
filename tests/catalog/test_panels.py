"""What a service's page draws: stretches of up and down that neither overlap nor lie."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta

from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from controlplane.access.models import Workspace
from controlplane.catalog import panels, services
from controlplane.catalog.models import DownInterval, Integration, Service
from controlplane.lib import clock
from controlplane.lib.lasting import Lasting
from tests import make
from tests.kit import catalog, settled

START = datetime(2026, 3, 1, tzinfo=UTC)
periods = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 90)).map(
        lambda pair: (START + timedelta(minutes=pair[0]), START + timedelta(minutes=sum(pair)))
    ),
    max_size=12,
)


def minutes(found: list[panels.Period]) -> set[int]:
    return {
        minute
        for begin, end in found
        for minute in range(
            int((begin - START).total_seconds() // 60), int((end - START).total_seconds() // 60)
        )
    }


@given(periods)
def test_merged__same_minutes_in_order_without_touching(rows: list[panels.Period]) -> None:
    found = panels.merged(rows)
    assert minutes(found) == minutes(rows)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(found))


@given(periods, periods)
def test_without__exactly_the_minutes_that_are_left(
    rows: list[panels.Period], holes: list[panels.Period]
) -> None:
    whole, away = panels.merged(rows), panels.merged(holes)
    found = panels.without(whole, away)
    assert minutes(found) == minutes(whole) - minutes(away)
    assert all(begin < end for begin, end in found)


def test_uptime__never_rounded_up_to_what_was_not_reached() -> None:
    assert panels._rounded(99.9996) == 99.999
    assert panels._rounded(100.0) == 100.0
    assert panels._rounded(None) is None


# --- Pages --------------------------------------------------------------------------------------


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def browser(here: Workspace) -> Client:
    return make.client(make.person(here, "primary_operator"))


def test_service__down_now__its_page_and_list_say_where(browser: Client, here: Workspace) -> None:
    service = catalog.service(here, name="Web")
    probe = catalog.probe(service, down_after=1)
    services.report_result(probe, actor=make.JOB, ok=False, error="<i>502")
    text = browser.get(f"/admin/catalog/service/{service.uid}/change/").content.decode()
    assert "At least one probe sees it down" in text
    assert "&lt;i&gt;502" in text
    rows = browser.get("/admin/catalog/service/?faring=down").context["cl"].result_list
    assert [row.pk for row in rows] == [service.pk]
    assert panels.service_health(Service.objects.get()) == "down"


def test_service__an_outage_that_began_long_ago__lasts_still(
    browser: Client, here: Workspace
) -> None:
    service = catalog.service(here)
    probe = catalog.probe(service, down_after=1)
    services.report_result(probe, actor=make.JOB, ok=False, error="502")
    DownInterval.objects.update(starts_at=clock.now() - timedelta(days=264))
    chart = panels.up_and_down(service, [probe.environment])
    [(begin, end, state, _)] = chart["lanes"][0]["spans"]
    assert (begin, end, state) == (chart["start"], None, "down")
    text = browser.get(f"/admin/catalog/service/{service.uid}/change/").content.decode()
    assert "1 lasting still" in text
    DownInterval.objects.update(ends_at=clock.now() - timedelta(days=1))
    lane = panels.up_and_down(service, [probe.environment])["lanes"][0]["spans"]
    assert all(end is not None for _, end, state, _ in lane if state == "down")


def test_service__nobody_looks__no_figure_instead_of_a_good_one(
    browser: Client, here: Workspace
) -> None:
    service = catalog.service(here)
    text = browser.get(f"/admin/catalog/service/{service.uid}/change/").content.decode()
    assert "nobody looked" in text
    assert "Nobody looks at it" in text
    rows = browser.get("/admin/catalog/service/?faring=unseen").context["cl"].result_list
    assert [row.pk for row in rows] == [service.pk]


def test_integration__its_breaker_is_drawn_where_it_stands(
    browser: Client, here: Workspace
) -> None:
    row = catalog.broken(here)
    url = f"/admin/catalog/integration/{row.uid}/change/"
    assert "Agents are told not to call it" in browser.get(url).content.decode()
    chart = panels.breaker(row)
    assert [node["id"] for node in chart["nodes"] if node["state"]] == ["open"]
    services.close(row, actor=make.JOB, reason="mended")
    assert "Calls go through" in browser.get(url).content.decode()
    assert (
        browser.get("/admin/catalog/integration/?breaker=stopped").context["cl"].result_count == 0
    )
    assert Integration.objects.get().status == "closed"


def test_integration__the_words_of_a_way_stand_clear_of_the_way_back(
    browser: Client, here: Workspace
) -> None:
    row = catalog.broken(here)
    text = browser.get(f"/admin/catalog/integration/{row.uid}/change/").content.decode()
    found = re.search(r'<text x="([0-9.]+)"[^>]*text-anchor="(\w+)"[^>]*>pause over<', text)
    assert found is not None
    back = re.search(r'chart-back"><title>Half open to Open.*?<path d="M([0-9.]+)', text, re.DOTALL)
    assert back is not None
    assert found[2] == "end"
    assert float(found[1]) < float(back[1])


def test_probe__its_looks_drawn_failed_ones_as_gaps(browser: Client, here: Workspace) -> None:
    probe = catalog.probe(catalog.service(here))
    catalog.saw(probe, "+-+")
    chart = panels.latency(panels.results_of(probe), probe)
    values = [value for _, value in chart["series"][0]["points"]]
    assert [value is None for value in values] == [False, True, False]
    assert browser.get(f"/admin/catalog/probe/{probe.uid}/change/").status_code == 200


def test_pages__of_another_workspace__not_there(here: Workspace) -> None:
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    service, row = catalog.service(here), catalog.broken(here)
    for url in (f"service/{service.uid}", f"integration/{row.uid}"):
        assert stranger.get(f"/admin/catalog/{url}/change/").status_code == 404


def test_outage__lasts_until_now_while_it_is_open(here: Workspace) -> None:
    probe = catalog.probe(catalog.service(here), down_after=1)
    services.report_result(probe, actor=make.JOB, ok=False, error="x")
    row = probe.down_intervals.get()
    assert panels.lasted(row) == Lasting(row.starts_at)
    row.ends_at = row.starts_at + timedelta(minutes=4)
    assert panels.lasted(row) == timedelta(minutes=4)

"""The board of key figures: what is kept is shown, nothing is never 0, who may compute anew."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.access import services
from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base.registries import kpis
from controlplane.lib import clock
from telemetry import kpis as key_figures
from telemetry.kpis.periods import before, period_of
from telemetry.models import KpiValue
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db

BOARD = "/admin/telemetry/dashboards/kpi-board/"
SLUG = "missions.throughput"
State = KpiValue.State


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def analyst(here: Workspace) -> User:
    return make.person(here, "telemetry_analyst")


@settled.once
def browser(analyst: User) -> Client:
    return make.client(analyst)


def main(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    return answer.content.decode().split("<main", 1)[1]


def kept(
    workspace: Workspace, value: float | None, state: str, *, ago: int = 0, item: str = "",
    slug: str = SLUG, note: str = "",
) -> KpiValue:  # fmt: skip
    """A row of the period this many before the one that runs."""
    kpi = kpis.get(slug)
    assert kpi is not None
    period = period_of(kpi.cadence, clock.now())
    for _ in range(ago):
        period = before(kpi.cadence, period)
    return KpiValue.objects.create(
        workspace=workspace, kpi=slug, start=period.start, end=period.end, value=value,
        target=kpi.target, state=state, item=item, note=note, numerator=value, denominator=None,
    )  # fmt: skip


def card(page: str, slug: str = SLUG) -> str:
    return page.split(f'href="{BOARD}{slug}/"', 1)[1].split("</li>", 1)[0]


def test_board__running_and_last_period_with_its_item(here: Workspace, browser: Client) -> None:
    kept(here, 4, State.MISSED, note="2 pending")
    kept(here, 12, State.MISSED, ago=1, item="bd-1a2")
    shown = card(main(browser, BOARD))
    assert ">4<" in shown
    assert ">12<" in shown
    assert "Missed" in shown
    assert "bd-1a2" in shown
    assert "2 pending" in shown
    assert "30" in shown


def test_board__a_running_period_is_not_missed_yet(here: Workspace, browser: Client) -> None:
    kept(here, 4, State.MISSED)
    shown = card(main(browser, BOARD))
    assert "Not met yet" in shown
    assert "Missed" not in shown


def test_board__nothing_is_no_data_and_never_zero(here: Workspace, browser: Client) -> None:
    page = main(browser, BOARD)
    assert "No figure was computed yet." in page
    shown = card(page)
    assert "no data" in shown
    assert ">0<" not in shown
    kept(here, None, State.NO_DATA)
    kept(here, None, State.NO_DATA, ago=1)
    shown = card(main(browser, BOARD))
    assert "no data" in shown
    assert "Waits for" in shown
    kept(make.workspace(), 77, State.MET)
    assert ">77<" not in card(main(browser, BOARD))


def test_board__one_query_for_all_figures(here: Workspace, browser: Client) -> None:
    key_figures.refresh(here, actor=make.JOB)
    browser.get(BOARD)
    with CaptureQueriesContext(connection) as captured:
        browser.get(BOARD)
    asked = [each["sql"] for each in captured if "SAVEPOINT" not in each["sql"]]
    assert sum("telemetry_kpivalue" in sql for sql in asked) == 1
    assert sum("telemetry_rollup" in sql or "telemetry_missionday" in sql for sql in asked) == 0


def test_board__file_says_what_the_page_says(here: Workspace, browser: Client) -> None:
    kept(here, 12, State.MISSED, ago=1)
    text = browser.get(f"{BOARD}kpis.csv").content.decode()
    assert "Missions completed" in text
    assert ",12" in text


# --- One figure -------------------------------------------------------------------------------


def test_figure__history_and_files(here: Workspace, browser: Client) -> None:
    kept(here, 4, State.MISSED)
    kept(here, 31, State.MET, ago=1)
    kept(here, None, State.NO_DATA, ago=2)
    page = main(browser, f"{BOARD}{SLUG}/")
    assert "Not met yet" in page
    assert "No data" in page
    assert page.count("<tr>") >= 4
    data = json.loads(browser.get(f"{BOARD}{SLUG}/history.json").content)
    value, state = data["columns"].index("value"), data["columns"].index("state")
    assert [(row[value], row[state]) for row in data["rows"]] == [
        (4, "missed"), (31, "met"), (None, "no_data"),
    ]  # fmt: skip
    csv = browser.get(f"{BOARD}{SLUG}/history.csv")
    assert csv["Content-Type"].startswith("text/csv")
    assert len(csv.content.decode().strip().splitlines()) == 4


@pytest.mark.parametrize(
    "path", ["no.such/", f"{SLUG}/history.exe", "no.such/history.csv", "%3Cscript%3E/", "kpis.exe"]
)
def test_figure__unknown_is_not_found(browser: Client, path: str) -> None:
    assert browser.get(BOARD + path).status_code == 404


@pytest.mark.parametrize("query", ["?range=no&from=x", "?workspace=nowhere", "?_part=board&x=%F6"])
def test_board__nonsense_in_the_address__no_error(browser: Client, query: str) -> None:
    assert browser.get(BOARD + query).status_code < 500


def test_figure__of_the_workspace_in_the_address__and_its_files_too(here: Workspace) -> None:
    other = make.workspace("zzz-other")
    person = make.person(here, "telemetry_analyst")
    member = services.add_member(other, person, actor=make.JOB)
    services.grant_role(member, "telemetry_analyst", actor=make.JOB)
    both = make.client(person)
    kept(here, 77, State.MET, ago=1)
    kept(other, 12, State.MET, ago=1)
    page = main(both, f"{BOARD}?workspace={other.slug}")
    assert f'href="{BOARD}{SLUG}/?workspace={other.slug}"' in page
    assert f'{reverse("telemetry:kpi_compute")}?workspace={other.slug}"' in page
    page = main(both, f"{BOARD}{SLUG}/?workspace={other.slug}")
    file = f"{BOARD}{SLUG}/history.json?workspace={other.slug}"
    assert f'href="{file}"' in page
    rows = json.loads(both.get(file).content)["rows"]
    assert [row for row in rows if 12 in row]
    assert not [row for row in rows if 77 in row]


# --- Computing --------------------------------------------------------------------------------


def test_compute__anew_and_in_the_log(here: Workspace, browser: Client) -> None:
    url = reverse("telemetry:kpi_compute")
    assert browser.get(url).status_code == 405
    answer = browser.post(url, follow=True)
    assert answer.status_code == 200
    assert KpiValue.objects.of(here.pk).filter(kpi=SLUG).exists()
    assert AuditEvent.objects.filter(action="telemetry.compute").count() == 1


def test_compute__not_for_a_viewer(here: Workspace) -> None:
    viewer = make.client(make.person(here, "viewer"))
    assert viewer.post(reverse("telemetry:kpi_compute")).status_code == 403
    assert not KpiValue.objects.exists()
    page = main(viewer, BOARD)
    assert "disabled" in page
    assert reverse("telemetry:kpi_compute") not in page


def test_stranger__has_figures_of_their_own(here: Workspace) -> None:
    kept(here, 77, State.MET, ago=1)
    stranger = make.client(make.person(make.workspace(), "telemetry_analyst"))
    assert ">77<" not in main(stranger, BOARD)
    assert json.loads(stranger.get(f"{BOARD}{SLUG}/history.json").content)["rows"] == []
    assert Client().get(BOARD).status_code in {302, 403}


# --- Home -------------------------------------------------------------------------------------


def figure(client: Client, title: str = "Missions completed") -> str:
    page = main(client, "/admin/")
    return page.split(title, 1)[1].split("</li>", 1)[0]


def test_home__whole_period_before_the_running_one(here: Workspace, browser: Client) -> None:
    kept(here, 4, State.MISSED)
    kept(here, 33, State.MET, ago=1)
    shown = figure(browser)
    assert "33" in shown
    assert "on target" in shown


def test_home__running_period_is_not_off_target(here: Workspace, browser: Client) -> None:
    kept(here, 4, State.MISSED)
    shown = figure(browser)
    assert "so far" in shown
    assert "off target" not in shown


def test_home__too_few_are_not_judged(here: Workspace, browser: Client) -> None:
    kept(here, 100, State.LOW_SAMPLE, ago=1, slug="undo.success_rate")
    shown = figure(browser, "Undo success")
    assert "on target" not in shown
    assert "too few to judge" in shown


def test_home__old_rows_are_no_figure(here: Workspace, browser: Client) -> None:
    old = kept(here, 33, State.MET, ago=4)
    assert old.end < clock.now() - timedelta(days=14)
    assert "33" not in figure(browser)


RPO = "backups.rpo"  # asks for "backup.view", which a viewer does not hold


def test_figure_of_another_s_concern__is_not_there_for_who_may_not_see_it(here: Workspace) -> None:
    kept(here, 3.25, State.MET, slug=RPO)
    kept(here, 41, State.MET)
    operator, viewer = (
        make.client(make.person(here, role)) for role in ("primary_operator", "viewer")
    )
    title = kpis._entries[RPO].title
    assert title in main(operator, BOARD)
    page = main(viewer, BOARD)
    assert title not in page
    assert "41" in page
    for form in ("csv", "json"):
        path = f"/admin/telemetry/dashboards/kpi-board/kpis.{form}"
        assert title in operator.get(path).content.decode(), path
        assert title not in viewer.get(path).content.decode(), path
    own = f"{BOARD}{RPO}/"
    assert operator.get(own).status_code == 200
    assert viewer.get(own).status_code == 404


def test_figure_over_the_api__only_those_of_the_key_s_role(here: Workspace) -> None:
    def slugs(role: str) -> set[str]:
        _, secret = make.key(make.agent(here, role=role))
        answer = Client().get(
            "/api/v1/telemetry/kpis", headers={"authorization": f"Bearer {secret}"}
        )
        assert answer.status_code == 200, answer.content
        return {item["slug"] for item in answer.json()["items"]}

    assert SLUG in slugs("reviewer")
    assert RPO not in slugs("reviewer")

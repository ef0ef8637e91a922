"""Dashboards: their panels, what they say where nothing is reported, who sees what, files."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.access import services
from controlplane.access.models import Workspace
from controlplane.base import cache
from controlplane.base.registries import Panel as GivenPanel
from controlplane.base.registries import PanelAnswer, PanelQuestion, Verdict, panels
from controlplane.lib import clock
from telemetry import rollups
from telemetry.catalogue import AGENT_ROLES, OPERATIONS
from telemetry.dashboards import DASHBOARDS
from telemetry.dashboards.drawing import label_of
from telemetry.measures import MEASURES
from telemetry.models import AlertRule, RuleState
from tests import make
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
BASE = "/admin/telemetry/dashboards"
OF_THE_SEEDS = {
    "system-health",
    "mission-lifecycle",
    "agent-performance",
    "integration-health",
    "stage-rollup",
    "safeguard-compliance",
    "undo-readiness",
    "feedback-insights",
    "thread-health",
    "kpi-board",
}


@pytest.fixture(autouse=True)
def _nothing_drawn() -> None:
    cache._forget("panels:")
    cache._forget("boards:")


@pytest.fixture
def here() -> Workspace:
    return make.workspace()


@pytest.fixture
def viewer(here: Workspace) -> Client:
    return make.client(make.person(here, "viewer"))


@pytest.fixture
def operator(here: Workspace) -> Client:
    return make.client(make.person(here, "primary_operator"))


def calls(workspace: Workspace | None, good: int, bad: int, **fields: Any) -> None:
    """Tool calls an hour ago, so that their minutes are over."""
    at = clock.now() - timedelta(hours=1)
    context = {"toolkit": "gmail", "action": "send", "meta_tool": "COMPOSIO_SEARCH_TOOLS"}
    said = [
        event("composio_tool_call", at=at, status=status, count=n, context=context, **fields)
        for status, n in (("success", good), ("error", bad))
        if n
    ]
    tell(workspace, said)
    rollups.settle()


def text(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, url
    return answer.content.decode()


def panel(page: str, slug: str) -> str:
    """The markup of one panel."""
    return page.split(f'id="{slug}"', 1)[1].split("</section>", 1)[0]


def words(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


# --- The tables -------------------------------------------------------------------------------


def test_dashboards__those_of_the_seeds() -> None:
    assert set(DASHBOARDS) >= OF_THE_SEEDS


def test_panels__measure_what_is_defined__and_split_by_what_can_be() -> None:
    for dashboard in DASHBOARDS.values():
        assert dashboard.headline in {"", *MEASURES}, dashboard.slug
        for one in dashboard.panels:
            assert not one.missing, (dashboard.slug, one.slug, one.missing)
            for measure in one.known():
                assert not one.group_by or one.group_by in measure.groups, (one.slug, measure.slug)
            assert one.kind != "later" or one.waits


@pytest.mark.parametrize(
    ("measure", "target", "warn"),
    [
        ("service.uptime", 99.9, None),
        ("requests.p95", 200, 500),
        ("transitions.p95", 150, None),
        ("cpu.used", 70, None),
        ("memory.used", 80, None),
        ("disk.used", 85, 90),
        ("stage.completion", 85, None),
        ("safeguard.violations", 5, None),
        ("undo.failures", 2, 5),
        ("agent.p95", 5_000, None),
        ("agent.error_rate", 3, None),
        ("tool.error_rate", 5, 10),
        ("oauth.failure_rate", 10, None),
        ("tool.rate_limits", 100, None),
        ("stream.disconnects", 2, None),
    ],
)
def test_thresholds__the_playbooks(measure: str, target: float, warn: float | None) -> None:
    found = MEASURES[measure]
    assert (found.target, found.warn) == (target, warn)
    assert any(measure in one.measures for each in DASHBOARDS.values() for one in each.panels)


# --- Empty and full ---------------------------------------------------------------------------


@pytest.mark.parametrize("slug", sorted(OF_THE_SEEDS - {"kpi-board"}))
def test_nothing_reported__said_so__never_0_nor_100(viewer: Client, slug: str) -> None:
    page = text(viewer, f"{BASE}/{slug}/")
    for value in re.findall(r'<p class="reading-value">(.*?)</p>', page, re.DOTALL):
        assert words(value) == "no data", slug
    assert "On target" not in page
    assert "POST /api/v1/telemetry/events" in page
    assert "style=" not in page


def test_overview__nothing_reported__every_card_says_so(viewer: Client) -> None:
    page = text(viewer, "/admin/telemetry/")
    for dashboard in DASHBOARDS.values():
        assert dashboard.title in page
    assert "On target" not in page


def test_overview__what_presses_stands_on_the_card(here: Workspace, viewer: Client) -> None:
    calls(here, 60, 40)
    page = words(text(viewer, "/admin/telemetry/"))
    assert "Failed tool calls 40 %" in page
    assert "Alert" in page


def test_six_agents_and_six_operations__the_silent_ones_too(
    here: Workspace, viewer: Client
) -> None:
    calls(here, 30, 0)
    agents = panel(text(viewer, f"{BASE}/agent-performance/"), "agents")
    assert all(f">{role.capitalize()}</a>" in agents for role in AGENT_ROLES)
    operations = words(panel(text(viewer, f"{BASE}/integration-health/"), "operations"))
    assert all(label_of(name) in operations for name in OPERATIONS)
    assert "Search tools 30 calls 100 % 0 % On target" in operations
    assert "Remote workbench no data no data no data No data" in operations


def test_errors__thresholds_drawn__state_in_word_and_shape(here: Workspace, viewer: Client) -> None:
    calls(here, 88, 12)
    shown = panel(text(viewer, f"{BASE}/integration-health/"), "errors")
    assert 'class="chart-target"' in shown
    assert 'class="chart-limit"' in shown
    assert "target 5" in words(shown)
    assert "alert 10" in words(shown)
    assert re.search(r'class="standing kit-tone-bad"><svg.*?</svg>Alert', shown, re.DOTALL)
    assert 'role="img"' in shown
    assert '<details class="chart-data">' in shown


def test_compare__against_the_period_before(here: Workspace, viewer: Client) -> None:
    calls(here, 40, 0)
    start = clock.now() - timedelta(hours=1.5)
    query = f"from={start:%Y-%m-%dT%H:%M}&to={clock.now():%Y-%m-%dT%H:%M}"
    before = clock.now() - timedelta(hours=2)
    tell(here, [event("composio_tool_call", at=before, status="success", count=20)])
    rollups.settle()
    plain = text(viewer, f"{BASE}/integration-health/?{query}")
    compared = text(viewer, f"{BASE}/integration-health/?{query}&compare=on")
    assert "the period before" not in panel(plain, "volume")
    assert "the period before" in panel(compared, "volume")
    assert "the same" in words(panel(compared, "operations")) or "+" in compared


def test_alert_that_fires__on_its_panel_and_card(here: Workspace, viewer: Client) -> None:
    rule = AlertRule.objects.filter(measure="tool.error_rate").first()
    rule = rule or AlertRule.objects.create(
        slug="tools-fail", title="Tools fail", measure="tool.error_rate", threshold=10
    )
    AlertRule.objects.filter(pk=rule.pk).update(severity="critical", title="Tools fail")
    now = clock.now()
    for workspace, series in ((here, "gmail"), (make.workspace(), "their secret")):
        RuleState.objects.create(
            rule=rule, workspace=workspace, series=series, status="firing", fired_at=now,
            fingerprint=series,
        )  # fmt: skip
    calls(here, 99, 1)
    for url in (f"{BASE}/integration-health/", "/admin/telemetry/"):
        page = text(viewer, url)
        assert "Tools fail: gmail fires" in words(page)
        assert "their secret" not in page
    shown = panel(text(viewer, f"{BASE}/integration-health/"), "errors")
    assert "kit-tone-bad" in shown.split("</header>", 1)[0]


# --- Who sees what ----------------------------------------------------------------------------


def test_another_workspace__nothing_of_it(here: Workspace, viewer: Client) -> None:
    there = make.workspace()
    calls(there, 77, 0)
    assert "77" not in words(panel(text(viewer, f"{BASE}/integration-health/"), "operations"))
    assert viewer.get(f"{BASE}/integration-health/?workspace={there.slug}").status_code == 404
    assert (
        viewer.get(f"{BASE}/integration-health/errors.json?workspace={there.slug}").status_code
        == 404
    )


def test_workspace_in_the_address__its_numbers(here: Workspace) -> None:
    there = make.workspace()
    calls(here, 31, 0)
    calls(there, 47, 0)
    person = make.person(here, "viewer")
    services.grant_role(
        services.add_member(there, person, actor=make.JOB), "viewer", actor=make.JOB
    )
    both = make.client(person)
    for workspace, own in ((here, "31 calls"), (there, "47 calls")):
        page = text(both, f"{BASE}/integration-health/?workspace={workspace.slug}")
        assert own in words(panel(page, "operations"))
        assert f"workspace={workspace.slug}" in panel(page, "errors")


def test_installation__only_for_those_who_may(viewer: Client, operator: Client) -> None:
    at = clock.now() - timedelta(minutes=5)
    gauge = {"name": "queue_depth", "value": 250, "of": "celery"}
    tell(None, [event("gauge_reported", at=at, service="portal", context=gauge)])
    rollups.settle()
    seen = text(operator, f"{BASE}/system-health/?range=1h")
    hidden = text(viewer, f"{BASE}/system-health/?range=1h")
    assert "250" in words(panel(seen, "queues"))
    assert "Queue depth" not in hidden
    assert "Database connections" not in hidden
    assert operator.get(f"{BASE}/system-health/queues.json?range=1h").status_code == 200
    assert viewer.get(f"{BASE}/system-health/queues.json?range=1h").status_code == 404


def test_signed_out__led_to_the_sign_in() -> None:
    for url in ("/admin/telemetry/", f"{BASE}/system-health/", f"{BASE}/system-health/errors.csv"):
        assert Client().get(url).status_code == 302


# --- Addresses --------------------------------------------------------------------------------

WRONG = [
    "range=forever",
    "from=yesterday",
    "from=2026-01-01T00:00&to=2020-01-01T00:00",
    "from=1000-01-01&to=9999-12-31",
    "from=0001-01-01T00:00:00%2B14:00",
    "env=%00",
    "agent=" + "a" * 3000,
    "agent=,,,&toolkit='%22%3E%3Cscript%3E",
    "compare=%F0%9F%92%A9&_part=nothing",
    "to=2026-02-30",
]


@pytest.mark.parametrize("query", WRONG)
def test_hostile_address__a_page(viewer: Client, query: str) -> None:
    for path in ("/admin/telemetry/", f"{BASE}/agent-performance/", f"{BASE}/thread-health/"):
        answer = viewer.get(f"{path}?{query}")
        assert answer.status_code == (400 if "%00" in query else 200)
        assert "'\"><script>" not in answer.content.decode()


def test_wrong_range__said__and_the_usual_one_shown(viewer: Client) -> None:
    page = words(text(viewer, f"{BASE}/system-health/?range=forever"))
    assert "That time range is not known. Shown: last 24 h." in page


def test_no_such_dashboard_panel_or_form__404(viewer: Client) -> None:
    for path in ("nothing/", "system-health/nothing.csv", "system-health/errors.xml"):
        assert viewer.get(f"{BASE}/{path}").status_code == 404


def test_links__keep_range_workspace_and_filters(here: Workspace, viewer: Client) -> None:
    page = text(
        viewer, f"{BASE}/integration-health/?workspace={here.slug}&range=7d&env=prod&compare=on"
    )
    for link in re.findall(r'href="(/admin/telemetry/[^"]*\?[^"]*)"', page):
        asked = parse_qs(urlsplit(html.unescape(link)).query)
        if "range" in asked and "event" not in link and "dashboards" in link:
            assert asked["workspace"] == [here.slug], link
    [chip] = re.findall(r'class="chip-link" href="([^"]*)"', page)
    without = parse_qs(urlsplit(html.unescape(chip)).query)
    assert without == {"workspace": [here.slug], "range": ["7d"], "compare": ["on"]}


def test_drill_down__the_same_time_filters_and_events(here: Workspace, viewer: Client) -> None:
    calls(here, 25, 5)
    page = text(viewer, f"{BASE}/integration-health/?range=6h&toolkit=gmail")
    link = html.unescape(re.findall(r'href="([^"]*event/[^"]*)"', panel(page, "errors"))[0])
    asked = parse_qs(urlsplit(link).query)
    assert asked["range"] == ["6h"]
    assert asked["toolkit"] == ["gmail"]
    assert "composio_tool_call" in asked["event"][0]
    rows = viewer.get(link).context["cl"].result_list
    assert {row.toolkit for row in rows} == {"gmail"}
    assert len(rows) == 2
    group = panel(page, "operations")
    [by_operation] = re.findall(r'href="([^"]*operation=COMPOSIO_SEARCH_TOOLS[^"]*)"', group)
    assert len(viewer.get(html.unescape(by_operation)).context["cl"].result_list) == 2


# --- Files ------------------------------------------------------------------------------------


def file(browser: Client, url: str) -> Any:
    answer = browser.get(url)
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    return answer


def test_files__say_what_the_chart_says(here: Workspace, viewer: Client) -> None:
    calls(here, 30, 10)
    url = f"{BASE}/integration-health/errors"
    told = json.loads(file(viewer, f"{url}.json?range=6h").content)
    assert told["columns"] == ["at", "Failed tool calls"]
    measured = [value for _, value in told["rows"] if value is not None]
    assert measured == [25.0]
    lines = list(csv.reader(io.StringIO(file(viewer, f"{url}.csv?range=6h").content.decode())))
    assert lines[0] == told["columns"]
    assert [(at, float(value) if value else None) for at, value in lines[1:]] == [
        (at, value) for at, value in told["rows"]
    ]
    shown = panel(text(viewer, f"{BASE}/integration-health/?range=6h"), "errors")
    table = shown.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    cells = [words(cell) for cell in re.findall(r"<td>(.*?)</td>", table, re.DOTALL)]
    assert [cell for cell in cells if cell != "—"] == ["25 %"]
    assert len(cells) == len(told["rows"])


def test_files__figures_and_groups(here: Workspace, viewer: Client) -> None:
    calls(here, 30, 10)
    base = f"{BASE}/integration-health"
    groups = json.loads(file(viewer, f"{base}/operations.json").content)
    found = {row[0]: row[1:] for row in groups["rows"]}
    assert set(found) == set(OPERATIONS)
    assert found["COMPOSIO_SEARCH_TOOLS"] == [40.0, 75.0, 25.0]
    assert found["COMPOSIO_REMOTE_BASH_TOOL"] == [None, None, None]
    figures = json.loads(file(viewer, f"{base}/signing-in.json").content)
    assert [row[1] for row in figures["rows"] if row[0] == "OAuth failures"] == [None]


def test_files__no_formulas_of_strangers(here: Workspace, viewer: Client) -> None:
    at = clock.now() - timedelta(hours=1)
    sent = event("composio_tool_call", at=at, status="success", toolkit="=cmd|' /C calc'!A0")
    tell(here, [sent])
    rollups.settle()
    told = file(viewer, f"{BASE}/integration-health/toolkits.csv").content.decode()
    assert "'=cmd" in told
    assert "\n=cmd" not in told


# --- Panels of other apps ---------------------------------------------------------------------


@pytest.fixture
def given() -> Iterator[list[PanelQuestion]]:
    asked: list[PanelQuestion] = []

    def data(question: PanelQuestion) -> PanelAnswer:
        asked.append(question)
        return PanelAnswer(
            chart={"kind": "bar", "title": "Visits", "categories": ["a"], "series": [("n", [3])]},
            columns=["stage", "visits"],
            rows=[["define", 3]],
            verdict=Verdict("attention", "One visit is old."),
        )

    def fail(question: PanelQuestion) -> PanelAnswer:
        raise RuntimeError("not today")

    made = [
        GivenPanel(
            "mission-stages", "stage-rollup", "As the missions stand", "telemetry.view", data
        ),
        GivenPanel("broken", "stage-rollup", "Broken panel", "telemetry.view", fail),
        GivenPanel("secret", "stage-rollup", "Not for all", "telemetry.view_installation", data),
    ]
    for each in made:
        panels.register(each)
    yield asked
    for each in made:
        del panels._entries[each.slug]


def test_given_panel__takes_the_place_of_what_was_missed(
    here: Workspace, viewer: Client, given: list[PanelQuestion]
) -> None:
    page = text(viewer, f"{BASE}/stage-rollup/?range=7d&env=prod")
    shown = words(panel(page, "mission-stages"))
    assert "Not there yet" not in shown
    assert "Off target" in shown
    assert "One visit is old." in shown
    assert given[0].workspace_id == here.pk
    assert given[0].end - given[0].start == timedelta(days=7)
    assert given[0].filters == {"env": ("prod",)}
    told = json.loads(file(viewer, f"{BASE}/stage-rollup/mission-stages.json").content)
    assert told["rows"] == [["define", 3]]


@pytest.mark.usefixtures("given")
def test_given_panel__that_fails_or_is_not_for_this_person(viewer: Client) -> None:
    page = text(viewer, f"{BASE}/stage-rollup/")
    assert "This part can" in words(panel(page, "broken"))
    assert "not today" not in page
    assert "Not for all" not in page
    assert viewer.get(f"{BASE}/stage-rollup/secret.json").status_code == 404


def test_later_panel__says_what_it_waits_for(viewer: Client) -> None:
    shown = words(panel(text(viewer, f"{BASE}/stage-rollup/"), "mission-stages"))
    assert "Not there yet" in shown
    assert "Missions that live in the portal" in shown


# --- Live and fast ----------------------------------------------------------------------------


def test_part__unchanged__304(here: Workspace, viewer: Client) -> None:
    calls(here, 30, 0)
    for url in (f"{BASE}/integration-health/?_part=panels", "/admin/telemetry/?_part=cards"):
        first = viewer.get(url)
        assert "<html" not in first.content.decode()
        again = viewer.get(url, headers={"If-None-Match": first["ETag"]})
        assert again.status_code in {200, 304}
        if again.status_code == 200:  # a minute ended between the two
            again = viewer.get(url, headers={"If-None-Match": again["ETag"]})
        assert again.status_code == 304


@pytest.mark.parametrize("slug", sorted(set(DASHBOARDS) - {"kpi-board"}))
def test_dashboard__warm__at_most_ten_queries(here: Workspace, viewer: Client, slug: str) -> None:
    calls(here, 30, 3)
    text(viewer, f"{BASE}/{slug}/")
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            text(viewer, f"{BASE}/{slug}/")
        counts.append(len([e for e in captured if "SAVEPOINT" not in str(e["sql"])]))
    assert min(counts) <= 10

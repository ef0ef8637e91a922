"""Dashboards: their panels, what they say where nothing is reported, who sees what, files."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.access import services
from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import rollups
from telemetry.catalogue import AGENT_ROLES, OPERATIONS
from telemetry.dashboards import DASHBOARDS
from telemetry.dashboards.drawing import label_of
from telemetry.measures import MEASURES
from telemetry.models import AlertRule, RuleState
from tests import make
from tests.kit import settled
from tests.kit.dashboards import BASE, calls, forget, panel, text, words
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
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
    forget()


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def viewer(here: Workspace) -> Client:
    return make.client(make.person(here, "viewer"))


@settled.once
def operator(here: Workspace) -> Client:
    return make.client(make.person(here, "primary_operator"))


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


def test_overview__a_headline_without_a_trend__does_not_deny_its_value(
    here: Workspace, viewer: Client
) -> None:
    """Completion of stages is computed anew, not drawn over time."""
    at = clock.now() - timedelta(minutes=30)
    names = ("intent_submitted", "composio_discovery", "plan_ranked")
    tell(
        here,
        [event(name, at=at + timedelta(minutes=n), stage=None) for n, name in enumerate(names)],
    )
    rollups.settle()
    page = text(viewer, "/admin/telemetry/")
    card = page[page.index("Stage Rollup</a>") :].split('class="quiet board-foot"')[0]
    head = card[card.index("board-head") :].split("</p>")[0]
    assert "%" in head
    assert "no data" not in head


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

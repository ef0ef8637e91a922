"""What keeps pages quick whatever was reported: few questions, and rare events found by sums."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import measures, rollups
from telemetry.admin import narrowing
from telemetry.dashboards import DASHBOARDS
from telemetry.measures import Measure, Wanted
from telemetry.models import Event, RollupHour, RollupMinute
from tests import make
from tests.kit.dashboards import BASE, calls, forget, text
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
LIST = "/admin/telemetry/event/"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
RARE = "undo_completed"


@pytest.fixture
def here() -> Workspace:
    return make.workspace()


@pytest.fixture
def viewer(here: Workspace) -> Client:
    return make.client(make.person(here, "viewer"))


def listed(browser: Client, query: str) -> list[str]:
    answer = browser.get(f"{LIST}?{query}")
    assert answer.status_code == 200
    return [str(row.pk) for row in answer.context["cl"].result_list]


# --- Dashboards -------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", sorted(DASHBOARDS))
def test_dashboard__nothing_remembered__few_queries(
    here: Workspace, viewer: Client, slug: str
) -> None:
    calls(here, 30, 3)
    text(viewer, f"{BASE}/{slug}/")
    forget()
    with CaptureQueriesContext(connection) as captured:
        text(viewer, f"{BASE}/{slug}/")
    asked = [str(entry["sql"]) for entry in captured if "SAVEPOINT" not in str(entry["sql"])]
    assert sum("telemetry_rollup" in sql for sql in asked) <= 6
    assert sum("telemetry_missionday" in sql for sql in asked) <= 4


def test_together__the_same_as_each_by_itself(here: Workspace) -> None:
    now = clock.now()
    for hours in (1, 5, 23, 24, 25):
        tell(here, [_call(now - hours * HOUR + timedelta(minutes=n), n) for n in (-20, 3, 25)])
    rollups.settle()
    some = [measures.get(f"tool.{name}") for name in ("calls", "error_rate", "p95")]
    start, end = now - DAY, now
    ways = [Wanted("", some, some[:2]), Wanted("toolkit", some[1:], some), Wanted("agent", some)]
    found = measures.read_together(ways, here.pk, start, end)
    for way, told in zip(ways, found, strict=True):
        alone = measures.read_many(way.figures, here.pk, start, end, group_by=way.group_by)
        assert told.figures == alone
        lines = measures.series_many(way.lines, here.pk, start, end, group_by=way.group_by)
        assert {slug: one.groups for slug, one in told.lines.items()} == {
            slug: one.groups for slug, one in lines.items()
        }


def test_together__two_statements(here: Workspace) -> None:
    calls(here, 5, 1)
    now = clock.now()
    some: list[Measure] = [measures.get("tool.error_rate"), measures.get("tool.p95")]
    ways = [Wanted(by, some, some) for by in ("", "toolkit", "agent")]
    with CaptureQueriesContext(connection) as queries:
        measures.read_together(ways, here.pk, now - DAY, now)
    assert len(queries) == 2


def _call(at: object, n: int) -> dict[str, object]:
    context = {"toolkit": ("hubspot", "github")[n % 2], "duration_ms": 100 + 40 * n}
    context["outcome"] = "error" if n == 3 else "success"
    return event(at=at, context=context, agent_name=("executor", "planner")[n % 2])


# --- Rare events ------------------------------------------------------------------------------


def scattered(here: Workspace, days: int) -> list[str]:
    """One rare event a day among others, the newest first."""
    now = clock.now()
    sent = []
    for day in range(days):
        at = now - day * DAY - 2 * HOUR
        tell(here, [event(at=at + timedelta(minutes=n)) for n in (1, 2)])
        one = event(RARE, at=at, context={"duration_ms": 5})
        tell(here, [one])
        sent.append(str(one["event_id"]))
    rollups.settle()
    return sent


def test_rare_event_of_a_month__found_where_the_sums_say(here: Workspace, viewer: Client) -> None:
    sent = scattered(here, 20)
    with CaptureQueriesContext(connection) as captured:
        assert listed(viewer, f"range=30d&event={RARE}") == sent
    first, rest = [str(q["sql"]) for q in captured if 'FROM "telemetry_events"' in str(q["sql"])]
    assert first.count('"occurred_at" <') == 1  # the newest stretch has no end
    assert rest.count('"occurred_at" <') >= 19
    assert listed(viewer, "range=30d&event=stage_nobody_knows") == []


def test_frequent_event_of_a_month__the_newest_are_enough(
    here: Workspace, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry.admin.events.EventAdmin.list_per_page", 1)
    sent = scattered(here, 6)
    with CaptureQueriesContext(connection) as captured:
        assert listed(viewer, f"range=30d&event={RARE}") == sent[:1]
    asked = [str(q["sql"]) for q in captured if 'FROM "telemetry_events"' in str(q["sql"])]
    assert asked[0].count('"occurred_at" <') == 1
    assert len(asked) <= 2


def test_pages_of_a_rare_event__each_once_and_back(
    here: Workspace, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry.admin.events.EventAdmin.list_per_page", 6)
    sent = scattered(here, 14)
    seen, query = [], f"?range=30d&event={RARE}"
    while query:
        shown = viewer.get(f"{LIST}{query}").context["cl"]
        seen += [str(row.pk) for row in shown.result_list]
        query, newer = shown.older, shown.newer
    assert seen == sent
    back = viewer.get(f"{LIST}{newer}").context["cl"].result_list
    assert [str(row.pk) for row in back] == sent[6:12]


def test_not_summed_up_yet__listed(here: Workspace, viewer: Client) -> None:
    sent = scattered(here, 3)
    fresh = event(RARE, context={"duration_ms": 5})
    tell(here, [fresh])
    assert listed(viewer, f"range=30d&event={RARE}") == [str(fresh["event_id"]), *sent]


def test_sums_outlive_events__older_ones_are_found(
    here: Workspace, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry.admin.events.EventAdmin.list_per_page", 4)
    sent = scattered(here, 12)
    Event.objects.filter(pk__in=sent[:6]).delete()
    assert listed(viewer, f"range=30d&event={RARE}") == sent[6:10]


@pytest.mark.parametrize("status", ["error", "warning", "success", "info", "nothing"])
def test_status__by_the_sums(here: Workspace, viewer: Client, status: str) -> None:
    scattered(here, 4)
    known = Event.objects.of(here.pk).filter(status=status).order_by("-occurred_at", "-id")
    expected = [str(pk) for pk in known.values_list("pk", flat=True)]
    assert listed(viewer, f"range=30d&status={status}") == expected


def test_of_elsewhere__not_looked_for(here: Workspace, viewer: Client) -> None:
    scattered(make.workspace(), 3)
    assert listed(viewer, f"range=30d&event={RARE}") == []


def test_many_spans__the_nearest_joined() -> None:
    now = clock.now().replace(second=0, microsecond=0)
    spans = [(now - n * HOUR, now - n * HOUR + timedelta(minutes=1)) for n in range(200)]
    joined = narrowing._joined([*spans, (now - HOUR, None)])
    assert len(joined) <= narrowing._MOST_SPANS
    assert joined[-1][1] is None
    for start, end in spans:
        assert any(a <= start and (b is None or end <= b) for a, b in joined)


def test_grain__minutes_for_an_event_within_their_time(here: Workspace) -> None:
    scattered(here, 2)
    month = clock.now() - 5 * DAY
    for what, table in ((Q(event_type__in=[RARE]), RollupMinute), (Q(agent__in=["x"]), RollupHour)):
        with CaptureQueriesContext(connection) as captured:
            narrowing.spans(what, lambda rows: rows.of(here.pk), month, None, 5, newest=True)
        assert table._meta.db_table in str(captured[-1]["sql"])

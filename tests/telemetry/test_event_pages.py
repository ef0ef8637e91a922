"""Lists and pages of events, of what was refused, of days; the catalogue."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import rollups
from telemetry.catalogue import ALIASES, KINDS
from telemetry.models import Event, Flag, Partition, Refusal
from tests import make
from tests.kit import settled
from tests.kit.dashboards import forget, text, words
from tests.kit.inhabited import HOSTILE
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
LIST = "/admin/telemetry/event/"


@pytest.fixture(autouse=True)
def _no_menus() -> None:
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


def rows(browser: Client, query: str = "range=24h") -> list[Event]:
    answer = browser.get(f"{LIST}?{query}")
    assert answer.status_code == 200, query
    found: list[Event] = list(answer.context["cl"].result_list)
    return found


def page_of(row: Event) -> str:
    return f"{LIST}{row.pk}/change/"


# --- The list ---------------------------------------------------------------------------------


def test_list__the_last_day__more_only_when_asked(here: Workspace, viewer: Client) -> None:
    old = clock.now() - timedelta(days=3)
    tell(here, [event(), event(at=old, correlation_id="req-old")])
    assert viewer.get(LIST)["Location"].endswith("?range=24h")
    assert len(rows(viewer)) == 1
    assert len(rows(viewer, "view=all")) == 1, "without a range the usual one holds"
    assert len(rows(viewer, "range=7d")) == 2
    assert len(rows(viewer, "range=all")) == 2
    assert len(rows(viewer, f"from={old - timedelta(hours=1):%Y-%m-%dT%H:%MZ}")) == 2
    until = old + timedelta(hours=1)
    assert len(rows(viewer, f"from=2026-01-01&to={until:%Y-%m-%dT%H:%MZ}")) == 1


def test_list__asks_only_the_partitions_of_its_time(here: Workspace, viewer: Client) -> None:
    tell(here, [event()])
    rows(viewer)
    with CaptureQueriesContext(connection) as captured:
        rows(viewer)
    asked = next(str(e["sql"]) for e in captured if "telemetry_events" in str(e["sql"]))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    read = set(re.findall(r"telemetry_events_(\d{8})", plan))
    ahead = {f"{clock.now() + timedelta(days=n):%Y%m%d}" for n in range(-1, 12)}
    assert read <= ahead, "yesterday, today and the empty days ahead"


def test_search__by_correlation_mission_and_id__in_all_days(
    here: Workspace, viewer: Client
) -> None:
    old, key = clock.now() - timedelta(days=5), uuid4()
    tell(
        here,
        [
            event(at=old, correlation_id="req-7", mission_id="MIS-9", event_id=str(key)),
            event("intent_submitted", correlation_id="req-8"),
        ],
    )
    for text_typed in ("req-7", "MIS-9", "mis-9", str(key)):
        assert [row.pk for row in rows(viewer, f"q={text_typed}")] == [key], text_typed
    assert [r.event_type for r in rows(viewer, "q=intent+submitted")] == ["intent_submitted"]
    assert rows(viewer, "q=req") == []
    assert rows(viewer, "q=req-7&range=24h") == []


def test_filters__each_narrows__several_values_too(here: Workspace, viewer: Client) -> None:
    good = {"toolkit": "gmail", "action": "send"}
    tell(
        here,
        [
            event("composio_tool_call", status="success", context=good),
            event("composio_tool_call_error", context={**good, "error_code": "429"}),
            event("plan_ranked", agent_name="planner", stage="plan_approve", env="prod"),
            event("tool_router_call", status="success", context={"toolkit": "slack"}),
        ],
    )
    for query, count in (
        ("event=composio_tool_call", 2),
        ("event=tool_router_call", 2),
        ("event=composio_tool_call,plan_ranked", 3),
        ("status=error", 1),
        ("agent=planner", 1),
        ("toolkit=gmail", 2),
        ("toolkit=gmail,slack", 3),
        ("stage=plan_approve", 1),
        ("code=429", 1),
        ("env=prod", 1),
        ("mission=MIS-1", 4),
        ("correlation=req-1", 4),
        ("noticed=alias", 1),
        ("event=nothing_is_called_so", 0),
    ):
        assert len(rows(viewer, f"range=24h&{query}")) == count, query
    page = text(viewer, f"{LIST}?range=24h&toolkit=gmail&status=error")
    assert "Toolkit: gmail" in words(page)
    assert "Status: Error" in words(page)


def test_pages__by_time__no_row_twice(here: Workspace, viewer: Client) -> None:
    at = clock.now() - timedelta(minutes=30)
    tell(here, [event(at=at, correlation_id=f"req-{n}") for n in range(120)])
    first = viewer.get(f"{LIST}?range=24h")
    listed = first.context["cl"]
    seen = [row.pk for row in listed.result_list]
    second = viewer.get(f"{LIST}{listed.older}").context["cl"]
    third = viewer.get(f"{LIST}{second.older}").context["cl"]
    every = seen + [r.pk for r in second.result_list] + [r.pk for r in third.result_list]
    assert len(set(every)) == len(every) == 120
    assert not third.older
    back = viewer.get(f"{LIST}{second.newer}").context["cl"]
    assert [row.pk for row in back.result_list] == seen
    assert "50 or more" in first.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "range=none",
        "before=x~y",
        "before=2026-01-01T00:00:00~no",
        "after=%27%22",
        "from=1&to=2",
        "q=%27%22%3Cscript%3E",
        "event=" + "a," * 500,
        "noticed=9",
        "about=everybody",
        "about=installation",
        "p=99999999",
        "from=9999-12-31T23:59:59%2B00:00",
    ],
)
def test_hostile_address__a_page(here: Workspace, viewer: Client, query: str) -> None:
    tell(here, [event()])
    assert viewer.get(f"{LIST}?{query}").status_code in {200, 302}


def test_columns_nobody_declared__not_asked(here: Workspace, viewer: Client) -> None:
    assert viewer.get(f"{LIST}?user_ref__startswith=a").status_code in {302, 400}
    assert viewer.get(f"{LIST}?context__contains=a").status_code in {302, 400}


def test_list__of_ones_own_workspace__the_installation_for_those_who_may(
    here: Workspace, viewer: Client, operator: Client
) -> None:
    there = make.workspace()
    tell(there, [event(correlation_id="req-theirs")])
    tell(None, [event("gauge_reported", correlation_id="req-portal", mission_id=None)])
    theirs = Event.objects.get(correlation_id="req-theirs")
    portals = Event.objects.get(correlation_id="req-portal")
    for browser in (viewer, operator):
        assert rows(browser) == []
        assert rows(browser, "q=req-theirs") == []
        assert browser.get(page_of(theirs)).status_code == 404
    assert rows(viewer, "range=24h&about=installation") == []
    assert viewer.get(page_of(portals)).status_code == 404
    assert [row.pk for row in rows(operator, "range=24h&about=installation")] == [portals.pk]
    assert operator.get(page_of(portals)).status_code == 200


def test_list__warm__at_most_ten_queries(here: Workspace, viewer: Client) -> None:
    tell(here, [event(correlation_id=f"req-{n}") for n in range(60)])
    rollups.settle()
    rows(viewer)
    for query in ("range=24h", "range=24h&status=error&agent=executor", "q=req-3"):
        with CaptureQueriesContext(connection) as captured:
            rows(viewer, query)
        asked = [str(e["sql"]) for e in captured if "SAVEPOINT" not in str(e["sql"])]
        assert len(asked) <= 10, "\n".join(asked)


# --- One event --------------------------------------------------------------------------------


def test_page__everything_it_said__what_was_noticed__its_neighbours(
    here: Workspace, viewer: Client
) -> None:
    at = clock.now() - timedelta(minutes=2)
    secret = {"toolkit": "gmail", "note": "write to ada@example.org", "meta_tool": "NOT_ONE"}
    tell(
        here,
        [
            event("tool_router_call", at=at, context=secret, duration_ms=420, status="success"),
            event("plan_selected", at=at - timedelta(seconds=9)),
            event("plan_selected", correlation_id="another"),
        ],
    )
    row = Event.objects.get(event_type="composio_tool_call")
    page = text(viewer, page_of(row))
    told = words(page)
    assert "ada@example.org" not in page
    assert "***redacted***" in page
    assert "Redacted before it was stored: 1 × " in told
    assert "Sent under an old name." in told
    assert "An unknown operation of the Tool Router." in told
    assert "420 ms" in told
    assert "tool_router_call" in told
    lanes = page.split('id="event-neighbours"', 1)[1].split("</section>", 1)[0]
    assert words(lanes).count("Plan selected") >= 1
    other = Event.objects.get(event_type="plan_selected", correlation_id="req-1")
    assert page_of(other) in lanes
    assert str(Event.objects.get(correlation_id="another").pk) not in lanes


def test_page__flags_are_sentences() -> None:
    from telemetry.shown.words import flag_short, flag_words

    every = sum(Flag.values)
    assert len(flag_words(every)) == len(flag_short(every)) == len(Flag)
    assert flag_words(0) == []


def test_page__what_strangers_wrote_is_text(here: Workspace, viewer: Client) -> None:
    sent = event("composio_tool_call", message=HOSTILE, context={"action": HOSTILE})
    tell(here, [{**sent, "mission_id": HOSTILE[:60], "bd_issue": "bd-1", "toolkit": HOSTILE[:50]}])
    row = Event.objects.get()
    for url in (
        page_of(row),
        f"{LIST}?range=24h",
        f"{LIST}?range=24h&mission={quote(HOSTILE[:60])}",
    ):
        page = text(viewer, url)
        assert "<img src=x" not in page
        assert 'href="javascript:' not in page


def test_page__no_such_event__404(viewer: Client) -> None:
    for key in (str(uuid4()), "1", "nothing", "0" * 32):
        assert viewer.get(f"{LIST}{key}/change/").status_code == 404


# --- Refused, days, catalogue -----------------------------------------------------------------


def test_refused__counted_by_sender_and_reason__on_the_home_page(
    here: Workspace, viewer: Client
) -> None:
    ahead = clock.now() + timedelta(days=9)
    tell(here, [event(at=ahead), event(at=ahead)])
    tell(make.workspace(), [event("their_secret_event", at=ahead)])
    page = text(viewer, "/admin/telemetry/refusal/?range=24h")
    assert "From the future" in page
    assert "their_secret" not in page.lower()
    [row] = viewer.get("/admin/telemetry/refusal/?range=24h").context["cl"].result_list
    assert row.total == 2
    assert "2 events of" in words(text(viewer, "/admin/"))
    theirs = Refusal.objects.exclude(workspace=here).get()
    assert viewer.get(f"/admin/telemetry/refusal/{theirs.pk}/change/").status_code == 404
    own = text(viewer, f"/admin/telemetry/refusal/{row.pk}/change/")
    assert "in the future" in own


def test_days__ahead_and_sizes__only_for_those_who_may(viewer: Client, operator: Client) -> None:
    assert viewer.get("/admin/telemetry/partition/").status_code == 403
    page = text(operator, "/admin/telemetry/partition/")
    told = words(page)
    assert "Days made ahead" in told
    assert 'class="chart-bar' in page
    day = Partition.objects.get(day=clock.now().date())
    assert "Open" in text(operator, f"/admin/telemetry/partition/{day.pk}/change/")


def test_days__none_for_today__said_loudly(operator: Client) -> None:
    Partition.objects.filter(day__gte=clock.now().date()).update(state="sealed")
    assert "Events are refused" in words(text(operator, "/admin/telemetry/partition/"))


def test_catalogue__every_event__how_often_and_its_old_names(
    here: Workspace, viewer: Client
) -> None:
    tell(here, [event("composio_tool_call", count=7), event("nobody_knows_this")])
    tell(make.workspace(), [event("plan_ranked", count=4321)])
    rollups.settle()
    page = text(viewer, "/admin/telemetry/catalogue/")
    for name in KINDS:
        assert f'id="{name}"' in page
    for alias in ALIASES:
        assert alias in page
    told = words(page)
    assert "7 in 30 days" in told
    assert "4,321" not in told
    assert "nobody_knows_this" in told
    found = text(viewer, "/admin/telemetry/catalogue/?q=hash_ms")
    assert "evidence_bundle_generated" in found
    assert 'id="plan_ranked"' not in found
    assert viewer.get("/admin/telemetry/catalogue/?q=%27%22%3C&stage=no").status_code == 200


def test_palette__dashboards_and_events_by_name(viewer: Client) -> None:
    def hits(typed: str) -> set[str]:
        found = viewer.get("/admin/go/", {"q": typed, "format": "json"}).json()["hits"]
        return {hit["url"] for hit in found}

    assert "/admin/telemetry/dashboards/system-health/" in hits("dash health")
    assert "/admin/telemetry/dashboards/thread-health/" in hits("dash health")
    assert f"{LIST}?range=24h&event=undo_requested" in hits("undo requested")
    assert f"{LIST}?range=24h&event=undo_requested" in hits("rollback_triggered")

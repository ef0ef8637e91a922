"""The console's pages: who sees what, which rows, and that only services write."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base import signals
from controlplane.base.admin.changelist import COUNT_CAP
from controlplane.base.models import Signal
from controlplane.jobs import leases
from tests import make
from tests.kit import settled

LIST = "/admin/base/signal/"
HOSTILE = "<script>alert(1)</script>\"'&"


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def operator(here: Workspace) -> User:
    return make.person(here, "primary_operator")


@settled.once
def browser(operator: User) -> Client:
    return make.client(operator)


@settled.once
def stranger() -> Client:
    return make.client(make.person(make.workspace(), "primary_operator"))


@pytest.fixture
def signal(here: Workspace) -> Signal:
    signals.emit("tests.kind", key=f"first {HOSTILE}", workspace_id=here.pk)
    Signal.objects.update(state=leases.DEAD, attempts=8, last_error=HOSTILE)
    return Signal.objects.get()


def page_of(signal: Signal, tail: str = "change") -> str:
    return f"{LIST}{signal.pk}/{tail}/"


# --- Who, and which rows ----------------------------------------------------------------------


def test_list__own_rows__shown_escaped(browser: Client, signal: Signal) -> None:
    answer = browser.get(f"{LIST}?view=all")
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "first &lt;script&gt;" in text
    assert "<script>alert" not in text


def test_list_and_page__other_workspace__not_there(stranger: Client, signal: Signal) -> None:
    assert "tests.kind" not in stranger.get(f"{LIST}?view=all").content.decode()
    for tail in ("change", "history", "do/replay", "delete"):
        assert stranger.get(page_of(signal, tail)).status_code in {403, 404}
    assert stranger.post(page_of(signal, "do/replay"), {"reason": "mine"}).status_code == 404
    assert Signal.objects.get().state == leases.DEAD


def test_list__role_without_the_action__refused_and_recorded(
    here: Workspace, signal: Signal
) -> None:
    legal = make.client(make.person(here, "legal"))
    answer = legal.get(f"{LIST}?view=all")
    assert answer.status_code == 403
    assert "needs" in answer.content.decode()
    denied = AuditEvent.objects.get(outcome="denied", action="signal.view")
    assert denied.subject_ref == "base.signal:*"
    assert "base/signal" not in legal.get("/admin/").content.decode()


def test_page__no_such_row__404(browser: Client) -> None:
    for key in ("999999", "abc", "9" * 30, "_00"):
        assert browser.get(f"{LIST}{key}/change/").status_code == 404


def test_forms__nobody_may_add_change_delete(browser: Client, signal: Signal) -> None:
    for url in (f"{LIST}add/", page_of(signal, "delete")):
        assert browser.get(url).status_code == 403
    assert browser.post(page_of(signal), {"key": "mine"}).status_code == 403
    assert Signal.objects.get().key == signal.key


def test_form_nobody_has__says_so_not_the_role_that_sees_the_list(
    browser: Client, signal: Signal
) -> None:
    answer = browser.get(f"{LIST}add/")
    assert answer.status_code == 403
    assert "Nobody may add this here." in answer.content.decode()
    event = AuditEvent.objects.filter(outcome="denied").latest("id")
    assert event.reason == "Nobody may add this here."


@pytest.mark.parametrize("part", ["row", "head", "list", "x"])
def test_form_for_a_new_row__has_no_parts(here: Workspace, part: str) -> None:
    admin = make.client(make.person(here, "workspace_admin"))
    answer = admin.get(f"/admin/notify/channel/add/?_part={part}")
    assert answer.status_code == 200
    assert "<h1>" in answer.content.decode()


def test_filter__offers_only_rows_one_may_see(
    browser: Client, here: Workspace, signal: Signal
) -> None:
    Workspace.objects.create(slug="theirs", name="Their secret project")
    assert "Their secret project" not in browser.get(f"{LIST}?view=all").content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "payload__x=1",
        "key__startswith=f",
        "workspace__slug__startswith=a",
        "last_error__regex=(a%2B)%2B$",
    ],
)
def test_lookup__not_declared__refused(browser: Client, signal: Signal, query: str) -> None:
    assert browser.get(f"{LIST}?{query}").status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "state=%00",
        "o=99",
        "o=a.b.-",
        "p=99999999999999999999",
        "p=-1",
        "before=99999999999999999999",
        "before=abc",
        "after=%F0%28%8C%28",
        "q=" + "a%20" * 500,
        "state=%ED%A0%80",
        "workspace__id__exact=abc",
        "workspace__id__exact=99999999999999999999999",
        "_to_field=password",
        "e=1",
    ],
)
def test_query_string__hostile__never_500(browser: Client, signal: Signal, query: str) -> None:
    assert browser.get(f"{LIST}?{query}").status_code in {200, 302, 400}


# --- Buttons ----------------------------------------------------------------------------------


def test_page__buttons_drawn__refused_ones_with_the_reason(browser: Client, signal: Signal) -> None:
    assert "Replay…" in browser.get(page_of(signal)).content.decode()
    Signal.objects.update(state=leases.DONE)
    text = browser.get(page_of(signal)).content.decode()
    assert "only a dead signal is replayed" in text
    assert "disabled" in text


def test_button__asks_then_calls_the_service(browser: Client, signal: Signal) -> None:
    question = browser.get(page_of(signal, "do/replay"))
    assert 'name="reason"' in question.content.decode()
    assert browser.post(page_of(signal, "do/replay"), {"reason": " "}).status_code == 200
    assert Signal.objects.get().state == leases.DEAD
    answer = browser.post(page_of(signal, "do/replay"), {"reason": "fixed"}, follow=True)
    assert "waiting again" in answer.content.decode()
    assert Signal.objects.get().state == leases.WAITING
    event = AuditEvent.objects.get(action="signal.replay")
    assert (event.reason, event.source) == ("fixed", "console")
    assert not LogEntry.objects.exists()


def test_button__state_refuses__said_and_not_done(browser: Client, signal: Signal) -> None:
    Signal.objects.update(state=leases.DONE)
    answer = browser.post(page_of(signal, "do/replay"), {"reason": "again"}, follow=True)
    assert "only a dead signal is replayed" in answer.content.decode()
    assert Signal.objects.get().state == leases.DONE


def test_button__without_the_right__403_and_recorded(here: Workspace, signal: Signal) -> None:
    compliance = make.client(make.person(here, "compliance"))
    assert "disabled" in compliance.get(page_of(signal)).content.decode()
    answer = compliance.post(page_of(signal, "do/replay"), {"reason": "mine"})
    assert answer.status_code == 403
    assert AuditEvent.objects.filter(action="signal.replay", outcome="denied").exists()
    assert Signal.objects.get().state == leases.DEAD


def test_button__without_csrf_token__refused(operator: User, signal: Signal) -> None:
    browser = make.client(operator)
    browser.handler.enforce_csrf_checks = True
    answer = browser.post(page_of(signal, "do/replay"), {"reason": "x"})
    assert answer.status_code == 403
    assert "form has expired" in answer.content.decode()


def test_button__unknown__404(browser: Client, signal: Signal) -> None:
    assert browser.post(page_of(signal, "do/delete_model")).status_code == 404


def test_list_button__by_post_only(here: Workspace) -> None:
    admin = make.client(make.root_of(here, "workspace_admin"))
    url = "/admin/base/retentionrun/do/dry_run/"
    asked = admin.get(url)
    assert asked.status_code == 200
    assert 'method="post"' in asked.content.decode()
    answer = admin.post(url, follow=True)
    assert "Would delete" in answer.content.decode()
    assert answer.redirect_chain[-1][0].endswith("?dry_run__exact=1")  # what it counted is there


# --- A selection ------------------------------------------------------------------------------


def bulk(browser: Client, *keys: object, reason: str = "fixed") -> str:
    data = {"action": "replay_selected", "_selected_action": keys, "index": 0, "reason": reason}
    return browser.post(LIST, data, follow=True).content.decode()


def test_bulk__each_row_by_the_service__report_names_the_refused(
    browser: Client, here: Workspace, signal: Signal
) -> None:
    signals.emit("tests.kind", key="second", workspace_id=here.pk)
    text = bulk(browser, *Signal.objects.values_list("pk", flat=True))
    assert "1 done" in text
    assert "1 refused. tests.kind second: Only a dead signal" in text
    assert Signal.objects.get(pk=signal.pk).state == leases.WAITING


def test_bulk__without_reason__nothing(browser: Client, signal: Signal) -> None:
    assert "needs a reason" in bulk(browser, signal.pk, reason="")
    assert Signal.objects.get().state == leases.DEAD


def test_bulk__others_rows__untouched(stranger: Client, signal: Signal) -> None:
    bulk(stranger, signal.pk)
    assert Signal.objects.get().state == leases.DEAD


@pytest.mark.parametrize("key", ["abc", "9" * 30, "1;drop"])
def test_bulk__garbage_as_key__400(browser: Client, signal: Signal, key: str) -> None:
    data = {"action": "replay_selected", "_selected_action": key, "index": 0}
    assert browser.post(LIST, data).status_code == 400


def test_bulk__role_without_the_right__not_offered_and_not_done(
    here: Workspace, signal: Signal
) -> None:
    compliance = make.client(make.person(here, "compliance"))
    assert "replay_selected" not in compliance.get(f"{LIST}?view=all").content.decode()
    bulk(compliance, signal.pk)
    assert Signal.objects.get().state == leases.DEAD


def test_site__stock_log_is_never_written_and_rows_are_never_deleted_in_bulk(
    browser: Client, signal: Signal
) -> None:
    assert "delete_selected" not in browser.get(f"{LIST}?view=all").content.decode()
    assert not LogEntry.objects.exists()


# --- Trail ------------------------------------------------------------------------------------


def test_trail__events_about_the_row_only(browser: Client, here: Workspace, signal: Signal) -> None:
    browser.post(page_of(signal, "do/replay"), {"reason": f"because {HOSTILE}"})
    answer = browser.get(page_of(signal, "history"))
    text = answer.content.decode()
    assert "replayed the signal" in text
    assert "because &lt;script&gt;" in text
    assert "<script>alert" not in text


# --- Size -------------------------------------------------------------------------------------


def fill(here: Workspace, number: int) -> None:
    Signal.objects.bulk_create(
        Signal(kind="tests.many", key=str(n), workspace=here) for n in range(number)
    )


def test_pages_by_key__newer_and_older_meet(browser: Client, here: Workspace) -> None:
    fill(here, 120)
    first = browser.get(f"{LIST}?view=all").context["cl"]
    assert [row.key for row in first.result_list][:2] == ["119", "118"]
    assert first.newer == ""
    second = browser.get(LIST + first.older).context["cl"]
    assert second.result_list[0].key == "69"
    last = browser.get(LIST + second.older).context["cl"]
    assert len(last.result_list) == 20
    assert last.older == ""
    back = browser.get(LIST + last.newer).context["cl"]
    assert [r.pk for r in back.result_list] == [r.pk for r in second.result_list]


def test_filter_asked_on_an_older_page__begins_at_the_top(browser: Client, here: Workspace) -> None:
    fill(here, 120)
    first = browser.get(f"{LIST}?view=all").context["cl"]
    older = browser.get(LIST + first.older)
    listed = older.context["cl"]
    links = [
        choice["query_string"] for spec in listed.filter_specs for choice in spec.choices(listed)
    ]
    assert links
    assert not [link for link in links if "before" in link or "after" in link]
    assert 'name="before"' not in older.content.decode()


def test_tab__stays_current_on_an_older_page(browser: Client, here: Workspace) -> None:
    fill(here, 120)
    first = browser.get(f"{LIST}?view=all").context
    older = browser.get(LIST + first["cl"].older).context
    assert [tab["label"] for tab in older["tabs"] if tab["current"]] == ["All"]


def test_search_chip__removed__keeps_the_other_filters(browser: Client, here: Workspace) -> None:
    fill(here, 3)
    page = browser.get(f"{LIST}?state__exact=waiting&q=nothing").content.decode()
    assert 'class="chip-link" href="?state__exact=waiting"' in page


def test_count__beyond_the_cap__says_more_than(
    browser: Client, here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COUNT_CAP.env_name, "100")
    fill(here, 150)
    assert "more than 100" in browser.get(f"{LIST}?view=all").content.decode()


def test_list__query_count_does_not_grow_with_rows(browser: Client, here: Workspace) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"{LIST}?view=all").status_code == 200
        return len(captured)

    fill(here, 5)
    browser.get(f"{LIST}?view=all")  # counts beside the navigation are remembered for a while
    few = queries()
    Signal.objects.all().delete()
    fill(here, 50)
    assert queries() == few
    assert few <= 10


# --- Plans ------------------------------------------------------------------------------------


@pytest.mark.servers
def test_big_list__page_by_key_is_read_from_an_index(browser: Client, here: Workspace) -> None:
    fill(here, 3000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE base_signal")
    rows = Signal.objects.all().visible_to(make.actor(make.person(here, "primary_operator")))
    page = rows.filter(workspace=here, pk__lt=Signal.objects.latest("pk").pk).order_by("-pk")[:51]
    plan = page.explain()
    assert "Index Scan" in plan
    assert "Seq Scan" not in plan
    assert "Sort" not in plan


@pytest.mark.servers
def test_drain__claims_from_the_partial_index(here: Workspace) -> None:
    fill(here, 3000)
    Signal.objects.update(state=leases.DONE)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE base_signal")
    due = Signal.objects.filter(state__in=leases.OPEN, ready_at__lte=Now())
    assert "signal_ready" in due.order_by("ready_at", "pk")[:20].explain()

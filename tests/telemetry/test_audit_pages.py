"""Audits and gaps in the console: who may ask, sign and see; what leads where; nonsense asked."""

from __future__ import annotations

import html
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.jobs.models import JobRun
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from telemetry import audits, rollups
from telemetry.audits import asking
from telemetry.audits.kinds import RULES
from telemetry.models import AuditRun, Gap
from tests import make
from tests.kit import settled
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db

RUNS = "/admin/telemetry/auditrun/"
GAPS = "/admin/telemetry/gap/"
NOW = "/admin/telemetry/auditrun/now/"


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def analyst(here: Workspace) -> User:
    return make.person(here, "telemetry_analyst")


@settled.once
def browser(analyst: User) -> Client:
    return make.client(analyst)


def told(workspace: Workspace) -> None:
    """Something that no rule of the catalogue knows, and a stage that lacks most of its events."""
    context = {"toolkit": "hubspot", "action": "x", "duration_ms": 12, "outcome": "success"}
    said = [event("no_such_thing"), event("composio_tool_call", context=context)]
    receipt = tell(workspace, said)
    assert receipt.accepted == 2, receipt.verdicts
    rollups.settle()


@pytest.fixture
def run(here: Workspace) -> AuditRun:
    told(here)
    return audits.audit(here, actor=make.JOB)


def page_of(row: AuditRun | Gap) -> str:
    return reverse(f"admin:telemetry_{row._meta.model_name}_change", args=(row.uid,))


def sign_of(run: AuditRun) -> str:
    return reverse("admin:telemetry_auditrun_button", args=(run.uid, "sign"))


def main(client: Client, url: str, **query: Any) -> str:
    answer = client.get(url, query)
    assert answer.status_code == 200, (url, answer.status_code)
    return answer.content.decode().split("<main", 1)[1]


# --- Pages ------------------------------------------------------------------------------------


def test_run__says_all_thirteen_rules_in_words(browser: Client, run: AuditRun) -> None:
    page = main(browser, page_of(run))
    for number in range(1, 14):
        assert f'audit-code">T{number}<' in page
    assert "no_such_thing is no event of the catalogue" in page
    assert "Not applicable yet" in page
    assert "Open gaps keep the next deployment" in page


def test_run__leads_to_the_events_of_a_gap(browser: Client, run: AuditRun) -> None:
    page = main(browser, page_of(run))
    link = next(
        part.split('"', 1)[0].replace("&amp;", "&")
        for part in page.split('href="')
        if part.startswith("/admin/telemetry/event/") and "no_such_thing" in part.split('"')[0]
    )
    assert "noticed=unknown" in link
    listed = main(browser, link)
    assert "No such thing" in listed
    assert "Composio tool call" not in listed.split('id="result_list"', 1)[1]


def test_gap__its_item_its_audits_and_what_it_blocks(browser: Client, run: AuditRun) -> None:
    gap = Gap.objects.get(workspace=run.workspace, about="no_such_thing")
    page = main(browser, page_of(gap))
    assert "It blocks the next deployment" in page
    assert gap.item in page
    assert page_of(run) in page
    item = Item.objects.get(workspace=run.workspace, key=gap.item)
    assert page_of(gap) in main(browser, reverse("admin:work_item_change", args=(item.uid,)))


def test_gap__closed_one_blocks_nothing(browser: Client, run: AuditRun) -> None:
    Gap.objects.update(status="closed", closed_at=clock.now())
    gap = Gap.objects.get(workspace=run.workspace, about="no_such_thing")
    page = main(browser, page_of(gap))
    assert "blocks the next" not in page
    assert "no longer found it" in page


def test_empty__teaches(browser: Client) -> None:
    page = main(browser, RUNS, view="all")
    assert "Never audited" in page
    assert NOW in page
    assert "No gap is open." in main(browser, GAPS, status__exact="open")


def test_lists__at_most_ten_queries(browser: Client, run: AuditRun) -> None:
    for url in (f"{RUNS}?view=all", f"{GAPS}?view=all"):
        browser.get(url)
        with CaptureQueriesContext(connection) as captured:
            browser.get(url)
        asked = [each["sql"] for each in captured if "SAVEPOINT" not in each["sql"]]
        assert len(asked) <= 12, "\n".join(asked)  # two of them are the session's and the shell's


def test_home__gaps_for_those_who_mend_them(here: Workspace, run: AuditRun) -> None:
    shown = main(make.client(make.person(here, "telemetry_analyst")), "/admin/")
    assert "no_such_thing" in shown
    assert f"T1: {RULES['T1'].title}" in html.unescape(shown), "the rule in words, not its code"
    assert "T1 no_such_thing" not in main(make.client(make.person(here, "legal")), "/admin/")


# --- Asking -----------------------------------------------------------------------------------


def test_audit_now__makes_a_run_and_shows_it(browser: Client, here: Workspace) -> None:
    told(here)
    answer = browser.post(NOW, {"mode": "check", "since": "24h"})
    run = AuditRun.objects.get(workspace=here)
    assert answer.status_code == 302
    assert answer["Location"] == page_of(run)
    assert run.until - run.since == pytest.approx(timedelta(hours=24), abs=timedelta(minutes=1))


@pytest.mark.parametrize(
    "sent",
    [
        {"mode": "report me"},
        {"mode": "check", "since": "yesterday"},
        {"mode": "check", "since": "1999-01-01"},
        {"mode": "check", "since": "2190-01-01"},
        {"mode": "", "since": "\x00"},
    ],
)
def test_audit_now__nonsense_is_said_and_nothing_made(
    browser: Client, here: Workspace, sent: dict[str, str]
) -> None:
    answer = browser.post(NOW, sent)
    assert answer.status_code in {400, 422}
    assert not AuditRun.objects.exists()


def test_audit_now__not_for_a_viewer(here: Workspace) -> None:
    viewer = make.client(make.person(here, "viewer"))
    assert viewer.get(NOW).status_code == 403
    assert viewer.post(NOW, {"mode": "check"}).status_code == 403
    page = main(viewer, RUNS, view="all")
    assert "disabled" in page
    assert f'href="{NOW}"' not in page
    assert not AuditRun.objects.exists()


def test_audit_now__too_much_for_a_page(
    here: Workspace, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Superusers get the job of all workspaces and its progress; others are told what to do."""
    monkeypatch.setattr(asking, "about", lambda *_: 10**9)
    answer = browser.post(NOW, {"mode": "check"})
    assert answer.status_code == 422
    assert "audit_telemetry" in answer.content.decode()
    operator = make.client(make.person(here, "primary_operator"))
    assert operator.post(NOW, {"mode": "check"}).status_code == 422
    root = make.client(make.root_of(here, "primary_operator"))
    answer = root.post(NOW, {"mode": "check"})
    assert answer.status_code == 302
    started = JobRun.objects.get(name="telemetry.audit")
    assert str(started.uid) in answer["Location"]
    assert not AuditRun.objects.exists()


def test_gap__audited_again(browser: Client, run: AuditRun) -> None:
    gap = Gap.objects.get(workspace=run.workspace, about="no_such_thing")
    url = reverse("admin:telemetry_gap_button", args=(gap.uid, "look_again"))
    assert "found it again" in browser.post(url, follow=True).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_events WHERE event_type = 'no_such_thing'")
    assert "it is closed" in browser.post(url, follow=True).content.decode()


# --- Signing ----------------------------------------------------------------------------------


def test_sign__once_with_a_note(browser: Client, run: AuditRun, analyst: User) -> None:
    assert browser.post(sign_of(run), {"reason": "Read, bd-1 has it."}).status_code == 302
    run.refresh_from_db()
    assert run.note == "Read, bd-1 has it."
    assert str(analyst.pk) in run.signed_by
    page = main(browser, page_of(run))
    assert "Read, " in page
    assert analyst.name in page
    again = browser.post(sign_of(run), {"reason": "Twice"}, follow=True).content.decode()
    assert "signed already" in again
    run.refresh_from_db()
    assert run.note == "Read, bd-1 has it."


def test_sign__needs_a_note(browser: Client, run: AuditRun) -> None:
    browser.post(sign_of(run), {"reason": " "})
    run.refresh_from_db()
    assert run.signed_at is None


@pytest.mark.parametrize("role", ["viewer", "primary_operator", "workspace_admin"])
def test_sign__the_analysts_alone(here: Workspace, run: AuditRun, role: str) -> None:
    other = make.client(make.person(here, role))
    assert other.post(sign_of(run), {"reason": "Fine."}).status_code == 403
    run.refresh_from_db()
    assert run.signed_at is None
    head = main(other, page_of(run)).split('aria-label="Facts"')[0]
    assert f'action="{sign_of(run)}"' not in head


# --- Files and strangers ----------------------------------------------------------------------


def test_files__markdown_and_json(browser: Client, run: AuditRun) -> None:
    text = browser.get(reverse("telemetry:audit_file", args=(run.uid, "md")))
    assert text["Content-Disposition"].startswith("attachment")
    assert "# Telemetry audit of" in text.content.decode()
    data = json.loads(browser.get(reverse("telemetry:audit_file", args=(run.uid, "json"))).content)
    assert data["uid"] == str(run.uid)
    assert browser.get(f"{RUNS}{run.uid}.exe").status_code == 404
    assert browser.get(f"{RUNS}{uuid7()}.md").status_code == 404


def test_stranger__sees_none_of_it(run: AuditRun) -> None:
    stranger = make.client(make.person(make.workspace(), "telemetry_analyst"))
    gap = Gap.objects.filter(workspace=run.workspace).earliest("id")
    for url in (
        page_of(run), page_of(gap), reverse("telemetry:audit_file", args=(run.uid, "md")),
    ):  # fmt: skip
        assert stranger.get(url).status_code == 404
    assert stranger.post(sign_of(run), {"reason": "Fine."}).status_code == 404
    assert "no_such_thing" not in main(stranger, GAPS, view="all")
    assert Client().get(NOW).status_code in {302, 403}


@pytest.mark.parametrize(
    "query", ["result__exact=no", "signed=maybe", "rule=%27%22", "q=%00", "p=99", "mode__exact=x"]
)
def test_lists__nonsense_in_the_address__no_error(
    browser: Client, run: AuditRun, query: str
) -> None:
    for url in (RUNS, GAPS):
        assert browser.get(f"{url}?{query}").status_code < 500

"""Decisions and checks of all incidents: listed, narrowed down, searched, taken along as a file."""

from __future__ import annotations

import pytest
from django.test import Client

from incidents.models import Check, Decision
from incidents.response import checks, deciding
from tests import make
from tests.kit import settled
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db
DECISIONS, CHECKS = "/admin/incidents/decision/", "/admin/incidents/check/"


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    actor = room.by(room.lead)
    grave, mild = room.quiet("sev1", title="All is out"), room.quiet("sev3", title="It is slow")
    deciding.decide(grave, actor=actor, text="Sell on paper", why="The till is out.")
    deciding.decide(mild, actor=actor, text="Wait until Monday")
    checks.note_check(grave, "flows", "failed", actor=actor, remark="Nobody can pay.")
    checks.note_check(mild, "database", "ok", actor=actor)
    return room


@settled.once
def browser(room: Watchroom) -> Client:
    return make.client(room.lead)


def text(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_lists__tell_of_all_incidents(browser: Client) -> None:
    decided, looked = text(browser, DECISIONS), text(browser, CHECKS)
    assert "Sell on paper" in decided
    assert "Wait until Monday" in decided
    assert "Critical flows work" in looked
    assert "The database is sound" in looked


@pytest.mark.parametrize(
    ("path", "there", "gone"),
    [
        (f"{DECISIONS}?severity=sev1", "Sell on paper", "Wait until Monday"),
        (f"{DECISIONS}?q=Monday", "Wait until Monday", "Sell on paper"),
        (f"{CHECKS}?outcome__exact=failed", "Nobody can pay.", "<td>The database is sound"),
        (f"{CHECKS}?severity=sev3", "It is slow", "Nobody can pay."),
        (f"{CHECKS}?slug=flows", "Nobody can pay.", "It is slow"),
    ],
)
def test_lists__are_narrowed_down(browser: Client, path: str, there: str, gone: str) -> None:
    shown = text(browser, path)
    assert there in shown
    assert gone not in shown


def test_rows__have_a_page_of_their_own(browser: Client) -> None:
    decision, look = Decision.objects.latest("pk"), Check.objects.get(slug="flows")
    assert "Wait until Monday" in text(browser, f"{DECISIONS}{decision.uid}/change/")
    assert "Critical flows work" in text(browser, f"{CHECKS}{look.uid}/change/")


def test_stranger__sees_none_of_them(room: Watchroom) -> None:
    other = make.client(Watchroom().lead)
    assert "Sell on paper" not in text(other, DECISIONS)
    assert "Nobody can pay." not in text(other, CHECKS)
    row = Decision.objects.latest("pk")
    assert other.get(f"{DECISIONS}{row.uid}/change/").status_code in {302, 404}
    assert Client().get(CHECKS).status_code == 302

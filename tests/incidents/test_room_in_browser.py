"""The room in two real windows, each with somebody of their own: both follow, nothing that is typed
is lost, and whoever comes second is told so plainly. And a game day, played to its score."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.support.select import Select

from controlplane.access.models import User
from controlplane.catalog import services
from incidents.gamedays import script
from incidents.models import Drill, Incident, IncidentReview
from incidents.records import moving
from tests import make
from tests.kit import catalog
from tests.kit.browser import MISSING, NARROW, WIDE, Browser
from tests.kit.incidents import Watchroom

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]  # fmt: skip
# The script asks for news when the page is looked at again; a test doesn't wait for its turn.
LOOKS = ("Critical flows work", "Figures are back at their baseline", "Missions run through",
         "Trust signals hold", "The database is sound")  # fmt: skip
LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'));"


@pytest.fixture
def room(transactional_db: None) -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


@pytest.fixture
def other(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """Another window, of another person."""
    found = Browser(tmp_path / "other")
    found.begin(browser.base)
    yield found
    found.quit()


class Screen:
    """The room on somebody's screen."""

    def __init__(self, browser: Browser, person: User, row: Incident) -> None:
        self.browser, self.row = browser, row
        browser.sign_in(make.client(person))
        self.home()

    @property
    def page(self) -> str:
        return f"/admin/incidents/incident/{self.row.pk}/change/"

    def home(self) -> None:
        self.browser.open(self.page)

    def sees(self, words: str) -> None:
        """By itself; while something is typed or pointed at, it is offered first."""

        def there() -> bool:
            self.browser.js(LOOK_AGAIN)
            for offered in self.browser.all(".news-ready"):
                offered.click()
            return words in self.browser.text("main")

        self.browser.until(there, lambda: f"{words!r} is not in {self.browser.text('main')}")

    def type(self, selector: str, words: str) -> None:
        self.browser.find(selector).send_keys(words)

    def typed(self, selector: str) -> str:
        return str(self.browser.find(selector).get_attribute("value"))

    def press(self, words: str) -> None:
        """A button or a link by what it says."""
        self.browser.js(
            "const all = [...document.querySelectorAll('main button, main a.button')];"
            "const said = (one) => one.textContent.replace(/\\s+/g, ' ').trim();"
            "(all.find((one) => said(one) === arguments[0])"
            " || all.find((one) => said(one).startsWith(arguments[0]))).click();",
            words,
        )

    def go(self, slug: str) -> None:
        """One of its pages that ask."""
        self.browser.open(f"/admin/incidents/incident/{self.row.uid}/{slug}/")

    def fill(self, **given: str) -> None:
        for name, value in given.items():
            field = self.browser.find(f"main [name={name}]")
            if field.tag_name == "select":
                Select(field).select_by_value(value)
            else:
                field.clear()
                field.send_keys(value)
        self.browser.find("main form .button.primary").click()

    def told(self, words: str) -> None:
        self.browser.until(
            lambda: words in self.browser.text(), lambda: self.browser.text("main")[:800]
        )


def test_two_screens__follow_each_other_and_lose_nothing_that_is_typed(
    browser: Browser, other: Browser, room: Watchroom
) -> None:
    row = room.quiet("sev2", title="Tool calls fail")
    left, right = Screen(browser, room.primary, row), Screen(other, room.lead, row)
    left.type("#in-decision", "We stay on the old planner")
    right.browser.find("[data-next]").click()  # acknowledges
    right.told("You are on INC-1")
    left.sees("Engineering lead")
    left.sees("Triage")
    assert left.typed("#in-decision") == "We stay on the old planner"
    moving.triage(row, actor=room.by(room.lead), impact_percent=30, symptoms="Half of them fail.",
                  started_at=row.opened_at)  # fmt: skip
    left.sees("Begin to mitigate")
    right.sees("Begin to mitigate")
    assert left.typed("#in-decision") == "We stay on the old planner"
    left.press("Keep it")
    left.told("The decision is kept")
    right.sees("We stay on the old planner")
    assert left.browser.said() == []


def test_two_commanders__the_second_is_told_who_is_it(
    browser: Browser, other: Browser, room: Watchroom
) -> None:
    row = room.quiet("sev2")
    left, right = Screen(browser, room.lead, row), Screen(other, room.vp, row)
    right.browser.js("window.fetch = () => Promise.reject(new Error());")  # sees nothing new
    left.press("I do: Leads")
    left.told("Engineering lead leads in INC-1 now")
    right.press("I do: Leads")
    right.told("Engineering lead leads since you looked")
    row.refresh_from_db()
    assert row.commander_id == room.lead.pk
    right.press("I do: Leads")  # now they know whom they follow
    left.sees("Vp engineering")


def test_resolved_and_opened_again_at_once__one_holds_and_the_other_knows(
    browser: Browser, other: Browser, room: Watchroom
) -> None:
    row = room.quiet("sev3")
    actor = room.by(room.primary)
    moving.triage(row, actor=actor, impact_percent=1, symptoms="x", started_at=row.opened_at)
    row.refresh_from_db()
    moving.mitigated(row, actor=actor, how="Switched off.")
    row.refresh_from_db()
    moving.watch(row, actor=actor)
    left, right = Screen(browser, room.primary, row), Screen(other, room.lead, row)
    left.go("move/resolve")
    right.go("move/resolve")
    right.fill(reason="It is quiet.")
    right.told("is resolved")
    left.fill(reason="Quiet for an hour.")
    left.told("It is resolved. There is nothing to do here.")
    right.go("move/reopen")
    left.go("move/close")
    right.fill(reason="It is back.")
    right.told("is open again")
    left.fill(reason="Done with it.", root_cause="A switch.")
    left.told("There is nothing to do here")
    left.home()
    left.sees("Mitigating")
    row.refresh_from_db()
    assert row.status == "mitigating"


def test_target_that_is_gone__is_refused_and_stands_on_both_screens(
    browser: Browser, other: Browser, room: Watchroom
) -> None:
    tool = catalog.integration(room.workspace, slug="mail", name="Mail")
    services.report_outcome(tool, actor=make.JOB, ok=False, error="503")
    row = room.quiet("sev2")
    left, right = Screen(browser, room.primary, row), Screen(other, room.lead, row)
    tool.delete()
    left.press("Open its breaker")
    left.told("Refused: There is no integration mail here.")
    right.sees("There is no integration mail here.")


def test_game_day__is_played_in_the_browser_from_the_first_call_to_the_review(
    browser: Browser, room: Watchroom
) -> None:
    browser.sign_in(make.client(room.lead))
    browser.open("/admin/incidents/drill/add/")
    Select(browser.find("[name=scene]")).select_by_value("pool")
    Select(browser.find("[name=severity]")).select_by_value("sev3")
    browser.find("[name=reason]").send_keys("The quarter's game day.")
    browser.find("main form .button.primary, main form [type=submit]").click()
    browser.until(lambda: "It is played" in browser.text("main"))
    day = Drill.objects.get()
    row = Incident.objects.get(drills=day)
    room.tick()  # whoever is on duty is called
    screen = Screen(browser, room.lead, row)
    assert "This is a game day" in browser.text("main")
    browser.size(NARROW)  # by telephone
    browser.find("[data-next]").click()
    screen.told("You are on INC-1")
    browser.size(WIDE)
    screen.go("move/triage")
    screen.fill(symptoms="Pages are slow.", impact_percent="10")
    screen.told("INC-1 is triaged")
    screen.go("update")
    screen.fill(text="We look at the pool.")
    screen.told("Next on its script: work on it begins")
    browser.find("[data-next]").click()
    screen.told("INC-1 is worked on")
    screen.go("move/mitigated")
    screen.fill(how="A long query was ended.")
    screen.told("INC-1 is mitigated")
    for label in LOOKS:
        screen.press(f"Works: {label}")
        screen.told(f"{label}: works")
    screen.type("#in-remark", "It is a game day.")
    screen.press("Leave out: Customers were told")
    screen.told("Customers were told: not looked at")
    browser.find("[data-next]").click()
    screen.told("INC-1 is watched")
    screen.go("move/resolve")
    screen.fill(reason="Quiet.", root_cause="A query without an end.")
    screen.told("INC-1 is resolved")
    _review(screen)
    _scored(screen, Drill.objects.get())


def _review(screen: Screen) -> None:
    browser = screen.browser
    screen.press("Begin the review")
    screen.told("Write")
    review = IncidentReview.objects.get()
    browser.open(f"/admin/incidents/incidentreview/{review.uid}/write/")
    screen.fill(
        root_cause="A query without an end.", why_0="Why?", answer_0="Nobody saw it.",
        went_well="Somebody was there.", to_improve="See it sooner.", no_actions="It is watched.",
        documents="Nothing has changed.",
    )  # fmt: skip
    browser.until(lambda: IncidentReview.objects.exclude(went_well="").exists())
    browser.open(f"/admin/incidents/incidentreview/{review.pk}/change/")
    screen.press("Publish")
    browser.until(lambda: browser.find("main form .button.primary")).click()
    browser.until(lambda: IncidentReview.objects.get().status == "published",
                  lambda: browser.text("main"))  # fmt: skip


def _scored(screen: Screen, day: Drill) -> None:
    browser = screen.browser
    browser.open(f"/admin/incidents/drill/{day.pk}/change/")
    assert "100 points so far" in browser.text("main"), browser.text("main")
    screen.press("End and score")
    browser.until(lambda: "Sure" in browser.text() or browser.all("main form .button.primary"))
    browser.find("main form .button.primary, main form .danger").click()
    browser.until(lambda: "100 of 100 points" in browser.text("main"),
                  lambda: browser.text("main"))  # fmt: skip
    day.refresh_from_db()
    assert (day.status, day.score) == ("done", 100)
    assert set(day.seen["phases"]) == {each.slug for each in script.PHASES}
    assert browser.said() == []

"""Pages outside the console, as whoever is not signed in sees them: what the public reads of the
status and of support, and what stands between a password and its code. And that a look at a page
notices what it is there for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from incidents.support import articles, doors, links
from tests import make
from tests.console.test_browser_walk import look, walk
from tests.kit.browser import MISSING, NARROW, Browser
from tests.kit.inhabited import HOSTILE, LONG
from tests.kit.status import Public
from tests.kit.support import Desk

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def public(browser: Browser) -> list[str]:
    """What the public may read, with words in it that would be markup."""
    here = Public(title=HOSTILE[:80], intro=LONG[:300])
    row = here.room.quiet("sev1", service=here.service())
    here.told(row, f"{HOSTILE}\n\n**We** look at it. {LONG}")
    here.write()
    desk = Desk(here.workspace)
    doors.create_door(
        here.workspace, actor=make.JOB, slug="acme-help", title=HOSTILE[:80], is_open=True
    )
    article = articles.create_article(
        here.workspace, actor=make.JOB, title=f"When {HOSTILE}", audience="public",
        text=f"# Ask\n\n{HOSTILE}\n\n{LONG}", category="access",
    )  # fmt: skip
    article = articles.publish_article(article, actor=make.JOB)
    ticket = desk.by_mail(HOSTILE, body=f"{HOSTILE} {LONG}")
    desk.answer(desk.triaged(row=ticket), f"{HOSTILE} {LONG}", ask=True)
    status, ask = f"/status/{here.page.slug}/", "/support/acme-help/"
    return [
        status, f"{status}history", f"{status}incidents/{row.uid}", ask, f"{ask}answers/",
        f"{ask}answers/?q=when", f"{ask}answers/{article.slug}/",
        f"/support/t/{links.token_of(ticket)}",
    ]  # fmt: skip


def test_walk__what_the_public_reads(browser: Browser, public: list[str]) -> None:
    walk(browser, public)


def test_help__answers_stand_there_while_one_writes(browser: Browser) -> None:
    here = make.workspace()
    doors.create_door(here, actor=make.JOB, slug="acme-help", title="Help", is_open=True)
    for audience, title in (("public", "When signing in fails"), ("internal", "Sign in for them")):
        article = articles.create_article(
            here, actor=make.JOB, title=title, audience=audience,
            text="Wait a minute, then sign in again.", category="access",
        )  # fmt: skip
        articles.publish_article(article, actor=make.JOB)
    browser.open("/support/acme-help/")
    assert browser.text("#sp-found") == ""
    browser.find("[name=subject]").send_keys("signing in fails for all of us")
    browser.until(lambda: "When signing in fails" in browser.text("#sp-found"))
    assert "Sign in for them" not in browser.text("#sp-found")
    field = browser.find("[name=subject]")
    assert field.get_attribute("value") == "signing in fails for all of us"


def test_walk__between_password_and_code(browser: Browser, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    workspace = make.workspace()
    known, new = make.person(workspace, "viewer"), make.person(workspace, "viewer")
    make.enrol(known)
    for person, path in ((known, "/access/code/"), (new, "/access/enrol/")):
        browser.driver.delete_all_cookies()
        browser.open("/access/login/")
        browser.find("[name=email]").send_keys(person.email)
        browser.find("[name=password]").send_keys(make.PASSWORD)
        browser.button("Sign in").click()
        browser.until(lambda path=path: browser.path.startswith(path))  # type: ignore[misc]
        walk(browser, [path])


# What is put onto a good page, and the words in which a look must tell of it.
FAULTS = {
    "<h1>Another</h1>": "visible h1",
    "<h2></h2>": "empty heading",
    "<h5>Deep down</h5>": "heading skips",
    "<button type=button><svg width=9 height=9></svg></button>": "no accessible name",
    "<img src='/favicon.ico'>": "no accessible name",
    "<input name=unnamed>": "no accessible name",
    "<p tabindex=3>First</p>": "tabindex",
    "<p id=twice>One</p><p id=twice>Two</p>": "elements of id twice",
    "<label for=nobody>Of</label>": "names no element",
    "<p style='color: red'>Red</p>": "style attribute",
    "<p onclick='x()'>Press</p>": "handler",
    "<a href='javascript:x()'>Go</a>": "address",
    "<table><tr><td>1</td></tr></table>": "table without headers",
    "<nav>Nameless</nav>": "landmark without a name",
    "<p class=put-faint>Faint</p>": "contrast",
    "<p class=put-wide>Wide</p>": "px wide",
    "<button type=button class=put-small>x</button>": "px to press",
}
SHEET = """
.put-faint { color: #ccc; background: #ddd; } .put-wide { width: 4000px; }
.put-small { width: 9px; height: 9px; padding: 0; min-width: 0; min-height: 0; overflow: hidden; }
"""
# By script before a page's own: a sheet that is constructed is none that the policy asks about.
PUT = """
addEventListener("DOMContentLoaded", () => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(%s);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  document.querySelector("main").insertAdjacentHTML("beforeend", %s);
});
"""


def test_look__notices_each_fault(browser: Browser) -> None:
    path = "/access/login/"
    assert look(browser, path) == []
    browser.size(NARROW)
    for fault, words in FAULTS.items():
        added = browser.cdp(
            "Page.addScriptToEvaluateOnNewDocument",
            source=PUT % (json.dumps(SHEET), json.dumps(fault)),
        )
        found = look(browser, path)
        browser.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])
        assert any(words in line for line in found), (fault, found)
    browser.said()
    assert look(browser, path) == []

"""A mission's team as it works: people at a browser, who click and type, and agents with keys,
who call the portal over HTTP. Nobody reaches into the portal behind its doors."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django_otp.plugins.otp_totp.models import TOTPDevice
from selenium.common.exceptions import NoSuchElementException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from controlplane.access.models import User, Workspace
from missions.models import Mission
from tests import make
from tests.kit.browser import NARROW, WIDE, Browser

WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"
LOADED = "return document.readyState === 'complete' && !window.__pressed"
IN_SIGHT = "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})"
# Dates are typed as the machine's language writes them: the picker is asked for the day itself.
PICK = """
arguments[0].value = arguments[1];
arguments[0].dispatchEvent(new Event('input', {bubbles: true}));
arguments[0].dispatchEvent(new Event('change', {bubbles: true}));
"""


class Agent:
    """A key, and what it may call."""

    def __init__(self, base: str, workspace: Workspace, role: str, owner: User) -> None:
        self.base, self.ref = base, ""
        self.row = make.agent(workspace, role=role, owner=owner)
        _, self._secret = make.key(self.row, scopes=["*"])

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        path = f"missions/{self.ref}{path}" if path.startswith("/") else path
        request = urllib.request.Request(
            f"{self.base}/api/v1/{path}",
            method=method,
            data=None if method == "GET" else json.dumps(body or {}).encode(),
            headers={
                "Authorization": f"Bearer {self._secret}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def get(self, path: str) -> Any:
        return self._good("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self._good("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self._good("PUT", path, body)

    def refused(self, path: str, body: Any = None) -> Any:
        status, said = self.ask("POST", path, body)
        assert status >= 400, (path, said)
        return said["error"]

    def _good(self, method: str, path: str, body: Any = None) -> Any:
        status, said = self.ask(method, path, body)
        assert status < 300, (method, path, status, said)
        return said


class Person:
    """Somebody at the browser. Each act makes the browser theirs first."""

    def __init__(self, browser: Browser, user: User, width: int) -> None:
        self.browser, self.user, self.width = browser, user, width
        self.device: TOTPDevice = make.enrol(user)
        self._session = ""

    @property
    def name(self) -> str:
        return self.user.name

    # --- Sitting down -------------------------------------------------------------------------

    def sit(self, width: int = 0) -> Browser:
        """Signed in once, by the forms; after that this person's session is put back."""
        known, name = self.browser, settings.SESSION_COOKIE_NAME
        known.size(width or self.width)
        if not self._session:
            known.driver.delete_all_cookies()
            self._sign_in()
            cookie = known.driver.get_cookie(name)
            assert cookie is not None
            self._session = cookie["value"]
        elif (known.driver.get_cookie(name) or {}).get("value") != self._session:
            known.cdp(
                "Network.setCookie", name=name, value=self._session, url=known.base, httpOnly=True
            )
        return known

    def _sign_in(self) -> None:
        self.browser.open("/access/login/?next=/desk/")
        self.browser.find("[name=email]").send_keys(self.user.email)
        self.browser.find("[name=password]").send_keys(make.PASSWORD)
        self.press("Sign in")
        self.browser.find("[name=code]").send_keys(make.code_for(self.device))
        self.press("Continue")
        self.browser.arrive("/desk/")

    def open(self, path: str, width: int = 0) -> None:
        self.sit(width).open(path)
        self._fits()

    def look_again(self) -> None:
        self.open(self.browser.path.partition("#")[0])

    # --- Looking ------------------------------------------------------------------------------

    def sees(self, *words: str) -> None:
        text = self.browser.text("main")
        missing = [each for each in words if each not in text]
        assert not missing, f"{missing} at {self.browser.path}:\n{text}"

    def _fits(self) -> None:
        """Nothing is cut off: whoever signs on a phone need not push the page about."""
        wide, window = self.browser.js(WIDTHS)
        assert wide <= window, (wide, window, self.browser.path)
        assert self.browser.said() == [], self.browser.path

    # --- Acting -------------------------------------------------------------------------------

    def press(self, words: str, *, about: str = "", within: WebElement | None = None) -> None:
        """A button or link that leads on: done when the page after it is there."""
        self._leave(self._named(words, about, within, "self::button or self::a").click)

    def unfold(self, words: str, *, about: str = "", within: WebElement | None = None) -> None:
        """A decision that opens in its place."""
        self._named(words, about, within, "self::summary").click()

    def download(self, words: str, folder: Path) -> Path:
        """What a link hands out, as the browser keeps it."""
        self.browser.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        self._named(words, "", None, "self::a").click()
        return self.browser.until(
            lambda: next((each for each in folder.iterdir() if each.suffix == ".zip"), None),
            lambda: f"nothing was handed out: {self.browser.path}",
        )  # type: ignore[return-value]

    def next(self, words: str) -> None:
        """The page's one primary button: what it says is what this person does next."""
        found = self.browser.all("[data-next]")
        said = [each.text.partition("\n")[0].rstrip("…") for each in found]
        assert said == [words], (words, said, self.browser.text("main")[:1_500])
        self._leave(found[0].click)

    def _leave(self, click: Callable[[], None]) -> None:
        self.browser.js("window.__pressed = true")
        click()
        self.browser.until(
            lambda: self.browser.js(LOADED), lambda: f"nothing came of it: {self.browser.path}"
        )
        self._fits()

    def _named(self, words: str, about: str, within: WebElement | None, kind: str) -> WebElement:
        wanted = f"{words} {about}".strip()
        root = within or self.browser.find("body")
        path = f".//*[{kind}][normalize-space()={json.dumps(wanted, ensure_ascii=False)}]"
        seen = [each for each in root.find_elements(By.XPATH, path) if each.is_displayed()]
        enabled = [each for each in seen if each.is_enabled()]
        if not enabled:
            raise NoSuchElementException(
                f"{wanted!r} at {self.browser.path}: {self.browser.text('main')[:3_000]}"
            )
        self.browser.js(IN_SIGHT, enabled[0])
        return enabled[0]

    def fill(self, **fields: Any) -> None:
        """Fields by the name they are sent under, of the form that is open."""
        root = self.browser.find("main")
        for name, value in fields.items():
            found = root.find_elements(By.CSS_SELECTOR, f"[name='{name}']")
            shown = [each for each in found if each.is_displayed()]
            assert shown, f"no {name} at {self.browser.path}:\n{root.text}"
            self.browser.js(IN_SIGHT, shown[0])
            self._enter(shown, value)

    def _enter(self, found: list[WebElement], value: Any) -> None:
        first, kind = found[0], found[0].get_attribute("type")
        if kind == "radio":
            next(each for each in found if each.get_attribute("value") == str(value)).click()
        elif first.tag_name == "select":
            Select(first).select_by_value(str(value))
        elif kind in {"date", "datetime-local"}:
            self.browser.js(PICK, first, _told(value))
        else:
            first.clear()
            first.send_keys(str(value))


def _told(value: date | datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M}" if isinstance(value, datetime) else value.isoformat()


class Team:
    """Five people of different roles, and an agent of each role."""

    def __init__(self, browser: Browser, workspace: Workspace | None = None) -> None:
        self.workspace = workspace or make.workspace()
        self.ref = ""
        self.mo = self._person(browser, "Mona Ode", "mission_owner")
        self.gv = self._person(browser, "Gwen Vale", "governance_validator")
        self.oc = self._person(browser, "Omar Cole", "operations_command")
        self.ta = self._person(browser, "Theo Ames", "telemetry_analyst")
        self.kc = self._person(browser, "Kira Chen", "knowledge_curator")
        # Whoever answers for an agent signs nothing that it makes.
        keeper = make.person(self.workspace, "engineering_lead", name="Elif Kaya")
        self.agents = {
            role: Agent(browser.base, self.workspace, role, keeper)
            for role in ("coordinator", "inspector", "planner", "executor", "validator", "evidence")
        }

    def _person(self, browser: Browser, name: str, role: str) -> Person:
        return Person(browser, make.person(self.workspace, role, name=name), WIDE)

    def __getattr__(self, role: str) -> Agent:
        try:
            return self.__dict__["agents"][role]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(role) from None

    # --- The mission --------------------------------------------------------------------------

    def known_as(self, ref: str) -> None:
        self.ref = ref
        for agent in self.agents.values():
            agent.ref = ref

    @property
    def mission(self) -> Mission:
        return Mission.objects.get(workspace=self.workspace, ref=self.ref)

    @property
    def stands(self) -> tuple[str, str]:
        row = self.mission
        return row.status, row.stage

    def page(self) -> str:
        return f"/admin/missions/mission/{self.mission.pk}/change/"

    def open_gates(self) -> set[str]:
        """What still keeps it in its stage, as the agents are told."""
        return {
            each["gate"]
            for each in self.coordinator.get("/gates")["gates"]
            if each["phase"] == "exit" and each["state"] not in {"passed", "not_applicable"}
        }

    # --- Signing, on a phone ------------------------------------------------------------------

    def answers(self, person: Person, verdict: str = "Approve", comment: str = "") -> None:
        """From the inbox of the desk: what waits for this person is opened and answered."""
        person.open("/desk/", NARROW)
        waiting = person.browser.all("ol.queue a")
        assert len(waiting) == 1, (person.name, person.browser.text("main"))
        person._leave(waiting[0].click)
        if comment:
            person.browser.find("#apr-comment").send_keys(comment)
        person.press(verdict)
        person.sees("You answered this")
        person.open("/desk/", NARROW)
        person.sees("Nothing waits for your signature")

    def sign(self, *people: Person) -> None:
        for person in people:
            self.answers(person)

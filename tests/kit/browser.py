"""A real browser on the test server: Debian's Chromium, without a window.

One for the whole run; each test gets it without cookies, at its usual size, with scripts on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.test import Client
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PROGRAM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = "" if PROGRAM and DRIVER else "needs Debian's chromium and chromium-driver"
WAIT_S = 15
WIDE, NARROW, HEIGHT = 1440, 390, 900
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the suite runs as root in containers, where Chromium's own has no way in
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--force-prefers-reduced-motion",  # what fades in has no colour of its own yet
    "--hide-scrollbars",
    "--enable-blink-features=ComputedAccessibilityInfo",  # names as assistive programs get them
    # Nobody looks at the window around the page, goes back, or needs a process for the next site.
    "--kiosk",
    "--process-per-site",
    "--disable-features=BackForwardCache,SpareRendererForSitePerProcess",
    f"--window-size={WIDE},{HEIGHT}",
)
SAID = frozenset({"SEVERE", "WARNING"})  # the rest are hints about forms
T = TypeVar("T")


def patience() -> float:
    """Seconds until a page is given up: others may use this machine, too."""
    return WAIT_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Browser:
    def __init__(self, profile: Path) -> None:
        options = ChromeOptions()
        options.binary_location = PROGRAM or ""
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.page_load_strategy = "eager"  # the page itself is asked whether it is complete
        self.driver = Chrome(options=options, service=Service(DRIVER))
        self.base, self.width = "", WIDE
        # Names are kept up to date, instead of made anew for each that is asked.
        self.cdp("Accessibility.enable")
        self._watch_policy()

    def _watch_policy(self) -> None:
        """Before any script of a page: what the policy refused is kept for whoever asks."""
        self.cdp(
            "Page.addScriptToEvaluateOnNewDocument",
            source="window.__refused = [];"
            "addEventListener('securitypolicyviolation', (e) => window.__refused.push("
            "`${e.effectiveDirective} ${e.blockedURI} ${e.sample}`), true);",
        )

    def begin(self, base: str) -> None:
        """As fresh for the next test: nobody signed in, nothing said so far."""
        self.base = base
        self.driver.set_script_timeout(patience())
        self.driver.set_page_load_timeout(patience())
        self.scripts(on=True)
        self.driver.get("about:blank")
        self.cdp("Network.clearBrowserCookies")
        self.size(WIDE)
        self.said()

    def quit(self) -> None:
        self.driver.quit()

    # --- Going ----------------------------------------------------------------------------

    def sign_in(self, client: Client) -> None:
        """As whoever this client signed in by the form: with its session, not with a back door."""
        name = settings.SESSION_COOKIE_NAME
        self.cdp(
            "Network.setCookie",
            name=name,
            value=client.cookies[name].value,
            url=self.base,
            httpOnly=True,
        )

    def open(self, path: str) -> None:
        self.driver.get(f"{self.base}{path}")
        self.until(lambda: self.js("return document.readyState") == "complete")

    @property
    def path(self) -> str:
        return self.driver.current_url.removeprefix(self.base)

    def arrive(self, path: str) -> None:
        """Wait until the address is this one, and the page there is complete."""
        self.until(
            lambda: self.path == path and self.js("return document.readyState") == "complete",
            lambda: f"at {self.path}, not at {path}",
        )

    def arrive_under(self, path: str) -> None:
        """The same, whatever is asked there."""
        self.until(
            lambda: (
                self.path.partition("?")[0] == path
                and self.js("return document.readyState") == "complete"
            ),
            lambda: f"at {self.path}, not at {path}",
        )

    # --- Looking --------------------------------------------------------------------------

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def cdp(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def button(self, words: str, root: str = "body") -> WebElement:
        pressed = "[self::button or self::summary or self::a]"
        path = f"//{root}//*{pressed}[normalize-space()='{words}']"
        return self.driver.find_element(By.XPATH, path)

    def text(self, selector: str = "body") -> str:
        return str(self.find(selector).text)

    def said(self) -> list[str]:
        """What stood in the console since it was last asked: errors and warnings."""
        lines: Any = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [f"{line['level']}: {line['message']}" for line in lines if line["level"] in SAID]

    def until(self, question: Callable[[], T], else_say: Callable[[], str] | None = None) -> T:
        """Ask until the answer is true. A page that is just being exchanged asks again."""

        def ask(_: Any) -> T | bool:
            try:
                return question()
            except (StaleElementReferenceException, WebDriverException):
                return False

        wait: Any = WebDriverWait(self.driver, patience(), poll_frequency=0.03)
        try:
            found: T = wait.until(ask)
        except WebDriverException as error:
            raise AssertionError(else_say() if else_say else f"never so: {self.path}") from error
        return found

    # --- Acting ---------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Keys as typed on the page, wherever the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def chord(self, *held: str, key: str) -> None:
        self.press("".join(held) + key + Keys.NULL)

    def focused(self, attribute: str) -> str | None:
        return self.driver.switch_to.active_element.get_attribute(attribute)

    def size(self, width: int) -> None:
        self.width = width
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=HEIGHT,
            deviceScaleFactor=1,
            mobile=False,
        )

    def scripts(self, *, on: bool) -> None:
        """Whether pages may run scripts. WebDriver's own questions still may."""
        self.cdp("Emulation.setScriptExecutionDisabled", value=not on)

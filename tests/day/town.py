"""One workspace on one day: who works there, the doors they come through, and what must hold when
the day is over. People's requests are made by `curl`, with the session of somebody who signed in;
machines come with a key."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from contextlib import AbstractContextManager
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import time_machine
from django.conf import settings
from django.core.management import call_command
from selenium.webdriver.support.select import Select

from controlplane.access.models import User, Workspace
from controlplane.jobs.models import Timer
from controlplane.notify.models import Delivery, OutboxMessage
from controlplane.work.local_key import local_key
from tests import make
from tests.kit import joined
from tests.kit.bd import Bd
from tests.kit.browser import Browser
from tests.kit.deployments import deliver
from tests.kit.served import Served

WITHIN_S = "30"
# Not 503: a machine that others use, too, may be too busy for a moment, and says so.
FAILED = re.compile(
    r'^controlplane_http_requests_total\{.*status="5(?!03)\d\d".*\} (\S+)$', re.MULTILINE
)


class Curl:
    """The program, at one portal, as somebody."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url = url
        self._said = [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        command = ["curl", "-sS", "-m", WITHIN_S, "-X", method, "-w", "\n%{http_code}"]
        for line in (*self._said, "Content-Type: application/json"):
            command += ["-H", line]
        if method != "GET":
            command += ["--data-binary", "@-"]
        done = subprocess.run(
            [*command, f"{self.url}/api/v1/{path}"],
            input=json.dumps(body or {}), capture_output=True, text=True, check=True,
        )  # fmt: skip
        told, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(told or "null")

    def get(self, path: str) -> Any:
        return self._well("GET", path)

    def post(self, path: str, **body: Any) -> Any:
        return self._well("POST", path, body)

    def refused(self, path: str, **body: Any) -> str:
        """The code of what is said instead."""
        status, told = self.ask("POST", path, body)
        assert 400 <= status < 500, (path, status, told)
        return str(told["error"]["code"])

    def _well(self, method: str, path: str, body: Any = None) -> Any:
        status, told = self.ask(method, path, body)
        assert status < 300, (method, path, status, told)
        return told


def with_session(url: str, user: User) -> Curl:
    token = secrets.token_hex(16)
    session = make.client(user).cookies[settings.SESSION_COOKIE_NAME].value
    cookies = {settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: token}
    jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return Curl(url, Cookie=jar, X_CSRFToken=token)


class Town:
    """`served` is the portal as it is run; `live` the same in this process, for the hours in which
    the portal's clock is moved."""

    def __init__(self, browser: Browser, served: Served, live: str, folder: Path) -> None:
        self.browser, self.served, self.live, self.folder = browser, served, live, folder
        self.scene = joined.Scene()
        self.room = self.scene.room
        self.workspace: Workspace = self.room.workspace
        self._people: dict[str, User] = {}
        self._sitting: dict[str, Curl] = {}
        self._failed = self._answers_that_failed()

    # --- Who is there ---------------------------------------------------------------------------

    def person(self, role: str, *, signs: bool = False) -> User:
        """Whoever signs is another than those who do the work."""
        name = f"The {role} who {'signs' if signs else 'acts'}"
        if name not in self._people:
            self._people[name] = make.person(self.workspace, role, name=name)
        return self._people[name]

    def sits(self, role: str, *, signs: bool = False) -> Curl:
        """Somebody of this role, at the served portal."""
        person = self.person(role, signs=signs)
        if person.name not in self._sitting:
            self._sitting[person.name] = with_session(self.served.url, person)
        return self._sitting[person.name]

    def machine(self) -> Curl:
        """A service with a key of its own, as pipelines have."""
        _, secret = make.key(make.agent(self.workspace, role=""))
        return Curl(self.served.url, Authorization=f"Bearer {secret}")

    def later(self, moment: datetime) -> AbstractContextManager[Any]:
        """The portal's clock goes on from there. Whoever sits there then signs in again."""
        return time_machine.travel(moment)

    def at_live(self, role: str) -> Curl:
        return with_session(self.live, self.person(role))

    # --- What several scenes do -----------------------------------------------------------------

    def sign(self, request: str) -> str:
        """Each slot of a request for consent is signed by somebody who may; what it is then."""
        path, lead = f"approvals/{request}", self.sits("engineering_lead")
        for slot in lead.get(path)["slots"]:
            told = lead.get(path)
            if told["status"] == "open":
                signer = self.sits(slot["roles"][0], signs=True)
                signer.post(f"{path}/decide", verdict="approved", sha256=told["sha256"])
        return str(lead.get(path)["status"])

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            found = self.browser.find(f"main [name={name}]")
            if found.tag_name == "select":
                Select(found).select_by_value(value)
            else:
                found.send_keys(value)

    def ready(self) -> set[str]:
        """What a worker's terminal lists as ready, by title."""
        bd = Bd(self.folder, url=self.served.url, key=local_key(self.workspace))
        if not bd.beads.exists():
            bd.ok("init")
        return {each["title"] for each in bd.json("ready", "--limit", "200")}

    # --- The end of the day ---------------------------------------------------------------------

    def ends_well(self) -> None:
        deliver()
        for model in (OutboxMessage, Delivery, Timer):
            dead = model.objects.filter(state="dead")
            assert not dead.exists(), list(dead.values_list("pk", "last_error"))
        told = StringIO()
        call_command("verify_audit", "--json", stdout=told)  # it would leave by SystemExit
        assert json.loads(told.getvalue())["sound"] is True
        assert self._answers_that_failed() == self._failed

    def _answers_that_failed(self) -> float:
        """Answers of both portals that were 5xx, since they count."""
        return sum(
            float(count)
            for url in (self.served.url, self.live)
            for count in FAILED.findall(_text(f"{url}/metrics"))
        )


def _text(url: str) -> str:
    done = subprocess.run(["curl", "-sSf", "-m", WITHIN_S, url], capture_output=True, check=True)
    return done.stdout.decode()

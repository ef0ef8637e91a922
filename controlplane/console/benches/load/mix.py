"""What the users do: people look at pages, scripts ask the API, agents work. Each act is one
request as its client writes it, ready to be sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from controlplane.lib import clock

PEOPLE = 0.1  # of all users sit before the console: one beside nine agents with keys
HOST = b"Host: 127.0.0.1\r\n"


class Ask(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    def wire(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1\r\n".encode(), HOST]
        lines += [f"{name}: {value}\r\n".encode() for name, value in self.headers.items()]
        if self.body:
            lines.append(b"Content-Length: %d\r\n" % len(self.body))
        return b"".join((*lines, b"\r\n", self.body))


@dataclass(slots=True)
class Someone:
    """One simulated user: who it is, what it has seen, how often it acted."""

    number: int
    world: Mapping[str, Any]
    rng: Random
    acted: int = 0
    tags: dict[str, str] = field(default_factory=dict)  # of the parts of pages it has

    @property
    def person(self) -> bool:
        return self.number < len(self.world["sessions"])

    @property
    def agent(self) -> Mapping[str, str]:
        agents: Sequence[Mapping[str, str]] = self.world["agents"]
        return agents[self.number - len(self.world["sessions"])]

    def one_of(self, name: str) -> str:
        return str(self.rng.choice(self.world[name]))


Make = Callable[[Someone], Ask]


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    share: float
    make: Make
    group: str
    people: bool = False
    # What else is a right answer: a page that did not change.
    also: frozenset[int] = frozenset()

    def right(self, status: int) -> bool:
        return 200 <= status < 300 or status in self.also


KINDS: list[Kind] = []


def _kind(
    name: str, share: float, group: str, *, people: bool = False, also: tuple[int, ...] = ()
) -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        KINDS.append(Kind(name, share, make, group, people, frozenset(also)))
        return make

    return add


def choose(someone: Someone) -> Kind:
    mine = [kind for kind in KINDS if kind.people == someone.person and kind.share]
    return someone.rng.choices(mine, [kind.share for kind in mine])[0]


# --- People -------------------------------------------------------------------------------------

CONSOLE, API, AGENT = "console", "api", "agent"


def _look(someone: Someone, path: str) -> Ask:
    session = someone.world["sessions"][someone.number]
    return Ask(
        "GET",
        path,
        {
            "Cookie": f"{someone.world['cookie']}={session}",
            "Accept": "text/html",
            "Accept-Encoding": "gzip",
        },
    )


def _page(name: str, share: float, path: str) -> None:
    _kind(name, share, CONSOLE, people=True)(lambda someone: _look(someone, path))


_page("home", 10, "/admin/")
_page("list of missions", 8, "/admin/missions/mission/?view=all")
_page("list of incidents", 5, "/admin/incidents/incident/?view=all")
_page("list of approvals", 6, "/admin/approvals/request/?view=all")
_page("list of work", 5, "/admin/work/item/?view=all")
_page("list of flags", 3, "/admin/feature_flags/flag/?view=all")
_page("audit trail", 3, "/admin/audit/auditevent/?view=all")
_page("list of events", 3, "/admin/telemetry/event/?range=24h")
_page("a dashboard", 3, "/admin/telemetry/dashboards/mission-lifecycle/")


@_kind("page of a mission", 8, CONSOLE, people=True)
def mission_page(someone: Someone) -> Ask:
    return _look(someone, someone.one_of("missions"))


@_kind("page of an incident", 5, CONSOLE, people=True)
def incident_page(someone: Someone) -> Ask:
    return _look(someone, someone.one_of("incidents"))


@_kind("page of an approval", 5, CONSOLE, people=True)
def request_page(someone: Someone) -> Ask:
    return _look(someone, someone.one_of("requests"))


@_kind("page of a thread", 5, CONSOLE, people=True)
def thread_page(someone: Someone) -> Ask:
    return _look(someone, someone.one_of("threads"))


PARTS = (
    "/admin/nav/?at=%2Fadmin%2F",
    "/admin/missions/mission/?view=all&_part=list",
    "/admin/incidents/incident/?view=all&_part=list",
)


@_kind("a part that refreshes itself", 31, CONSOLE, people=True, also=(304,))
def refresh(someone: Someone) -> Ask:
    """What is open in a browser asks again, and names what it has."""
    path = PARTS[someone.acted % len(PARTS)]
    found = _look(someone, path)
    tag = someone.tags.get(path)
    return found._replace(headers={**found.headers, "If-None-Match": tag}) if tag else found


# --- Scripts and agents -------------------------------------------------------------------------


def _ask(someone: Someone, method: str, path: str, body: Any = None, key: str | None = None) -> Ask:
    headers = {"Authorization": f"Bearer {someone.agent['key'] if key is None else key}"}
    if body is None:
        return Ask(method, path, headers)
    headers["Content-Type"] = "application/json"
    return Ask(method, path, headers, json.dumps(body, separators=(",", ":")).encode())


def _read(name: str, share: float, path: str) -> None:
    _kind(name, share, API)(lambda someone: _ask(someone, "GET", path))


_read("API: missions", 8, "/api/v1/missions?limit=50")
_read("API: ready work", 7, "/api/v1/work/ready?limit=50")
_read("API: incidents", 4, "/api/v1/incidents?limit=50")
_read("API: approvals", 4, "/api/v1/approvals?limit=50")
_read("API: inbox of threads", 4, "/api/v1/threads/inbox")


@_kind("API: a mission", 6, API)
def mission(someone: Someone) -> Ask:
    return _ask(someone, "GET", f"/api/v1/missions/{someone.one_of('refs')}")


@_kind("flags evaluated", 22, AGENT)
def evaluate(someone: Someone) -> Ask:
    body = {"context": {"targetingKey": f"u-{someone.number}", "region": "eu", "plan": "team"}}
    path = f"/ofrep/v1/evaluate/flags/load-{someone.rng.randrange(50):02}"
    return _ask(someone, "POST", path, body, str(someone.world["flags"]))


@_kind("telemetry, 20 events", 18, AGENT)
def ingest(someone: Someone) -> Ask:
    mine, now = f"{someone.number}-{someone.acted}", clock.now().isoformat()
    events = [
        {
            "event": "composio_tool_call",
            "event_id": f"load-{mine}-{number}-{someone.rng.getrandbits(48):x}",
            "occurred_at": now,
            "mission_id": someone.one_of("refs"),
            "stage": "execute_observe",
            "status": "success",
            "agent_name": "executor",
            "toolkit": "crm",
            "service": "agents",
            "env": "prod",
            "correlation_id": f"req-{mine}",
            "session_id": f"sess-{someone.number}",
            "duration_ms": 40 + number,
            "message": "called create_contact, 200 after 812 ms",
            "context": {
                "toolkit": "crm",
                "action": "create_contact",
                "meta_tool": "COMPOSIO_MULTI_EXECUTE_TOOL",
                "outcome": "success",
            },
        }
        for number in range(20)
    ]
    return _ask(someone, "POST", "/api/v1/telemetry/events", events)


def _messages(someone: Someone) -> str:
    return f"/api/v1/threads/{someone.agent['thread']}/messages"


@_kind("message posted", 8, AGENT)
def post(someone: Someone) -> Ask:
    said = f"Step {someone.acted} of {someone.number} is done; {someone.rng.getrandbits(32)}."
    body = {"body": said, "idempotency_key": f"{someone.number}-{someone.rng.getrandbits(64):x}"}
    return _ask(someone, "POST", _messages(someone), body)


@_kind("messages read", 12, AGENT)
def read(someone: Someone) -> Ask:
    return _ask(someone, "GET", f"{_messages(someone)}?since_seq=1&limit=50")


@_kind("alert taken in", 6, AGENT)
def alert(someone: Someone) -> Ask:
    """Of a few groups; each instance is an alert of its own."""
    labels = {
        "alertname": f"Fails{someone.rng.randrange(40)}",
        "severity": "warning",
        "service": f"s{someone.number % 7}",
        "instance": f"host-{someone.number}",
    }
    said = {"status": "firing", "labels": labels, "startsAt": "2026-01-01T00:00:00Z"}
    said["annotations"] = {"summary": "Calls fail"}
    path = f"/api/v1/alerts/alertmanager/{someone.world['alerts']}"
    return _ask(someone, "POST", path, {"version": "4", "alerts": [said]}, "")


@_kind("mission begun", 0, API)
def begin(someone: Someone) -> Ask:
    """At the pace of the profile, not by its share."""
    title = f"Win back accounts {someone.rng.getrandbits(40):x}"
    body = {"title": title, "intent": "Write to accounts that went quiet."}
    body["owner"] = str(someone.world["person"])
    return _ask(someone, "POST", "/api/v1/missions", body, str(someone.world["owner"]))


BEGIN = KINDS[-1]

"""The doors, each with what a careful client does there: it names what it writes, sends it again
until it is answered, and believes nothing before."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from controlplane.console.chaos_doors.world import POLICY, SLOT

PAUSE_S = 0.3
GIVE_UP_S = 180.0
TIMEOUT_S = 10.0
_HOST = "127.0.0.1"


class Answer(NamedTuple):
    status: int  # 0: none came
    body: Any

    @property
    def well(self) -> bool:
        return 200 <= self.status < 300


class Client:
    def __init__(self, port: int, world: Mapping[str, Any]) -> None:
        self.port, self.world = port, world

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        asked = http.client.HTTPConnection(_HOST, self.port, timeout=TIMEOUT_S)
        text = None if body is None else json.dumps(body).encode()
        try:
            asked.request(
                method, path, text, {"Content-Type": "application/json", **(headers or {})}
            )
            answer = asked.getresponse()
            data = answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, type(error).__name__)
        finally:
            asked.close()
        try:
            return Answer(status, json.loads(data or b"null"))
        except ValueError:
            return Answer(status, None)

    def as_person(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.world['person']}", "Idempotency-Key": key}

    def as_agent(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.world['agent']}"}

    def as_signer(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.world["signer"].items())
        return {
            "Cookie": cookies,
            "X-CSRFToken": self.world["csrf"],
            "X-Workspace": self.world["workspace"],
            "Referer": f"http://{_HOST}:{self.port}/",
        }


Write = Callable[[Client, str], Answer]


@dataclass(frozen=True, slots=True)
class Door:
    """`stored`: names and how many rows each of them has, of those that begin with the prefix."""

    name: str
    write: Write
    stored: str

    def key(self, number: int) -> str:
        return f"chaos-{self.name}-{number:05}"


def _work(client: Client, key: str) -> Answer:
    return client.send("POST", "/api/v1/work/items", {"title": key}, client.as_person(key))


def _mission(client: Client, key: str) -> Answer:
    body = {"title": key, "intent": "Stay.", "external_ref": key, "owner": client.world["owner"]}
    return client.send("POST", "/api/v1/missions", body, client.as_person(key))


def _flag(client: Client, key: str) -> Answer:
    """Made, and then switched off: two writes of which both must hold."""
    made = client.send("POST", "/api/v1/flags", {"flag_name": key}, client.as_person(key))
    if not made.well:
        return made
    body = {"reason": "chaos"}
    return client.send("POST", f"/api/v1/flags/{key}/disable", body, client.as_person(f"{key}-off"))


def _telemetry(client: Client, key: str) -> Answer:
    """The batch is answered for as a whole, each of its events by a verdict."""
    event = {
        "event": "composio_tool_call", "event_id": event_id(key), "status": "success",
        "occurred_at": client.world["at"], "stage": "execute_observe", "agent_name": "executor",
        "correlation_id": key, "message": "called create_contact, 200 after 812 ms",
    }  # fmt: skip
    answer = client.send("POST", "/api/v1/telemetry/events", [event], client.as_agent())
    if answer.well and answer.body["rejected"]:
        return Answer(422, answer.body)
    return answer


def event_id(key: str) -> str:
    return str(uuid5(NAMESPACE_URL, key))


def _alert(client: Client, key: str) -> Answer:
    alert = {
        "status": "firing", "startsAt": "2026-01-01T00:00:00Z",
        "labels": {"alertname": key, "severity": "critical", "instance": "i0"},
        "annotations": {"summary": key},
    }  # fmt: skip
    path = f"/api/v1/alerts/alertmanager/{client.world['alerts']}"
    return client.send("POST", path, {"version": "4", "alerts": [alert]})


def _message(client: Client, key: str) -> Answer:
    path = f"/api/v1/threads/{client.world['thread']}/messages"
    return client.send("POST", path, {"body": key, "idempotency_key": key}, client.as_agent())


def _approval(client: Client, key: str) -> Answer:
    """Asked by one, signed by another with their session; a signature that is there already is
    the one whose answer was lost."""
    body = {"policy": POLICY, "title": key, "packet": {"what": key}}
    asked = client.send("POST", "/api/v1/approvals", body, client.as_person(key))
    if not asked.well:
        return asked
    path = f"/api/v1/approvals/{asked.body['uid']}"
    now = client.send("GET", path, headers=client.as_signer())
    if not now.well or now.body["status"] == "approved":
        return now
    said = {"verdict": "approved", "sha256": now.body["sha256"], "slot": SLOT}
    return client.send("POST", f"{path}/decide", said, client.as_signer())


DOORS: tuple[Door, ...] = (
    Door("api", _work, "SELECT title, count(*) FROM work_item WHERE title LIKE %s GROUP BY 1"),
    Door(
        "missions",
        _mission,
        "SELECT external_ref, count(*) FROM missions_mission WHERE external_ref LIKE %s GROUP BY 1",
    ),
    Door(
        "telemetry",
        _telemetry,
        "SELECT correlation_id, count(*) FROM telemetry_events WHERE correlation_id LIKE %s"
        " GROUP BY 1",
    ),
    Door(
        "alerts",
        _alert,
        "SELECT labels->>'alertname', count(*) FROM incidents_alert"
        " WHERE labels->>'alertname' LIKE %s GROUP BY 1",
    ),
    Door(
        "threads",
        _message,
        "SELECT body, count(*) FROM threads_message WHERE body LIKE %s GROUP BY 1",
    ),
    # One signature of one question, and the question answered.
    Door(
        "approvals",
        _approval,
        "SELECT r.title, count(d.id) FROM approvals_request r"
        " LEFT JOIN approvals_decision d ON d.request_id = r.id"
        " WHERE r.title LIKE %s AND r.status = 'approved' GROUP BY r.id",
    ),
    # Made once, and switched off once.
    Door(
        "flags",
        _flag,
        "SELECT flag_name, count(*) FROM feature_flags WHERE flag_name LIKE %s AND NOT enabled"
        " GROUP BY 1",
    ),
)


@dataclass
class Writers:
    """One for each door, until told to stop. What it has begun it brings to its end."""

    client: Client
    pace_s: float = 0.15
    accepted: dict[str, list[str]] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)  # said no, which repeating can't mend

    def __post_init__(self) -> None:
        self._stop, self._abandon = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(door,), daemon=True) for door in DOORS
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(GIVE_UP_S)
        self._abandon.set()

    @property
    def taken(self) -> int:
        with self._lock:
            return sum(map(len, self.accepted.values()))

    def _run(self, door: Door) -> None:
        number = 0
        while not self._stop.wait(self.pace_s):
            key = door.key(number)
            number += 1
            if self._until_taken(door, key):
                with self._lock:
                    self.accepted.setdefault(door.name, []).append(key)

    def _until_taken(self, door: Door, key: str) -> bool:
        end = time.monotonic() + GIVE_UP_S
        while time.monotonic() < end and not self._abandon.is_set():
            answer = door.write(self.client, key)
            if answer.well:
                return True
            code = str(answer.status or answer.body)
            with self._lock:
                if 400 <= answer.status < 500 and answer.status not in {409, 429}:
                    self.wrong[f"{door.name}: {code} {json.dumps(answer.body)[:200]}"] += 1
                    return False
                self.refused[f"{door.name}: {code}"] += 1
            self._abandon.wait(PAUSE_S)
        self.given_up.append(key)
        return False

"""The demo's agents: what comes next follows from the seed, patience from what the portal says."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from controlplane.access.models import ApiKey
from controlplane.demo_agents import calls, executing, preparing, reporting
from controlplane.demo_agents.calls import Held, KeyRefused, Portal, Refused, backoff
from controlplane.demo_agents.crew import ACTS, Crew
from controlplane.demo_agents.planning import LONGEST, WEIGHTS, turns
from controlplane.demo_agents.running import Run
from telemetry import catalogue
from tests import make

KEY = "cp_key"


class Door:
    """A portal that gives the answers it was told to, one after the other."""

    def __init__(self, *answers: tuple[int, dict[str, str], Any]) -> None:
        self.heard: list[tuple[str, str, dict[str, str]]] = []
        waiting, door = list(answers), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                door.heard.append((self.command, self.path, dict(self.headers)))
                status, headers, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                if status == 0:  # cut off in the middle
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{")
                    return
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def doors() -> Iterator[list[Door]]:
    made: list[Door] = []
    yield made
    for door in made:
        door.server.shutdown()
        door.server.server_close()


def portal(url: str) -> tuple[Portal, list[float], list[str]]:
    paused: list[float] = []
    said: list[str] = []
    return Portal(url, KEY, pause=paused.append, say=said.append), paused, said


def no(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"Because of {code}.", "details": {}}}


def test_turns__follow_from_the_seed__each_act_early__then_by_weight() -> None:
    first = list(islice(turns(7, 2.0), 400))
    again = list(islice(turns(7, 2.0), 400))
    assert [(t.act, t.wait, t.rng.random()) for t in first] == [
        (t.act, t.wait, t.rng.random()) for t in again
    ]
    other = [t.act for t in islice(turns(8, 2.0), 400)]
    assert other != [t.act for t in first]
    assert {t.act for t in first[: len(WEIGHTS)]} == set(WEIGHTS) == set(ACTS)
    assert all(0 <= t.wait <= LONGEST / 2.0 for t in first)
    assert 0.35 < sum(t.wait for t in first) / len(first) < 0.65  # two a second
    counted = Counter(t.act for t in first)
    assert counted["run"] > 2 * counted["queue"]


def test_backoff__doubles__no_less_than_asked__and_has_an_end() -> None:
    assert [backoff(tried) for tried in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert backoff(1, 7.0) == 7
    assert backoff(60) == backoff(6, 900.0) == calls.LONGEST


def test_portal_that_is_busy_or_away__is_asked_again_under_one_key(doors: list[Door]) -> None:
    doors.append(Door(
        (429, {"Retry-After": "3"}, no("RATE_LIMITED")), (503, {}, no("UNAVAILABLE")),
        (0, {}, None), (201, {}, {"ref": "MSN-1"}),
    ))  # fmt: skip
    asked, paused, said = portal(doors[0].url)
    assert asked.post("missions", {"title": "One"}) == {"ref": "MSN-1"}
    assert paused == [3, 2, 4]
    assert ["429" in said[0], "503" in said[1], len(said)] == [True, True, 3]
    assert len({head["Idempotency-Key"] for _, _, head in doors[0].heard}) == 1
    asked.post("missions", {"title": "Two"})
    assert len({head["Idempotency-Key"] for _, _, head in doors[0].heard}) == 2


def test_portal_that_is_gone__is_waited_for_until_the_run_ends() -> None:
    class Over(Exception):
        pass

    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 3:
            raise Over

    gone = Portal("http://127.0.0.1:9", KEY, pause=pause, say=lambda _: None)
    with pytest.raises(Over):
        gone.get("me")
    assert paused == [1, 2, 4]


def test_what_is_refused__is_not_asked_again(doors: list[Door]) -> None:
    doors.append(Door((409, {}, no("CONFLICT"))))
    asked, paused, _ = portal(doors[0].url)
    with pytest.raises(Refused) as refused:
        asked.post("work/ready/claim")
    assert (refused.value.code, refused.value.status, paused) == ("CONFLICT", 409, [])
    doors.append(Door((401, {}, no("UNAUTHORIZED"))))
    with pytest.raises(KeyRefused):
        portal(doors[1].url)[0].get("me")
    doors.append(Door((500, {}, "not the envelope")))
    with pytest.raises(Refused) as broken:
        portal(doors[2].url)[0].get("me")
    assert (broken.value.code, broken.value.status) == ("", 500)


def test_what_a_gate_holds_back__is_left_for_now__and_stops_no_other_agent(
    doors: list[Door],
) -> None:
    held = no("UNAVAILABLE")
    held["error"]["details"] = {"gates": [{"gate": "breaker", "detail": "Gmail is open."}]}
    doors.append(Door((503, {"Retry-After": "30"}, held)))
    asked, paused, said = portal(doors[0].url)
    with pytest.raises(Held):
        asked.post("missions/MSN-7/runs/run-1/dispatch")
    assert (paused, said, len(doors[0].heard)) == ([], [], 1)

    hands = {"executor": asked}
    crew = Crew(hands, {"executor": "executor-1"}, "mark", None)
    turn = next(turns(1, 1.0))
    told = executing._step(crew, turn, "MSN-7", "run-1", {"position": 1, "action": "create_label"})
    assert told == "leaves MSN-7 for now: Because of UNAVAILABLE."


def test_run__goes_on_over_what_is_refused__and_ends_with_its_key(doors: list[Door]) -> None:
    doors.append(Door((403, {}, no("FORBIDDEN"))))
    out = io.StringIO()
    roles = ("coordinator", "evidence", "executioner", "executor", "inspector", "planner",
             "reviewer", "validator", "pipeline")  # fmt: skip
    keys = dict.fromkeys(roles, KEY)
    run = Run(doors[0].url, keys, {}, pace=50, seconds=0.6, out=out)
    run.go()
    assert run.refused["FORBIDDEN"] >= 5
    assert run.failed == 0
    assert "is refused (FORBIDDEN): Because of FORBIDDEN." in out.getvalue()
    doors.append(Door((401, {}, no("UNAUTHORIZED"))))
    with pytest.raises(KeyRefused):
        Run(doors[1].url, keys, {}, pace=50, seconds=20, out=out).go()


def test_events__say_what_the_catalogue_requires__and_some_fail() -> None:
    seen = list(islice(turns(3, 1.0), 300))
    told = [reporting.called(t.rng, "executor", "MSN-1", f"e-{t.number}") for t in seen]
    told += [reporting.turned(t.rng, "planner", f"t-{t.number}") for t in seen[:5]]
    told += [event for t in seen[:5] for event in reporting.measured(t.rng, f"m-{t.number}")]
    for event in told:
        kind = catalogue.find(event["event"])
        assert kind is not None, event
        assert {key.name for key in kind.keys if key.required} <= set(event["context"]), event
    failed = sum(event.get("status") == "error" for event in told)
    assert 3 <= failed <= 40
    assert len({event["event_id"] for event in told}) == len(told)


@pytest.mark.django_db
def test_command__only_in_a_demo__and_no_key_stays() -> None:
    make.workspace("earnest")
    for words, given in (
        ("is no demo workspace", {"workspace": "earnest"}),
        ("There is no workspace", {"workspace": "nobodys"}),
        ("must be positive", {"pace": 0}),
        ("must be positive", {"seconds": -1}),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("demo_agents", **{"url": "http://127.0.0.1:9", "seconds": 1, **given})
    assert not ApiKey.objects.exists()
    make.workspace("show", is_demo=True)
    out = io.StringIO()
    call_command("demo_agents", workspace="show", url="http://127.0.0.1:9", seconds=0.3, pace=50,
                 stdout=out)  # fmt: skip
    assert "waits 1 s for the portal" in out.getvalue()
    assert "Their keys are ended." in out.getvalue()
    assert ApiKey.objects.count() == 9
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_titles_of_missions__none_twice() -> None:
    """Also when every idea had its turn, and its rounds."""
    known: set[str] = set()
    for _ in range(3):
        known.add(preparing._another("Ask why", known))
    assert known == {"Ask why", "Ask why, round 2", "Ask why, round 3"}
